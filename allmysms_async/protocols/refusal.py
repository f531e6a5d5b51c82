"""What every protocol refuses alike: by a gateway's status, and for want of a field. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from allmysms_async.errors import GatewayError, InsufficientCredit, UnsupportedFeature
from allmysms_async.plausible import amount, figures
from allmysms_async.redaction import one_line

__all__ = ["Meaning", "place_of_wrong", "refusal", "refuse_lacking"]

_in_no_sender = re.compile(r"[^A-Za-z0-9 ]").search

Meaning: TypeAlias = tuple[type[GatewayError], str, str | None]
"""An error class, what the status means in plain words, and what to do about it."""


def refusal(table: Mapping[str, Meaning], code: str, request: str, words: str = "") -> GatewayError | None:
    """Return the error that a status stands for, or None if the table does not know it.

    Args:
        table: A protocol's statuses.
        code: The status.
        request: Name of the operation.
        words: The gateway's ``statusText``; 104's figures are read from it.
    """
    meaning = table.get(code)
    if meaning is None:
        return None
    kind, message, remedy = meaning
    message = f"{request}: {message.removesuffix('.')} (status {code})."
    if kind is GatewayError and words:
        # These statuses alone do not say why.
        message += f" The gateway's words: {one_line(words).rstrip('.')}."
    if kind is not InsufficientCredit:
        return kind(message, request=request, code=code, remedy=remedy)
    told = [amount(figure) for figure in figures(words)] if code == "104" else []
    amounts = [figure for figure in told if figure is not None] if len(told) >= 2 and None not in told[:2] else []
    needed, available = amounts[:2] if len(amounts) >= 2 else (None, None)
    if needed is not None:
        message += f" It needs {needed} credits, {available} are left."
    return InsufficientCredit(message, request=request, code=code, remedy=remedy, needed=needed, available=available)


def refuse_lacking(lacks: str, asked: Mapping[str, object]) -> None:
    """Refuse what a message asks for and a protocol lacks; the HTTPS API v9 has it.

    Args:
        lacks: How the sentence begins, such as ``Mail2SMS has no field for``.
        asked: What the protocol lacks, in words, each with what the message says of it.

    Raises:
        UnsupportedFeature: The message asks for one of them.
    """
    for what, wanted in asked.items():
        if wanted:
            msg = f"{lacks} {what}; nothing was sent."
            raise UnsupportedFeature(msg, backends=("rest",))


def place_of_wrong(sender: str, *, blank: bool = True) -> str:
    """Return where a sender has its first character that none may have, in words for the end of a sentence.

    Args:
        sender: The name that a protocol refuses.
        blank: Whether a space is one of those that it may have.

    Returns:
        Such as `` (U+00E9 at position 3)``, counted from 0; empty if each of its characters may be in one.
    """
    found = _in_no_sender(sender)
    at = len(sender) if found is None else found.start()
    if not blank and 0 <= (space := sender.find(" ")) < at:
        at = space
    return "" if at == len(sender) else f" (U+{ord(sender[at]):04X} at position {at})"
