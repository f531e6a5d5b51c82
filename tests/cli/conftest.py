"""The console script in a process of its own, against a sandbox over real sockets."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from allmysms_async.sandbox import Clock, Sandbox

SCRIPT = Path(sys.executable).with_name("allmysms")
KEY = "demo-key"


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test without an account in the environment."""
    names = ("LOGIN", "API_KEY", "BASE_URL", "DEBUG", "JOURNAL")
    for name in (*(f"ALLMYSMS_{each}" for each in names), "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
def environment(sandbox: Sandbox) -> dict[str, str]:
    """The sandbox's account, as an environment."""
    return {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": KEY, "ALLMYSMS_BASE_URL": sandbox.http_url}


async def start(*words: str, env: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start the console script."""
    return await asyncio.create_subprocess_exec(
        str(SCRIPT),
        *words,
        env=os.environ | {"COLUMNS": "120"} | (env or {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Ended:
    """Wait for a process; whatever it did, it must not have shown the key or a traceback."""
    out, err = await process.communicate(stdin)
    ended = Ended(process.returncode or 0, out.decode(), err.decode())
    assert KEY not in ended.out + ended.err
    assert "Traceback" not in ended.err
    return ended


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the console script on the sandbox's account."""

    async def run_script(*words: str, stdin: bytes = b"", **changes: str) -> Ended:
        return await finish(await start(*words, env=environment | changes), stdin)

    return run_script


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
