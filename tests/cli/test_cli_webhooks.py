"""``allmysms webhooks show | set | remove`` against the sandbox, with real addresses that answer or do not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from allmysms_async.sandbox import Sandbox

TOKEN = "n0t-in-any-output-tOken"
Run = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def _answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one answer to every request; yield the address, and the requests' first lines."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/sms/{TOKEN}", asked


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


async def test_address_is_set_shown_and_removed(run: Run) -> None:
    """Both kinds at once, or each alone; the token is shown to whoever asks for it only."""
    assert "none" in (await run("webhooks", "show")).out
    async with _answering(OK) as (url, asked):
        ended = await run("webhooks", "set", url)
        assert (ended.code, TOKEN in ended.out + ended.err) == (0, False)
        assert len(asked) == 3  # from here, and by the gateway for each kind
    shown = await run("webhooks", "show")
    assert TOKEN not in shown.out
    assert shown.out.count("/sms/…") == 2
    assert json.loads((await run("webhooks", "show", "--whole", "--json")).out) == {"reports": url, "replies": url}
    assert "removed: replies" in (await run("webhooks", "remove", "--replies")).out
    assert json.loads((await run("webhooks", "show", "--whole", "--json")).out) == {"reports": url, "replies": None}
    assert "removed: reports" in (await run("webhooks", "remove")).out
    assert "none" in (await run("webhooks", "remove")).out


async def test_address_comes_from_standard_input(run: Run) -> None:
    """The token need not stand in a list of processes."""
    async with _answering(OK) as (url, _):
        assert (await run("webhooks", "set", "-", "--reports", stdin=f"{url}\n".encode())).code == 0
    assert json.loads((await run("webhooks", "show", "--whole", "--json")).out) == {"reports": url, "replies": None}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nokay", "not just OK"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK", "HTTP 302"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"OK" * 100_000, "not just OK"),
        (b"no http at all\r\n\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
async def test_address_that_does_not_answer_ok_is_refused(run: Run, answer: bytes, why: str) -> None:
    """Nothing is changed, and the sentence says why without the token."""
    async with _answering(answer) as (url, asked):
        ended = await run("webhooks", "set", url)
        assert len(asked) == 1
    assert ended.code == 2
    assert why in ended.err
    assert "nothing was changed" in ended.err
    assert TOKEN not in ended.out + ended.err
    assert "none" in (await run("webhooks", "show")).out


async def test_check_is_left_to_the_gateway_when_asked(run: Run) -> None:
    """It has the last word: an address that it refuses is not set."""
    async with _answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nNO") as (url, asked):
        ended = await run("webhooks", "set", url, "--no-check")
        assert len(asked) == 1
    assert ended.code == 1
    assert TOKEN not in ended.out + ended.err


@pytest.mark.parametrize(
    "url",
    ["", "sms.example.com", "ftp://a/b", "https://", "https://a:b@c/d", "https://[::1", "https://a:99999/", "a b"],
)
async def test_what_is_no_address_is_refused(sandbox: Sandbox, run: Run, url: str) -> None:
    """Before anything is asked of anybody."""
    ended = await run("webhooks", "set", "--", url)
    assert ended.code == 2
    assert "address must be" in ended.err
    assert not sandbox.state()["requests"]
