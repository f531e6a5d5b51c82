"""The handbook's pages."""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from allmysms_async.clock import SystemClock
from allmysms_async.testing import SandboxHandle
from allmysms_async.testing.server import Server
from tests.journal.database import Postgres

from .run import Runner, prepare

_numbers = itertools.count()


@pytest.fixture
def database() -> str | None:
    """No database: a module whose pages need one has its own."""
    return None


@pytest.fixture
def empty_database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty PostgreSQL, its password in the environment."""
    monkeypatch.setenv("PGPASSWORD", "not-shown")
    return postgres.create(f"handbook_{os.getpid()}_{next(_numbers)}").replace(":not-shown", "")


@pytest.fixture
def runner(
    tmp_path: Path,
    _allmysms_server: Server,
    allmysms_sandbox: SandboxHandle,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str | None,
) -> Iterator[Runner]:
    """What runs a page's examples, in a folder of its own, against a gateway that has seen nothing."""
    # Marketing is sent on a Tuesday morning whenever the tests run.
    clock = _allmysms_server.sandbox.clock
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromtimestamp(clock.now(), UTC))
    prepare(tmp_path, allmysms_sandbox, monkeypatch)
    one = Runner(_allmysms_server, allmysms_sandbox, capsys.readouterr, monkeypatch, database)
    yield one
    one.close()
