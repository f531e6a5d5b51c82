"""Requests an hour over all machines, for a gateway that counts them so: a small log of times in the database.

A limit of a hundred an hour is not spaced: that would delay the first hundred. A place is free again an hour after its
request *ended*, since nobody knows when in between the gateway counted it.
"""

from __future__ import annotations

from allmysms_async.runner.control import Control

__all__ = ["Hour"]

_MARGIN_SECONDS = 2.0
_LONGEST_SECONDS = 120.0
"""A request that takes longer is not to be expected: its place is held so long if its worker dies."""

_CLEAR = "delete from runner_request where line = $1 and ended_at <= clock_timestamp() - make_interval(secs => $2)"
# The account's row is locked first: of two machines only one finds the last place.
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


class Hour:
    """The places in the hour of one account.

    Args:
        control: Where they are taken.
        line: The account whose requests are counted.
        limit: Requests in a window.
        seconds: Length of the window.

    Attributes:
        limit: Requests in a window.
    """

    def __init__(self, control: Control, line: str, limit: int, seconds: float = 3600.0) -> None:
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
            rows = await fetch(_TAKE, self._line, self._window, self.limit, _LONGEST_SECONDS)
        if rows:
            return int(rows[0]["id"]), 0.0
        return None, max(0.1, await self.turn_in())

    async def end(self, place: int) -> None:
        """Note that the request of a place ended now.

        Raises:
            JournalError: The database failed.
        """
        await self._control.fetch(_END, place)
