"""The health port answers whoever asks rightly, whatever else comes to it, and takes nothing from the worker."""

import asyncio

import pytest

from allmysms_async import InvalidRequest
from allmysms_async.runner import health as module
from allmysms_async.runner.health import Health
from allmysms_async.runner.stats import Stats


class Watched:
    """A worker that works."""

    stats = Stats()
    ready = True


async def answer(port, words=b"GET /ready HTTP/1.1\r\n\r\n"):
    """Return what comes back for some words, to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.read(), 100)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (b"\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\0\xff \xfe\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET  HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n", b""),
        (b"x" * 9000, b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /metrics?a=b HTTP/1.0\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 "),
    ],
)
async def test_garbage_is_answered_or_cut_off_and_the_next_one_is_served(words, begins):
    """Nothing that can be sent ends the server or holds a connection."""
    async with Health(Watched(), "127.0.0.1", 0) as health:
        assert (await answer(health.port, words)).startswith(begins)
        assert b"ready\n" in await answer(health.port)


async def test_who_says_nothing_is_cut_off(monkeypatch):
    """A connection over which nothing comes ends by itself."""
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    async with Health(Watched(), "127.0.0.1", 0) as health:
        assert await answer(health.port, b"GET /live HTTP/1.1\r\n") == b""


async def test_many_connections_take_no_more_than_a_few(monkeypatch):
    """Whoever comes beside as many as are served at once is cut off; those are served all the same, and later ones."""
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 8)
    async with Health(Watched(), "127.0.0.1", 0) as health:
        held = [await asyncio.open_connection("127.0.0.1", health.port) for _ in range(8)]
        async with asyncio.timeout(100):
            while health._served < 8:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert {await answer(health.port) for _ in range(20)} == {b""}
        for reader, writer in held:
            writer.write(b"GET /live HTTP/1.1\r\n\r\n")
            assert b"live\n" in await asyncio.wait_for(reader.read(), 100)
            writer.close()
        async with asyncio.timeout(100):
            while health._served:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert b"ready\n" in await answer(health.port)


async def test_a_port_that_is_taken_is_told():
    """It is no defect of the program, and nothing was begun."""
    async with Health(Watched(), "127.0.0.1", 0) as health:
        with pytest.raises(InvalidRequest, match=rf"port {health.port} of 127.0.0.1 .* nothing was sent"):
            await Health(Watched(), "127.0.0.1", health.port).__aenter__()
    with pytest.raises(InvalidRequest, match=r"of 203\.0\.113\.1 "):
        await Health(Watched(), "203.0.113.1", 0).__aenter__()
