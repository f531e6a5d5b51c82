"""One service, made at import, used from several event loops, threads and processes; every backend, real sockets."""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.sandbox import Sandbox
from tests.process import nursery

pytestmark = pytest.mark.slow

SEVERAL = Path(__file__).with_name("several.py")
Told = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def gateway() -> AsyncIterator[Sandbox]:
    """A running sandbox."""
    async with Sandbox() as running:
        yield running


@pytest.fixture(params=["rest", "soap", "mail2sms", "mail2sms encrypted", "mms", "envoyersmspro"])
def use(request: pytest.FixtureRequest, gateway: Sandbox, tmp_path: Path) -> Told:
    """Use one service on one backend in a way of ``several``; return how each send ended.

    Any warning, and whatever Python could not raise, fails the test.
    """

    wire, _, encrypted = request.param.partition(" ")
    authority = tmp_path / "authority.pem"
    if encrypted:
        authority.write_text(gateway.certificate)

    async def run(way: str) -> list[str]:
        files = [str(authority) if encrypted else "", str(tmp_path / "limit.db")]
        place = [wire, gateway.http_url, str(gateway.smtp_port), *files]
        program = await nursery().fork_with_streams(SEVERAL, [way, *place], dict(os.environ))
        try:
            out, err = await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        assert (err.decode(), program.returncode) == ("", 0)
        ends: list[str] = json.loads(out)
        return ends

    return run


def texts(gateway: Sandbox) -> Counter[str]:
    """Return how many texts each handset has."""
    return Counter(message["phone"] for message in gateway.messages())


async def test_service_goes_on_in_the_next_event_loop(use: Any, gateway: Sandbox) -> None:
    """A service that was used in a loop that is closed sends at the first attempt in the next, and leaks nothing."""
    assert await use("in turn, closed by hand, left open") == ["ok"] * 16
    assert list(texts(gateway).values()) == [1] * 16


async def test_service_sends_from_eight_threads_at_once(use: Any, gateway: Sandbox) -> None:
    """Threads that begin together, each with an event loop of its own, all send, and nobody is texted twice."""
    assert await use("at the same time") == ["ok"] * 45
    assert list(texts(gateway).values()) == [1] * 45


async def test_child_processes_send_while_their_parent_does(use: Any, gateway: Sandbox) -> None:
    """Processes that are forked off while connections are open use their own, and leave the parent's as they are."""
    assert await use("in processes") == ["ok"] * 19
    assert list(texts(gateway).values()) == [1] * 19


async def test_service_closed_in_one_event_loop_is_closed_in_all(use: Any, gateway: Sandbox) -> None:
    """Closing from another loop ends the connections of one that goes on, which then is refused, at once and typed."""
    first, second = await use("closed from another")
    assert first == "ok"
    assert second.startswith("ServiceClosed: ")
    assert "is closed; nothing was sent" in second
    assert list(texts(gateway).values()) == [1]
