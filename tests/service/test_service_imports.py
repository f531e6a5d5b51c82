"""The first journal of a process brings its libraries, and the event loop goes on meanwhile."""

import asyncio
import sys

import pytest

from allmysms_async.sandbox import Sandbox

WORK = """
import asyncio, sys, threading

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {"sqlalchemy", "allmysms_async.journal"}:
            found[name] = threading.current_thread() is threading.main_thread()

found = {}
sys.meta_path.insert(0, Watch())
from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService

async def main():
    async with SmsService(RestBackend("demo", "demo-key", base_url=sys.argv[1])) as sms:
        campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), ["0612345678"])
        if sys.argv[3] == "run":
            result = await sms.run(campaign, journal=sys.argv[2])
        else:
            if sys.argv[3] == "stream":
                run = sms.stream(campaign, journal=sys.argv[2])
            else:
                run = await sms.resume(sys.argv[2])
            assert run.result.rows == 0
            assert run.result.run_id == ""
            async for _ in run:
                pass
            result = run.result
    print(sorted(found.items()), result.accepted)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_first_journal_is_imported_beside_the_event_loop(sandbox: Sandbox, tmp_path: object) -> None:
    """Neither a run that begins a journal nor one that resumes it imports its libraries in the event loop's thread."""
    for what in ("run", "stream", "resume"):
        journal = f"{tmp_path}/{'stream' if what == 'stream' else 'run'}.db"
        ended = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORK, sandbox.http_url, journal, what),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await ended.communicate()
        assert ended.returncode == 0
        assert printed.decode().strip() == "[('allmysms_async.journal', False), ('sqlalchemy', False)] 1"


REFUSED = """
import asyncio, sys
from allmysms_async import Campaign, InvalidRequest, RestBackend, SmsMessage, SmsService

async def main():
    async with SmsService(RestBackend("demo", "demo-key", base_url=sys.argv[1])) as sms:
        campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), ["0612345678"])
        try:
            run = sms.stream(campaign, journal=sys.argv[2])
        except InvalidRequest as error:
            print("at once:", error)
            return
        try:
            async for _ in run:
                pass
        except InvalidRequest as error:
            print("when it begins:", error)
        print(run.result.rows)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_journal_that_is_none_is_refused_before_anything_is_sent(sandbox: Sandbox) -> None:
    """A stream whose journal is in memory is refused at once, one whose URL is of no journal when it begins."""
    expected = {
        ":memory:": "at once: A journal in memory would be forgotten",
        "mysql://host/name": "when it begins: A journal is a path (SQLite) or a postgresql:// URL, not mysql://.\n0\n",
    }
    for journal, words in expected.items():
        ended = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", REFUSED, sandbox.http_url, journal), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await ended.communicate()
        assert ended.returncode == 0
        assert printed.decode().startswith(words)
    assert sandbox.messages() == []
