"""Requests an hour over all machines, for a gateway that counts them so: a small log of times in the database.

A limit of a hundred an hour is not spaced: that would delay the first hundred. A place is free again an hour after its
request *ended*, since nobody knows when in between the gateway counted it. All times are the database's: the machines'
own clocks do not matter. Each attempt that may have left has a place of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from allmysms_async.backend import Paces, Sends
from allmysms_async.errors import AllMySmsError
from allmysms_async.runner.control import Control

__all__ = ["FRESH_SECONDS", "Hour", "hour_of"]

_MARGIN_SECONDS = 2.0
FRESH_SECONDS = 30.0
"""For so long after it was taken, or confirmed, a request may leave on a place."""

_REQUEST_SECONDS = 120.0

_CLEAR = "delete from runner_request where line = $1 and ended_at <= clock_timestamp() - make_interval(secs => $2)"
_LOCK = "select hour_limit from runner_line where line = $1 for update"
_STATED = "select hour_limit from runner_line where line = $1"
_STATE = (
    "insert into runner_line as l (line, hour_limit) values ($1, $2)"
    " on conflict (line) do update set hour_limit = excluded.hour_limit"
)
_MANY = 1_000_000
"""More requests than any limit allows in an hour: how long they take cannot be told without asking for it."""

# Of two machines only one finds the last place: whoever counts has the account's row locked.
_TAKE = (
    "insert into runner_request (line, ended_at) select $1, clock_timestamp() + make_interval(secs => $4)"
    " where (select count(*) from runner_request where line = $1"
    " and ended_at > clock_timestamp() - make_interval(secs => $2)) < $3::int returning id"
)
_WAIT = (
    "select greatest(0, extract(epoch from ended_at - clock_timestamp()) + $2)::float8 as seconds from runner_request"
    " where line = $1 and ended_at > clock_timestamp() - make_interval(secs => $2) order by ended_at desc"
    " offset $3::int - 1 limit 1"
)
_END = "update runner_request set ended_at = clock_timestamp() where id = $1"
_CONFIRM = (
    "update runner_request set ended_at = greatest(ended_at, clock_timestamp() + make_interval(secs => $2))"
    " where id = $1 returning id"
)
_CANCEL = "delete from runner_request where id = $1"


class Hour:
    """The places in the hour of one account.

    Args:
        control: Where they are taken.
        line: The account whose requests are counted.
        limit: Requests in a window, unless the account's row says what the gateway stated.
        seconds: Length of the window.

    Attributes:
        limit: Requests in a window.
        request_seconds: How long a request may take, from leaving until it is given up: if its worker dies its place
            is held as if it had taken so long.
    """

    def __init__(self, control: Control, line: str, limit: int, seconds: float = 3600.0) -> None:
        self.request_seconds = _REQUEST_SECONDS
        self._control = control
        self._line = line
        self.limit = limit
        self._window = seconds + _MARGIN_SECONDS

    async def stated(self) -> bool:
        """Tell whether any machine was told the account's limit by the gateway; it is this one's from now on.

        Raises:
            JournalError: The database failed.
        """
        return self._hear(await self._control.fetch(_STATED, self._line))

    def _hear(self, rows: Sequence[Any]) -> bool:
        limit = rows[0]["hour_limit"] if rows else None
        self.limit = self.limit if limit is None else limit
        return limit is not None

    async def state(self, limit: int) -> None:
        """Let every machine know the limit that the gateway stated.

        Raises:
            JournalError: The database failed.
        """
        self.limit = limit
        await self._control.fetch(_STATE, self._line, limit)

    async def turn_in(self) -> float:
        """Return the seconds until there is a place, 0 if there is one.

        Raises:
            JournalError: The database failed.
        """
        rows = await self._control.fetch(_WAIT, self._line, self._window, self.limit)
        return float(rows[0]["seconds"]) if rows else 0.0

    async def take(self) -> tuple[int | None, float]:
        """Take a place; return it, or None and the seconds until there is one.

        Raises:
            JournalError: The database failed.
        """
        await self._control.fetch(_CLEAR, self._line, self._window)
        async with self._control.transaction() as fetch:
            await fetch("insert into runner_line (line) values ($1) on conflict do nothing", self._line)
            self._hear(await fetch(_LOCK, self._line))
            rows = await fetch(_TAKE, self._line, self._window, self.limit, self._longest)
        if rows:
            return int(rows[0]["id"]), 0.0
        return None, max(0.1, await self.turn_in())

    @property
    def _longest(self) -> float:
        """How long after it was taken the request of a place is over, whatever becomes of its worker."""
        return FRESH_SECONDS + self.request_seconds

    async def confirm(self, place: int) -> bool:
        """Have a place, whose request has not left yet, be of this moment; False if it is not had any more.

        Raises:
            JournalError: The database failed.
        """
        return bool(await self._control.fetch(_CONFIRM, place, self._longest))

    async def cancel(self, place: int) -> None:
        """Give a place back whose request surely did not leave.

        Raises:
            JournalError: The database failed.
        """
        await self._control.fetch(_CANCEL, place)

    async def end(self, place: int) -> None:
        """Note that the request of a place ended now.

        Raises:
            JournalError: The database failed.
        """
        await self._control.fetch(_END, place)


async def hour_of(backend: Sends, control: Control, line: str) -> Hour | None:
    """Return the log of an account's hour, where its gateway counts so, with the limit as the gateway states it.

    It is asked for by the first machine that gets an answer; what that is all others know from then on.

    Raises:
        JournalError: The database failed.
    """
    if not isinstance(backend, Paces) or not isinstance(usual := getattr(backend, "request_limit", None), int):
        return None
    hour = Hour(control, line, usual)
    if await hour.stated() or (place := (await hour.take())[0]) is None:
        return hour
    with contextlib.suppress(AllMySmsError):  # asking is a request like others
        await backend.least_seconds(_MANY)
        limit = getattr(backend, "request_limit", usual)
        if limit != usual:  # else nobody knows whether it was told
            await hour.state(limit)
    await hour.end(place)
    return hour
