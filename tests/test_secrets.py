"""The API key, the text and whole numbers are shown nowhere: not in what is printed, pickled, logged or raised."""

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from allmysms_async.backend import SendRequest
from allmysms_async.errors import AllMySmsError, InvalidRequest
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.text import Coding
from allmysms_async.transports import AiohttpTransport, H11Transport, HttpxTransport

KEY = "k3ySecretOfTheAccount"
TEXT = "Votre code est K7Q4821M59"
PHONE = "33612345678"
SEND = SendRequest(
    message=SmsMessage(TEXT), text=TEXT, coding=Coding.GSM7, recipients=(Recipient(PHONE),), parts=1, timeout=2.0
)
INFO = b'{"status": "Active Account", "credits": 1, "apiKey": "' + KEY.encode() + b'"}'
ANSWERS: dict[str, bytes] = {
    "refused login": b'{"status": 102, "statusText": "no"}',
    "unlisted status": b'{"status": 999}',
    "unreadable field": b'{"status": 100, "smsIds": ["%s %s"]}' % (KEY.encode(), TEXT.encode()),
    "not json": b"<html>login=demo&apiKey=" + KEY.encode() + PHONE.encode() + b"</html>",
    "wrong charset": KEY.encode() + b"\xe9",
    "list": b'["' + KEY.encode() + b'"]',
}


class Fixed:
    """A transport that keeps what it is asked, and answers what it was told."""

    def __init__(self, body: bytes) -> None:
        """Answer every request with a body."""
        self.body = body
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.requests.append(request)
        return HttpResponse(status=200, headers={}, body=self.body)

    async def aclose(self) -> None:
        """Do nothing."""


class Loopback:
    """A server on loopback that answers every request with one body, or resets the connection if there is none."""

    body = b'{"status": 100, "smsIds": [{"phoneNumber": "33612345678", "smsId": "a"}]}'
    port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        assert KEY.encode() in await reader.readexactly(length)
        assert KEY.encode() not in head
        if self.body:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.body) + self.body)
            await writer.drain()
        writer.close()


@pytest.fixture
async def loopback() -> AsyncIterator[Loopback]:
    """A running server."""
    one = Loopback()
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as listener:
        one.port = listener.sockets[0].getsockname()[1]
        yield one
        await asyncio.sleep(0.01)


def shown(value: Any) -> str:
    """Return everything that printing a value shows, in every usual way."""
    return f"{value!r} {value} {value!a} {[value]} { {'a': value} }"


def pickled(value: object) -> bytes:
    """Return a value's pickle, or nothing if it refuses to be pickled."""
    try:
        return pickle.dumps(value)
    except TypeError:
        return b""


def check(shown: str) -> None:
    """Check that something that is shown holds no secret."""
    assert KEY not in shown
    assert TEXT not in shown
    assert "K7Q4821M59" not in shown
    assert PHONE not in shown


async def test_key_is_not_in_what_shows_a_backend() -> None:
    """A backend, and what it is made of, shows neither its login nor its key, and is not pickled."""
    backend = RestBackend("demo-login", KEY, transport=Fixed(INFO))
    check(shown(backend))
    assert "demo-login" not in shown(backend)
    line = vars(backend)["_line"]
    check(shown(vars(backend)) + shown(vars(line)) + shown(backend.api))
    assert "demo-login" not in shown(line)
    assert KEY.encode() not in pickled(backend) + pickled(line) + pickled(vars(line)["_credentials"])


async def test_key_is_in_the_body_of_a_request_alone() -> None:
    """A request carries the key in its body, and shows and pickles nothing of it."""
    transport = Fixed(b'{"status": 100}')
    await RestBackend("demo", KEY, transport=transport).send(SEND)
    (request,) = transport.requests
    assert KEY.encode() in request.body
    check(shown(request))
    check(f"{request.url} {request.headers}")
    assert KEY.encode() not in pickled(request)


async def test_key_in_an_answer_is_wrapped() -> None:
    """getInfo hands the key out: it can be revealed, and is shown neither in the result nor in its raw answer."""
    backend = RestBackend("demo", KEY, transport=Fixed(INFO))
    result = await backend.call(GetInfo())
    assert result.api_key is not None
    assert result.api_key.reveal() == KEY
    check(shown(result))
    check(shown(result.raw))
    check(shown(copy.copy(result)))
    assert KEY.encode() not in pickled(result)
    account = await backend.account()
    check(shown(account))
    assert KEY.encode() not in pickled(account)


@pytest.mark.parametrize("status", [100, 114])
async def test_figure_that_is_none_is_not_shown(status: int) -> None:
    """Whatever stands where a figure should is in ``raw`` alone: neither the receipt nor its warning shows it."""
    body = b'{"status": %d, "nbSms": "%s %s"}' % (status, KEY.encode(), TEXT.encode())
    receipt = await RestBackend("demo", KEY, transport=Fixed(body)).send(SEND)
    check(f"{receipt!r} {receipt.warning}")
    assert "nbSms" in (receipt.warning or "")


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
async def test_error_holds_no_secret(body: bytes) -> None:
    """Whatever the gateway answers, the error and its traceback hold neither key, text nor number."""
    backend = RestBackend("demo", KEY, transport=Fixed(body))
    with pytest.raises(AllMySmsError) as caught:
        await backend.send(SEND)
    check(shown(caught.value))
    check("".join(traceback.format_exception(caught.value)))
    assert not any(word.encode() in pickle.dumps(caught.value) for word in (KEY, TEXT, PHONE))


@pytest.mark.parametrize("key", ["", "key\n", "clé", "k\x00y"])
def test_impossible_key_is_refused_without_being_shown(key: str) -> None:
    """A key that cannot travel is refused, and the refusal does not hold it."""
    with pytest.raises(AllMySmsError) as caught:
        RestBackend("demo", key)
    assert not key or key not in shown(caught.value)


@pytest.mark.parametrize("over", [H11Transport, HttpxTransport, AiohttpTransport])
@pytest.mark.parametrize("ends", ["answered", "refused", "reset", "unreachable"])
async def test_logs_hold_no_secret(
    loopback: Loopback, caplog: pytest.LogCaptureFixture, ends: str, over: Callable[[], Any]
) -> None:
    """With every logger at DEBUG, those of the libraries below included, a send over the wire logs no secret."""
    if ends == "refused":
        loopback.body = b'{"status": 102}'
    elif ends == "reset":
        loopback.body = b""
    port = loopback.port if ends != "unreachable" else 1
    for name in ("httpx", "httpcore", "asyncio", "aiohttp", "allmysms_async", "h11", "anyio", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    transport = over()
    backend = RestBackend("demo", KEY, base_url=f"http://127.0.0.1:{port}", transport=transport)
    error: AllMySmsError | None = None
    try:
        await backend.send(SEND)
    except AllMySmsError as caught:
        error = caught
    await transport.aclose()
    assert (error is None) is (ends == "answered")
    names = {record.name.partition(".")[0] for record in caplog.records}
    assert "asyncio" in names
    assert over is not HttpxTransport or "httpcore" in names
    for record in caplog.records:
        check(f"{record.getMessage()} {record.args}")
    if error is not None:
        check("".join(traceback.format_exception(error)))
        check(shown(error))


@pytest.mark.parametrize(
    "url", ["https://:s3cret@gateway.test", "https://demo:s3cret@gateway.test/", "https://@h.test"]
)
def test_address_with_credentials_is_refused(url: str) -> None:
    """An address would be shown: one that holds a password is refused, without showing it."""
    with pytest.raises(InvalidRequest) as caught:
        RestBackend("demo", KEY, base_url=url)
    assert "s3cret" not in str(caught.value)
