"""A server that means harm, on a real socket: each send ends in one typed outcome, in time, and is written once."""

import asyncio
import logging
import random
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import (
    AllMySmsError,
    EnvoyerSmsProBackend,
    HttpRefused,
    InsufficientCredit,
    NotSent,
    OutcomeUnknown,
    RequestLimitReached,
    RetryPolicy,
    SmsService,
)
from allmysms_async.errors import RateLimited

SAMPLES = Path(__file__).parents[2] / "samples" / "envoyersmspro"
SENT = (SAMPLES / "send" / "response").read_bytes().strip()
LOGIN, PASSWORD, PHONE, TEXT = "0600000000", "motdepasse", "33612345678", "Votre code est 482159"
MEGABYTE = 1_000_000
ECHO = f"<request>/message/send?text={TEXT}&login={LOGIN}&password={PASSWORD}&recipients={PHONE}</request>".encode()

Script = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request, and what is written in answer to it.

    Attributes:
        writer: Where to write.
        written: Bytes that were written.
    """

    def __init__(self, server: "Hostile", writer: asyncio.StreamWriter) -> None:
        """Answer over a connection."""
        self.server, self.writer = server, writer
        self.written = 0

    async def say(self, said: bytes) -> None:
        """Write something, as it is."""
        self.written += len(said)
        self.writer.write(said)
        await self.writer.drain()

    async def flood(self, piece: bytes) -> None:
        """Write as much as the other side takes."""
        while True:
            await self.say(piece)

    async def drip(self, piece: bytes) -> None:
        """Write a little, again and again; hours pass."""
        while True:
            self.server.ahead += 1
            await self.say(piece)
            await asyncio.sleep(0)


class Hostile:
    """An HTTP server that answers byte for byte what a test says, and hangs up then unless it is told not to.

    Attributes:
        script: What to answer; the last one again and again.
        requests: Paths that were asked for.
        exchanges: All of them.
        stays: Whether connections stay open.
        ahead: Seconds that the event loop's clock is ahead.
        url: Its root.
    """

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.script: list[bytes | Script] = []
        self.requests: list[str] = []
        self.exchanges: list[Exchange] = []
        self.stays = False
        self.ahead = 0.0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                self.requests.append(head.split(b" ")[1].decode())
                self.exchanges.append(Exchange(self, writer))
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                await (self.exchanges[-1].say(act) if isinstance(act, bytes) else act(self.exchanges[-1]))
                if not self.stays:
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Hurried:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        """Start at a fixed moment."""
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time have passed."""
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def hostile(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hostile]:
    """A running server, which may set the event loop's clock forward."""
    one = Hostile()
    loop = asyncio.get_running_loop()
    true = loop.time
    monkeypatch.setattr(loop, "time", lambda: true() + one.ahead)
    listener = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield one
    listener.close()
    for exchange in one.exchanges:
        exchange.writer.transport.abort()
    await listener.wait_closed()


@pytest.fixture
async def sms(hostile: Hostile) -> AsyncIterator[SmsService]:
    """A service that repeats what may be repeated, four times in all."""
    clock, policy = Hurried(), RetryPolicy(attempts=4, deadline=1e9)
    options: dict[str, Any] = {"default_sender": "MAGASIN", "basic_auth": False, "request_limit": 10_000}
    backend = EnvoyerSmsProBackend(LOGIN, PASSWORD, base_url=hostile.url, clock=clock, **options)
    async with SmsService(backend, policy=policy, send_policy=policy, clock=clock, rng=random.Random(1)) as one:
        yield one


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing of a request is in any log, every library's at DEBUG."""
    caplog.set_level(logging.DEBUG)
    yield
    logged = "".join(f"{record.getMessage()}{record.args!r}{record.exc_text}" for record in caplog.records)
    assert not any(secret in logged for secret in (PASSWORD, PHONE, LOGIN, "482159"))


async def fail(sms: SmsService) -> AllMySmsError:
    """Send a text, which fails with an error that shows nothing of it."""
    with pytest.raises(AllMySmsError) as caught:
        await sms.send(TEXT, PHONE)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert not any(secret in shown for secret in (PASSWORD, PHONE, LOGIN, "482159"))
    return caught.value


def http(body: bytes, status: bytes = b"200 OK", *fields: bytes) -> bytes:
    """Return an answer whose head tells the truth."""
    head = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), head, body)


def failed(error_id: bytes, words: bytes = b"No", request: bytes = ECHO) -> bytes:
    """Return the provider's failure, with the request in it."""
    said = b"<error_id>%s</error_id><error_message>%s</error_message>" % (error_id, words)
    return b"<envoyersmspro><status>fail</status><error>%s%s</error></envoyersmspro>" % (request, said)


# -- answers that are cut ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False], ids=["length told", "until the end"])
async def test_send_whose_answer_is_cut_anywhere_is_unknown(hostile: Hostile, sms: SmsService, told: bool) -> None:
    """Wherever the printed answer to a send is cut, it is unknown what became of it, and it is written once."""
    head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: %d\r\n" % len(SENT) if told else b"") + b"\r\n"
    whole = head + SENT
    for length in range(len(whole)):
        hostile.script = [whole[:length]]
        assert isinstance(await fail(sms), OutcomeUnknown)
        assert len(hostile.requests) == length + 1
    hostile.script = [whole]
    assert (await sms.send(TEXT, PHONE)).campaign_id == "879"


# -- bodies that are no answer ----------------------------------------------------------------------------------------

_OK = b"<envoyersmspro><status>success</status><message><message_id>1</message_id>%s</message></envoyersmspro>"
_BOMB = b"".join(b'<!ENTITY %c "%s">' % (99 + step, b"&%c;" % (98 + step) * 10) for step in range(24))
NO_ANSWERS = {
    "nothing": b"",
    "blanks": b" \r\n" * 1000,
    "entity bomb": b'<!DOCTYPE a [<!ENTITY b "bb">%s]>' % _BOMB + _OK % b"&z;",
    "quadratic bomb": b'<!DOCTYPE a [<!ENTITY b "%s">]>' % (b"b" * 100_000) + _OK % (b"&b;" * 10_000),
    "document type": b"<!DOCTYPE envoyersmspro>" + _OK % b"",
    "external entity": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _OK % b"&e;",
    "external document type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">' + _OK % b"",
    "deep": _OK % (b"<a>" * 100_000 + b"</a>" * 100_000),
    "wide": _OK % (b"<a/>" * 400_000),
    "namespaces": b'<e:envoyersmspro xmlns:e="urn:e"><e:status>success</e:status></e:envoyersmspro>',
    "UTF-16": (_OK % b"").decode().encode("utf-16"),
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>' + b"+ADw-envoyersmspro+AD4-",
    "Latin 1": _OK % b"<tag>\xe9t\xe9</tag>",
    "NUL": _OK.replace(b"success", b"success\x00") % b"",
    "HTML": b"<html><body>Maintenance " + ECHO + b"</body></html>",
    "JSON": b'{"status": "success", "message_id": 1}',
    "other status": _OK.replace(b"success", b"succes") % b"",
    "no id": b"<envoyersmspro><status>success</status><message></message></envoyersmspro>",
    "failure without a number": failed(b""),
    "number that is none": failed(b"5x"),
    "unknown number": failed(b"6"),
    "negative number": failed(b"-5"),
    "huge number": failed(b"9" * 100_000),
    "wide digits": failed("\uff15".encode()),
    "two numbers in one": failed(b"5 1"),
    "cut in the request": failed(b"5", request=ECHO.replace(b"</request>", b""))[:200],
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
async def test_body_that_is_no_answer_leaves_the_outcome_open(hostile: Hostile, sms: SmsService, kind: str) -> None:
    """Whatever comes with 200 in place of an answer: the send may have been taken, and is not repeated."""
    hostile.script = [http(NO_ANSWERS[kind])]
    assert isinstance(await fail(sms), OutcomeUnknown)
    assert len(hostile.requests) == 1


async def test_known_failure_is_read_through_the_request_in_it(hostile: Hostile, sms: SmsService) -> None:
    """A failure that repeats the request, credentials and all, is its typed error and shows nothing of it."""
    hostile.script = [http(failed(b"5", b"Not enough SMS " + PHONE.encode()), b"400 Bad Request")]
    assert type(await fail(sms)) is InsufficientCredit


# -- HTTP that is none ------------------------------------------------------------------------------------------------

_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WRONG_HTTP = {
    "no HTTP": b"220 localhost ESMTP\r\n",
    "HTTP/0.9": SENT,
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "NUL": bytes(100),
    "status 99": b"HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "no name of a header": _HEAD + b": a\r\n\r\n" + SENT,
    "NUL in a header": _HEAD + b"A: \x00\r\n\r\n" + SENT,
    "no length that is one": _HEAD + b"Content-Length: abc\r\n\r\n" + SENT,
    "negative length": _HEAD + b"Content-Length: -1\r\n\r\n" + SENT,
    "two lengths": _HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + SENT,
    "too long": _HEAD + b"Content-Length: %d\r\n\r\n" % (len(SENT) + 1) + SENT,
    "too short": _HEAD + b"Content-Length: %d\r\n\r\n" % (len(SENT) - 1) + SENT,
    "longer than any number": _HEAD + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000) + SENT,
    "chunk that is none": CHUNKED + b"xyz\r\n" + SENT,
    "chunk below nothing": CHUNKED + b"-5\r\n" + SENT,
    "huge chunk": CHUNKED + b"ffffffffffffffff\r\n" + SENT,
    "chunk that is cut": CHUNKED + b"%x\r\n%s" % (len(SENT), SENT[:-5]),
    "chunks without an end": CHUNKED + b"%x\r\n%s\r\n" % (len(SENT), SENT),
    "other coding": _HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + SENT,
    "compressed": _HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(SENT), SENT),
    "only hints": b"HTTP/1.1 100 Continue\r\n\r\n" * 10,
    "nothing": b"",
}


@pytest.mark.parametrize("kind", WRONG_HTTP)
async def test_wrong_http_leaves_the_outcome_open(hostile: Hostile, sms: SmsService, kind: str) -> None:
    """Whatever is wrong with HTTP itself: the send may have been taken, and is not repeated."""
    hostile.script = [WRONG_HTTP[kind]]
    assert isinstance(await fail(sms), OutcomeUnknown)
    assert len(hostile.requests) == 1


FLOODS = {
    "status line": (b"HTTP/1.1 200 ", b"O" * 65_536),
    "header": (_HEAD + b"A: ", b"a" * 65_536),
    "headers": (_HEAD, b"A: a\r\n" * 10_000),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
    "long body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b" " * 65_536),
    "chunks": (CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "small chunks": (CHUNKED, b"1\r\n \r\n" * 10_000),
    "extension of a chunk": (CHUNKED + b"5;a=", b"a" * 65_536),
    "trailers": (CHUNKED + b"0\r\n", b"A: a\r\n" * 10_000),
    "body of an error": (b"HTTP/1.1 500 No\r\n\r\n", b" " * 65_536),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_flood_is_cut_off(hostile: Hostile, sms: SmsService, kind: str) -> None:
    """An answer without an end is cut off by its length, long before time is up; the send is not repeated."""
    begin, piece = FLOODS[kind]

    async def script(exchange: Exchange) -> None:
        await exchange.say(begin)
        await exchange.flood(piece)

    hostile.script = [script]
    assert isinstance(await fail(sms), OutcomeUnknown)
    assert len(hostile.requests) == 1
    assert hostile.ahead == 0
    # Two are read at most, some more wait in the buffers of the system.
    assert hostile.exchanges[0].written < 24 * MEGABYTE


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 ", _HEAD + b"A: ", _HEAD + b"\r\n", CHUNKED, CHUNKED + b"5;"])
@pytest.mark.parametrize("piece", [b"1", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["byte", "hint"])
async def test_drip_ends_in_time(hostile: Hostile, sms: SmsService, begin: bytes, piece: bytes) -> None:
    """What comes byte by byte and never ends is given up in time; the send is not repeated."""

    async def script(exchange: Exchange) -> None:
        await exchange.say(begin)
        await exchange.drip(piece)

    hostile.script = [script]
    assert isinstance(await fail(sms), OutcomeUnknown)
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("gap", [False, True], ids=["at once", "later"])
async def test_answer_to_a_later_request_is_not_believed(hostile: Hostile, sms: SmsService, gap: bool) -> None:
    """What a server says before a request was written is not its answer: a refused text is not taken for sent."""

    async def script(exchange: Exchange) -> None:
        if gap:
            await exchange.say(http(SENT))
            await exchange.say(http(SENT))
        else:
            await exchange.say(http(SENT) * 2)

    hostile.stays = True
    hostile.script = [script, http(failed(b"5"), b"400 Bad Request")]
    assert (await sms.send(TEXT, PHONE)).accepted
    error = await fail(sms)
    assert isinstance(error, OutcomeUnknown | InsufficientCredit)
    assert len(hostile.requests) == 2
    assert type(await fail(sms)) is InsufficientCredit


# -- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"301 No", b"302 No", b"303 No", b"307 No", b"308 No"])
async def test_redirect_is_not_followed(hostile: Hostile, sms: SmsService, status: bytes) -> None:
    """The password goes nowhere else, the same host included."""
    hostile.script = [http(b"", status, b"Location: " + hostile.url.encode() + b"/api/message/send")]
    assert type(await fail(sms)) is HttpRefused
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", failed(b"77"), failed(b"5")[:-60]], ids=range(4))
@pytest.mark.parametrize("after", [b"5", b"-1", b"99999999999", b"Infinity", b"", b"\xff"])
async def test_400_without_an_error_is_a_limit(hostile: Hostile, sms: SmsService, body: bytes, after: bytes) -> None:
    """A 400 without a known number is the limit of requests: not sent, tried again a bounded number of times."""
    hostile.script = [http(body, b"400 Bad Request", b"Retry-After: " + after)]
    error = await fail(sms)
    assert type(error) is RequestLimitReached
    assert 1 <= len(hostile.requests) <= 4


async def test_overload_without_an_end_is_given_up(hostile: Hostile, sms: SmsService) -> None:
    """A server that always asks to try again is asked a bounded number of times; then nothing was sent."""
    hostile.script = [http(b"", b"503 Busy", b"Retry-After: 0")]
    error = await fail(sms)
    assert type(error) is RateLimited
    assert isinstance(error, NotSent) or "not taken" in str(error)
    assert len(hostile.requests) == 4


@pytest.mark.parametrize("status", [b"302 No", b"400 No", b"401 No", b"403 No", b"404 No", b"429 No", b"503 No"])
@pytest.mark.parametrize("body", [SENT, SENT[:100], _OK % b"<x>", b"\r\n" + SENT], ids=range(4))
async def test_success_with_a_status_that_denies_it_is_unknown(
    hostile: Hostile, sms: SmsService, status: bytes, body: bytes
) -> None:
    """Where HTTP says no and the body says yes, the text may be on its way: it is not sent again."""
    hostile.script = [http(body, status), http(SENT)]
    assert isinstance(await fail(sms), OutcomeUnknown)
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("figure", [b"-1", b"0", b"9" * 18, b"-" + b"9" * 18])
async def test_absurd_count_of_a_success_loses_nobody(hostile: Hostile, sms: SmsService, figure: bytes) -> None:
    """A success accepts everybody, whatever it counts."""
    hostile.script = [http(_OK % (b"<sms_sent>%s</sms_sent>" % figure))]
    assert len((await sms.send(TEXT, PHONE)).accepted) == 1
