"""The handbook's two receivers run as they stand, each in a process of its own, and show what comes back."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from allmysms_async.cli.handbook import FOLDER

from .conftest import TOKEN, query, reply_query

EXAMPLE = re.compile(r"^<!-- example: (\w+) -->\n```python\n(.*?)^```$", re.M | re.S)
COMMANDS = [
    ("fastapi", ["-m", "uvicorn", "example:app", "--port", "{port}"], query(1), "33600000001 delivered\n"),
    ("aiohttp", ["example.py"], reply_query(1, "Oui"), "33600000001 Oui\n"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("library", "command", "event", "shown"), COMMANDS, ids=["fastapi", "aiohttp"])
def test_example_receives(
    library: str, command: list[str], event: str, shown: str, tmp_path: Path, reserve: Callable[[], int]
) -> None:
    """An event is answered OK, its handler prints it, and no log holds token or number."""
    page = (FOLDER / "recipes" / f"{library}.md").read_text(encoding="utf-8")
    example = dict(EXAMPLE.findall(page))[library]
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    port = reserve()
    known = {**os.environ, "ALLMYSMS_WEBHOOK_TOKEN": TOKEN, "PORT": str(port)}
    with (
        (tmp_path / "out").open("w+") as out,
        (tmp_path / "err").open("w+") as err,
        subprocess.Popen(
            [sys.executable, *(part.format(port=port) for part in command)],
            cwd=tmp_path, env=known, stdout=out, stderr=err,
        ) as process,
    ):  # fmt: skip
        try:
            answer = _patient(process, f"http://127.0.0.1:{port}/allmysms/{TOKEN}?{event}")
            deadline = time.monotonic() + 200
            while shown not in (tmp_path / "out").read_text() and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            process.terminate()
            process.wait(200)
    logged = (tmp_path / "err").read_text()
    assert (answer.status_code, answer.text) == (200, "OK")
    assert shown in (tmp_path / "out").read_text()
    assert TOKEN not in logged
    assert "33600000001" not in logged
    # aiohttp shows its access log in debug mode alone.
    assert library == "aiohttp" or '"GET /allmysms/***?' in (tmp_path / "out").read_text()


def _patient(process: "subprocess.Popen[bytes]", address: str) -> httpx.Response:
    """Ask until the server listens."""
    deadline = time.monotonic() + 200
    while True:
        assert process.poll() is None, "it ended"
        try:
            return httpx.get(address, timeout=60, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "it never listened"
            time.sleep(0.02)
