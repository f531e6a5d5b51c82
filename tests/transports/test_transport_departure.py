"""Leave to write a request: it is asked for once its connection is there, and nothing is written without it."""

import asyncio
import contextlib

import aiohttp
import pytest

from allmysms_async.errors import NotSent
from allmysms_async.exchange import MailEnvelope, departure
from allmysms_async.transports.aiohttp import AiohttpTransport
from allmysms_async.transports.smtp import SmtpTransport

from .conftest import OK


@contextlib.contextmanager
def leave_given_by(give):
    """Have somebody give leave."""
    token = departure.set(give)
    try:
        yield
    finally:
        departure.reset(token)


async def nothing(*_):
    """Do nothing."""


async def until(met):
    """Wait until a condition is met."""
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


async def test_leave_is_asked_for_once_the_connection_is_there_and_before_anything_is_written(server, transport):
    """Whoever gives leave finds the connection open and nothing on it; then the request goes, at once."""
    gate, asked = asyncio.Event(), 0

    async def give():
        nonlocal asked
        asked += 1
        await gate.wait()

    with leave_given_by(give):
        sending = asyncio.create_task(transport.send(server.request()))
        await until(lambda: asked and server.open)
        await asyncio.sleep(0.05)
        assert (server.connections, len(server.requests)) == (1, 0)
        gate.set()
        assert (await sending).body == b"{}"
        assert (await transport.send(server.request())).status == 200
    assert (asked, len(server.requests), server.connections) == (2, 2, 1)
    await transport.send(server.request())
    assert asked == 2


async def test_without_leave_nothing_is_written_and_the_reason_is_told(server, transport):
    """A refusal is the caller's own error, and nothing of the request reaches the server."""

    async def refuse():
        raise NotSent("There was no leave.")

    with leave_given_by(refuse), pytest.raises(NotSent, match="There was no leave"):
        await transport.send(server.request())
    assert server.requests == []


async def test_leave_that_comes_too_late_is_none(server, transport):
    """A request whose time is over while it waits for leave is not written."""
    with leave_given_by(asyncio.Event().wait), pytest.raises(NotSent):
        await transport.send(server.request(timeout=0.2))
    await asyncio.sleep(0.02)
    assert server.requests == []


async def test_what_the_server_says_while_a_session_waits_for_leave_is_no_answer_either(server):
    """The same where the session itself writes, since somebody of the user's looks on."""
    traces = aiohttp.TraceConfig()
    traces.on_request_end.append(nothing)
    async with aiohttp.ClientSession(trace_configs=[traces]) as session, AiohttpTransport(session) as transport:
        assert (await transport.send(server.request())).body == b"{}"
        give = leave_given_by(lambda: nothing(server.writers[-1].write(OK)))
        with give, pytest.raises(NotSent, match="answered before it was asked"):
            await transport.send(server.request())
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["default", "httpx", "aiohttp", "aiohttp session"])
async def test_what_the_server_says_while_a_request_waits_for_leave_is_no_answer_to_it(server, transport):
    """It came before the request was written, though the event loop has not read it yet."""
    early = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"

    async def give():
        server.writers[-1].write(early)

    assert (await transport.send(server.request())).body == b"{}"
    with leave_given_by(give), pytest.raises(NotSent, match="answered before it was asked"):
        await transport.send(server.request())
    assert len(server.requests) == 1


async def test_a_mail_waits_for_leave_on_an_open_connection_and_is_not_begun_without_it():
    """The server hears nothing of a mail before there is leave, and nothing at all where it is refused."""
    mail = MailEnvelope(
        name="mail", mail_from="shop@example.com", rcpt_to="sms@example.com", message=b"Subject: x\r\n\r\nx\r\n"
    )
    heard, writers = [], []

    async def serve(reader, writer):
        writer.write(b"220 here\r\n")
        writers.append(writer)
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                heard.append(line.split()[0].upper() if line.split() else b"")
                writer.write(b"354 go on\r\n" if line[:4] == b"DATA" else b"250 2.0.0 well\r\n")

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    asked = asyncio.Event()

    async def refuse():
        asked.set()
        raise NotSent("There was no leave.")

    async with SmtpTransport("127.0.0.1", port, security="plain", local_hostname="c.example.com") as transport:
        with leave_given_by(refuse), pytest.raises(NotSent, match="There was no leave"):
            await transport.send(mail)
    assert asked.is_set()
    assert b"EHLO" in heard
    assert b"MAIL" not in heard
    listener.close()
    for writer in writers:
        writer.transport.abort()
    await listener.wait_closed()
