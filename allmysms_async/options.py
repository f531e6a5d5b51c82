"""How a campaign is sent and where that is recorded: the options of a run, and which of them cannot be right."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from typing import TypedDict, cast

from allmysms_async import argument
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest

__all__ = ["RunOptions", "SendOptions", "ServiceSettings", "check_options", "check_settings", "checked_journal"]


class ServiceSettings(TypedDict, total=False):
    """What a service is made with beside its backend, as ``SmsService`` has it."""

    policy: RetryPolicy | None
    send_policy: RetryPolicy
    concurrency: int
    grace: float
    clock: Clock | None
    rng: random.Random | None


def check_settings(
    policy: object, send_policy: object, concurrency: object, grace: object, clock: object, rng: object
) -> None:
    """Refuse settings of a service that cannot be right.

    Raises:
        InvalidRequest: Naming the setting.
    """
    argument.count("concurrency", concurrency)
    argument.seconds("grace", grace, zero=True)
    argument.given("policy", policy, (RetryPolicy, type(None)), "a RetryPolicy")
    argument.given("send_policy", send_policy, RetryPolicy, "a RetryPolicy")
    argument.given("rng", rng, (random.Random, type(None)), "a random.Random")
    if clock is not None:
        argument.able("clock", clock, ("now", "monotonic", "sleep"), "a clock")


class SendOptions(TypedDict, total=False):
    """How a campaign is sent; each has a default.

    Attributes:
        chunk_size: Recipients in a request at most; the protocol's default otherwise.
        concurrency: Requests in flight at most; the service's otherwise.
        max_cost: Euros without tax that the campaign may cost, on protocols that report it.
        max_parts: Text parts that it may take.
        max_failure_rate: Share of this run's recipients that may end as failed or unknown, or be refused with their
            whole request, but for their numbers; from 0 to 1.
        max_duration: Seconds that a protocol's request limit may stretch the campaign to; None for any.
        lease: With a journal, seconds after which another process takes over what this one had in flight when it died;
            120 by default. It is renewed as long as the process lives, and looked up before each attempt at a request.
            An attempt that outlives it all the same (a process that was suspended) is asked about by another process
            with the same key, or is unknown without one: safe, and a nuisance with a lease shorter than an attempt.
    """

    chunk_size: int | None
    concurrency: int | None
    max_cost: Decimal | None
    max_parts: int | None
    max_failure_rate: float | None
    max_duration: float | None
    lease: float | None


class RunOptions(SendOptions, total=False):
    """How a campaign is sent, and where that is recorded.

    Attributes:
        journal: A path (SQLite) or a ``postgresql://`` URL, so that the campaign survives the process: a call with the
            same name continues it, whichever object or process makes it, and a source that is read again adds nothing
            twice. Without one it is remembered as long as the process lives.
    """

    journal: str | os.PathLike[str] | None


def check_options(options: SendOptions) -> None:
    """Refuse options that there are none of, and seconds that are none.

    Raises:
        InvalidRequest: Naming the option.
    """
    known = RunOptions.__annotations__.keys() | SendOptions.__annotations__.keys()
    for name in options:
        if name not in known:
            msg = f"There is no option {name!r}: there are {', '.join(sorted(known))}; nothing was sent."
            raise InvalidRequest(msg)
    for name, value in (("max_duration", options.get("max_duration")), ("lease", options.get("lease"))):
        if value is not None:
            argument.seconds(name, value)


def checked_journal(journal: object) -> str | None:
    """Return where a journal is, refusing what is neither a path nor a URL.

    Raises:
        InvalidRequest: It is neither.
    """
    if journal is None:
        return None
    if isinstance(journal, str) and "://" in journal:
        return journal
    argument.path("The journal", journal)
    return os.fspath(cast("str", journal))
