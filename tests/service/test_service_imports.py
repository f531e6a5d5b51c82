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
            run = await sms.resume(sys.argv[2])
            async for _ in run:
                pass
            result = run.result
    print(found, result.accepted)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_first_journal_is_imported_beside_the_event_loop(sandbox: Sandbox, tmp_path: object) -> None:
    """Neither a run that begins a journal nor one that resumes it imports its libraries in the event loop's thread."""
    for what in ("run", "resume"):
        ended = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORK, sandbox.http_url, f"{tmp_path}/j.db", what),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await ended.communicate()
        assert ended.returncode == 0
        assert printed.decode().strip() == "{'allmysms_async.journal': False, 'sqlalchemy': False} 1"
