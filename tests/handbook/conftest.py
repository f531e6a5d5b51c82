"""The handbook's pages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from allmysms_async.clock import SystemClock
from allmysms_async.testing import SandboxHandle
from allmysms_async.testing.server import Server

from .run import Runner, prepare


@pytest.fixture
def runner(
    tmp_path: Path,
    _allmysms_server: Server,
    allmysms_sandbox: SandboxHandle,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Runner]:
    """What runs a page's examples, in a folder of its own, against a gateway that has seen nothing."""
    # Marketing is sent on a Tuesday morning whenever the tests run.
    clock = _allmysms_server.sandbox.clock
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromtimestamp(clock.now(), UTC))
    prepare(tmp_path, allmysms_sandbox, monkeypatch)
    one = Runner(_allmysms_server, allmysms_sandbox, capsys.readouterr)
    yield one
    one.close()
