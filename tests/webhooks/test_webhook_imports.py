"""A receiver's journal brings its libraries, and the event loop goes on meanwhile."""

import asyncio
import sys
from pathlib import Path

import pytest

WORK = """
import asyncio, sys, threading

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {"sqlalchemy", "allmysms_async.journal"}:
            found[name] = threading.current_thread() is threading.main_thread()

found = {}
sys.meta_path.insert(0, Watch())
from allmysms_async.webhooks import Receiver

async def main():
    async with Receiver("a-token-that-nobody-knows", sys.argv[1]) as receiver:
        print(sorted(found.items()), receiver)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_receivers_journal_is_imported_beside_the_event_loop(tmp_path: Path) -> None:
    """A receiver that starts in an application that serves already does not hold it up."""
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORK, str(tmp_path / "events.db")), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await ended.communicate()
    assert ended.returncode == 0
    told = "[('allmysms_async.journal', False), ('sqlalchemy', False)] <Receiver 1 tokens, journal, started>"
    assert printed.decode().strip() == told
