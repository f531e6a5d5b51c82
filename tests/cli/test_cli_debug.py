"""What the command line shows of an end that is not the usual one."""

import re
import signal
from collections.abc import Awaitable, Callable

import pytest

from allmysms_async.sandbox import Sandbox

from .conftest import Ended, finish, start

Run = Callable[..., Awaitable[Ended]]
Until = Callable[[Callable[[], object]], Awaitable[None]]


async def test_debugging_shows_places_and_no_values(run: Run) -> None:
    """With ALLMYSMS_DEBUG=1 the places and types of the error and its causes are shown, and nothing of the text."""
    ended = await run("send", "--to", "06 12 34 56 7", "Votre code est 482159", ALLMYSMS_DEBUG="1")
    assert ended.code == 2
    shown, _, _ = ended.err.partition("Error:")
    assert "InvalidNumber" in shown
    assert "sending.py" in shown
    assert "482159" not in ended.err
    assert "12 34 56" not in shown


@pytest.mark.slow
async def test_interrupted_send_names_the_key_that_asks_again(
    run: Run, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """Ctrl-C while the answer is waited for says which key tells what happened; with it, nobody is texted twice."""
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    process = await start("send", "--to", "0612345678", "Votre code est 482159", env=environment)
    await until(lambda: sandbox.stats()["messages"])
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 3
    key = re.search(r"--idempotency-key (\w+)", ended.err)
    assert key, ended.err
    again = await run("send", "--to", "0612345678", "--idempotency-key", key[1], "Votre code est 482159")
    assert again.code == 0, again.err
    assert "earlier request" in again.out
    assert sandbox.stats()["max_per_handset"] == 1
