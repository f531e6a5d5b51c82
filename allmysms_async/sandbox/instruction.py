"""What a test or a developer does to the sandbox's world: each instruction makes sense, or is refused in a sentence."""

import math
from collections.abc import Mapping
from typing import get_args

from .fault import ControlError
from .numbering import canonical
from .state import Account, OptOutReason, World

__all__ = ["number_of", "opt_out", "record", "reply", "set_credits"]

_REASONS: Mapping[str, OptOutReason] = {reason: reason for reason in get_args(OptOutReason)}


def number_of(phone: str) -> str:
    """Return a number as the world has it.

    Raises:
        ControlError: It is not a number that the gateway takes.
    """
    number = canonical(phone.strip())
    if number is None:
        raise ControlError(f"{phone!r} is not a mobile number.")
    return number


def _account(world: World, login: str) -> Account:
    account = world.account(login)
    if account is None:
        raise ControlError(f"There is no account {login!r}; there are {', '.join(world.accounts)}.")
    return account


def set_credits(world: World, login: str, credits: float) -> None:
    """Set an account's credits.

    Raises:
        ControlError: There is no such account, or the credits are not a number from 0 up.
    """
    account = _account(world, login)
    if not (math.isfinite(credits) and credits >= 0):
        raise ControlError("The credits must be a number from 0 up.")
    account.credits = credits


def opt_out(world: World, phone: str, reason: str, login: str | None) -> None:
    """Put a number on the opt-out list of one account, or of all.

    Raises:
        ControlError: The number, the reason or the account does not exist.
    """
    number = number_of(phone)
    if reason not in _REASONS:
        raise ControlError(f"{reason!r} is not a reason; the reasons are {', '.join(_REASONS)}.")
    if login is not None:
        _account(world, login)
    world.opt_outs.add(number, _REASONS[reason], world.settle(), login)


def reply(world: World, phone: str, text: str) -> None:
    """Let a handset answer its last text.

    Raises:
        ControlError: It is not a number that the gateway takes, or nothing was ever sent to it.
    """
    if world.reply(number_of(phone), text) is None:
        raise ControlError(f"Nothing was sent to {phone!r} that could be answered.")


def record(world: World, code: str, sound: bytes) -> None:
    """Record a voice message under a code.

    Raises:
        ControlError: There is no such code.
    """
    recording = world.recordings.find(code)
    if recording is None:
        raise ControlError(f"There is no code {code!r}.")
    recording.sound, recording.recorded_at = sound, world.settle()
