"""A clock for several processes, which a test sets."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from allmysms_async.clock import SystemClock


class ShownClock(SystemClock):
    """A clock that shows what a file says, and whose sleepers wake when it is put on.

    Args:
        path: The file; see ``show``.
    """

    def __init__(self, path: str) -> None:
        """Read it whenever it is asked."""
        self._path = path

    @staticmethod
    def show(path: Path, moment: float) -> None:
        """Set the clock to a Unix time, from which it goes on."""
        new = path.with_suffix(".new")
        new.write_text(repr(moment - time.time()))
        new.replace(path)

    def now(self) -> datetime:
        """Return the present moment."""
        with open(self._path) as file:
            return datetime.fromtimestamp(time.time() + float(file.read()), UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(min(left, 0.1))
