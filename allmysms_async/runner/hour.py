"""Requests an hour over all machines, for a gateway that counts them so: a small log of times in the database.

A limit of a hundred an hour is not spaced: that would delay the first hundred. A place is free again an hour after its
request *ended*, since nobody knows when in between the gateway counted it. All times are the database's: the machines'
own clocks do not matter. Each attempt that may have left has a place of its own.
"""

from __future__ import annotations

from allmysms_async.runner.control import Control

__all__ = ["FRESH_SECONDS", "Hour"]

_MARGIN_SECONDS = 2.0
FRESH_SECONDS = 30.0
"""For so long after it was taken, or confirmed, a request may leave on a place."""

_REQUEST_SECONDS = 120.0

_CLEAR = "delete from runner_request where line = $1 and ended_at <= clock_timestamp() - make_interval(secs => $2)"
_LOCK = "select from runner_line where line = $1 for update"
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
        limit: Requests in a window.
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
            await fetch(_LOCK, self._line)
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
