"""The command line against a sandbox over real sockets: in this process, or as one where a process is the point."""

import asyncio
import contextlib
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from allmysms_async.cli import main
from allmysms_async.sandbox import Clock, Sandbox
from tests.process import Forked, nursery

SCRIPT = Path(sys.executable).with_name("allmysms")
COMMANDS = Path(__file__).with_name("command_line.py")
KEY = "demo-key"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]
Process = asyncio.subprocess.Process | Forked


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test without an account in the environment."""
    names = ("LOGIN", "API_KEY", "BASE_URL", "DEBUG", "JOURNAL", "WEBHOOK_TOKEN", "PROFILE")
    for name in (*(f"ALLMYSMS_{each}" for each in names), "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)  # whoever runs the tests may have profiles


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
def environment(sandbox: Sandbox) -> dict[str, str]:
    """The sandbox's account, as an environment."""
    return {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": KEY, "ALLMYSMS_BASE_URL": sandbox.http_url}


async def start(*words: str, env: dict[str, str] | None = None, **streams: int | None) -> Process:
    """Start the command line in a process of its own, which has imported it beforehand."""
    environment = os.environ | {"COLUMNS": "120"} | (env or {})
    return await nursery().fork_with_streams(COMMANDS, words, environment, **streams)


async def start_script(*words: str, env: dict[str, str] | None = None) -> Process:
    """Start the console script itself, with all that it imports."""
    return await asyncio.create_subprocess_exec(
        str(SCRIPT),
        *words,
        env=os.environ | {"COLUMNS": "120"} | (env or {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def checked(ended: Ended) -> Ended:
    """Return how a command ended; whatever it did, it must not have shown the key or a traceback."""
    assert KEY not in ended.out + ended.err
    assert "Traceback" not in ended.err
    return ended


async def finish(process: Process, stdin: bytes = b"") -> Ended:
    """Wait for a process that was started."""
    out, err = await process.communicate(stdin)
    return checked(Ended(process.returncode or 0, out.decode(), err.decode()))


def called(words: tuple[str, ...], stdin: bytes) -> Ended:
    """Call the command line with streams of its own, as bytes that are read as strictly as a process's."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(words)
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


async def call(*words: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> Ended:
    """Call the command line in a thread, beside the sandbox, which is in this one."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Ended] = loop.create_future()

    def work() -> None:
        try:
            ended = called(words, stdin)
        except BaseException as error:  # it is raised where it is waited for
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, ended)

    with mock.patch.dict(os.environ, {"COLUMNS": "120"} | (env or {})):
        # A daemon: a command that hangs keeps neither the test nor the others from ending.
        threading.Thread(target=work, name="command line", daemon=True).start()
        return checked(await done)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command on the sandbox's account."""

    async def run_command(*words: str, stdin: bytes = b"", **changes: str) -> Ended:
        return await call(*words, env=environment | changes, stdin=stdin)

    return run_command


@pytest.fixture
def clients(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of clients with these numbers."""

    def write(numbers: list[str]) -> Path:
        path = tmp_path / "clients.csv"
        lines = ["Prénom;Mobile", *(f"Zoé{position};{phone}" for position, phone in enumerate(numbers))]
        path.write_bytes("\r\n".join(lines).encode("cp1252"))
        return path

    return write


@pytest.fixture
def nobody_listens(reserve: Callable[[], int]) -> str:
    """An address where no server is."""
    return f"http://127.0.0.1:{reserve()}"
