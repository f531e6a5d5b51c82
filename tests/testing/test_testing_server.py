"""The server of a test session, and what one test leaves to the next."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from allmysms_async.testing import SandboxHandle
from allmysms_async.testing.server import Server
from allmysms_async.testing.setting import Setting


def test_nothing_goes_on_after_a_test_and_after_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test waited for takes no text of a later one; a text of the last moment is there; the thread ends."""
    before = set(threading.enumerate())  # the session's own server may be among them
    with Server() as server:
        first, second = SandboxHandle(server), SandboxHandle(server)
        first.begin(Setting())

        async def expect() -> object:
            return first.expect("0612345678")

        assert "not yet" in repr(left := asyncio.run(expect()))
        first.end()
        second.begin(Setting())

        async def send() -> None:
            async with second.service() as sms:
                await sms.send("Bonjour", "0612345678")

        asyncio.run(send())
        assert "not yet" in repr(left)
        # The wait was over, and the text came before anybody was told so.
        over = SimpleNamespace(done=set[object]())
        monkeypatch.setattr("allmysms_async.testing.expectation.wait", lambda *_: over)
        assert second.expect("0612345678").text == "Bonjour"
        with pytest.raises(AssertionError, match="did not come"):
            second.expect("0612345678")
        second.end()
    assert not any(thread.name == "allmysms sandbox" for thread in set(threading.enumerate()) - before)
