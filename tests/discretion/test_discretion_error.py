"""Errors of every backend, whatever goes wrong, hold no secret: not in words, not in a frame's variables."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from allmysms_async import AllMySmsError, Recipient, SmsMessage

from . import conftest as here

Failure = Callable[[str], Awaitable[BaseException | None]]


async def refused_connection(protocol: str) -> BaseException | None:
    """Send where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return await here.send(here.backend(protocol, bound.getsockname()[1]))


async def silence(protocol: str) -> BaseException | None:
    """Send to a server that takes the request, and says nothing."""
    async with here.listening(protocol) as server:
        server.answer = None
        server.steps = {b"DOT": b""}
        return await here.send(here.backend(protocol, server.port, timeout=0.4))


async def lost(protocol: str) -> BaseException | None:
    """Send to a server that hangs up."""
    async with here.listening(protocol) as server:
        server.answer = lambda _: b""
        server.steps = {b"DOT": b"\r\n\r\n"}
        return await here.send(here.backend(protocol, server.port))


async def failing(protocol: str) -> BaseException | None:
    """Send to a server that fails, and quotes the request."""
    async with here.listening(protocol) as server:
        server.answer = lambda request: here.http(500, request)
        server.steps = {b"DOT": b"451 %s"}
        return await here.send(here.backend(protocol, server.port))


async def garbage(protocol: str) -> BaseException | None:
    """Send to a server that answers the request itself."""
    async with here.listening(protocol) as server:
        server.answer = lambda request: here.http(200, request)
        server.steps = {b"DOT": b"999 %s"}
        return await here.send(here.backend(protocol, server.port))


async def no_http(protocol: str) -> BaseException | None:
    """Send to a server that answers the request without a status."""
    async with here.listening(protocol) as server:
        server.answer = lambda request: request + b"\r\n\r\n"
        server.steps = {b"MAIL": b"%s"}
        return await here.send(here.backend(protocol, server.port))


async def refused_number(protocol: str) -> BaseException | None:
    """Send to a gateway that refuses the number, and quotes."""
    async with here.listening(protocol) as server:
        server.answer = lambda _: here.http(200, here.REFUSED[protocol])
        server.steps = {b"RCPT": b"550 %s"}
        return await here.send(here.backend(protocol, server.port))


async def refused_login(protocol: str) -> BaseException | None:
    """Send to a server that refuses the login, and quotes it."""
    async with here.listening(protocol) as server:
        server.answer = lambda request: here.http(401, request)
        server.steps = {b"AUTH": b"535 %s"}
        return await here.send(here.backend(protocol, server.port))


async def bad_certificate(protocol: str) -> BaseException | None:
    """Send to a server whose certificate nobody trusts."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the server's side of it
    async with here.listening(protocol, here.untrusted()) as server:
        return await here.send(here.backend(protocol, server.port, tls=True))


class Broken:
    """A transport with a defect."""

    async def send(self, request: Any) -> Any:
        """Fail with what it was given at hand."""
        body = getattr(request, "body", None) or request.message
        raise RuntimeError(len(body))

    async def aclose(self) -> None:
        """Do nothing."""


async def defect(protocol: str) -> BaseException | None:
    """Send through a transport with a defect."""
    return await here.send(here.backend(protocol, 1, transport=Broken()))


async def bad_number(protocol: str) -> BaseException | None:
    """Send to a number that is none."""
    one = here.service(here.backend(protocol, 1))
    try:
        await one.send(here.TEXT.replace("#param_1#", here.NAME), [here.NUMBER, f"{here.NUMBER}9"])
    except AllMySmsError as error:
        return error
    return None


async def bad_text(protocol: str) -> BaseException | None:
    """Send a text that cannot travel."""
    one = here.service(here.backend(protocol, 1))
    try:
        await one.send(SmsMessage(here.TEXT), Recipient(here.NUMBER, (f"{here.NAME}\ud800",)))
    except AllMySmsError as error:
        return error
    return None


async def bad_credential(protocol: str) -> BaseException | None:
    """Open a backend with a key that cannot be one."""
    try:
        here.backend(protocol, 1).__class__(
            here.LOGIN, here.KEY + "\0", **({"mail_from": "a@b.fr"} if protocol == "mail2sms" else {})
        )
    except AllMySmsError as error:
        return error
    return None


async def cancelled(protocol: str) -> BaseException | None:
    """Cancel a send that waits for its answer."""
    async with here.listening(protocol) as server:
        server.answer = None
        server.steps = {b"DOT": b""}
        task = asyncio.create_task(here.send(here.backend(protocol, server.port)))
        await server.asked.wait()
        task.cancel()
        return await task


FAILURES: dict[str, Failure] = {
    one.__name__: one
    for one in (
        refused_connection,
        silence,
        lost,
        failing,
        garbage,
        no_http,
        refused_number,
        refused_login,
        bad_certificate,
        defect,
        bad_number,
        bad_text,
        bad_credential,
        cancelled,
    )
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_an_error_shows_no_secret_in_any_way(protocol: str, failure: Failure) -> None:
    """Printed, with the variables of its frames, or walked through: no key, password, number, text or parameter."""
    error = await failure(protocol)

    assert error is not None
    for way, show in here.ERRORS.items():
        here.check(show(error), way)
    for before in here.chain(error):
        for way, show in here.PRINTED.items():
            here.check(show(before), way)
