"""Answers that would cost much to read, and what is read or written in the thread."""

import asyncio
import threading
import time
import tracemalloc
from typing import Any

import pytest

from allmysms_async import Contact, Recipient, RestBackend, SoapBackend
from allmysms_async.errors import NotSent, ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import People
from allmysms_async.protocols.rest import line
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.replies import GetPulls
from allmysms_async.protocols.rest.sms import SendMany
from allmysms_async.protocols.soap.account import GetInfo

INFO = b"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body><getInfoResponse>
<return><status>300</status></return></getInfoResponse></E:Body></E:Envelope>"""


class Fixed:
    """A transport that always answers the same."""

    def __init__(self, body: bytes) -> None:
        """Take the answer."""
        self.body = body
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.requests.append(request)
        return HttpResponse(status=200, headers={}, body=self.body)

    async def aclose(self) -> None:
        """Close nothing."""


@pytest.mark.slow
@pytest.mark.parametrize("one", [b"{},", b"[],", b"9,", b'{"a":9},'], ids=repr)
def test_answer_of_too_many_elements_is_refused_before_it_is_read(one: bytes) -> None:
    """64 MB of tiny elements would take gigabytes; they are counted first, which takes none."""
    body = b'{"mos":[' + one * (60_000_000 // len(one)) + one[:-1] + b"]}"
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ProtocolError, match="too many elements"):
            decode(GetPulls, HttpResponse(status=200, headers={}, body=body))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("size", "xml", "away"), [(60, 0, 0), (70, 0, 1), (30, 1, 0), (40, 1, 1)])
async def test_larger_answer_is_read_in_the_thread(
    monkeypatch: pytest.MonkeyPatch, size: int, xml: int, away: int
) -> None:
    """From 64 KB of JSON or 32 KB of XML on, reading would hold the event loop for too long."""
    where: list[bool] = []

    def noting(*args: Any, **options: Any) -> Any:
        where.append(threading.current_thread() is not threading.main_thread())
        return decode(*args, **options)

    monkeypatch.setattr(line, "decode", noting)
    filler = b"x" * size * 1024
    body = b"<r><mos/><a>%s</a></r>" % filler if xml else b'{"mos":[],"a":"%s"}' % filler
    backend = RestBackend("demo", "key", transport=Fixed(body), return_format="xml" if xml else "json")
    assert (await backend.api.replies.get_pulls()).mos == ()
    assert where == [bool(away)]
    await backend.aclose()


@pytest.mark.parametrize(("count", "odd", "away"), [(1500, b"", 0), (1500, b',"odd":1', 1), (6000, b"", 1)])
async def test_ordinary_answer_to_a_send_is_read_in_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, count: int, odd: bytes, away: int
) -> None:
    """It is read so fast that the thread would cost more; another field, or 256 KB, make it any large answer."""
    where: list[bool] = []

    def noting(*args: Any, **options: Any) -> Any:
        where.append(threading.current_thread() is not threading.main_thread())
        return decode(*args, **options)

    monkeypatch.setattr(line, "decode", noting)
    ids = b",".join(b'{"phoneNumber":"336%08d","smsId":"s%020d"}' % (number, number) for number in range(count))
    body = b'{"status":100,"campaignId":"c","smsIds":[%s]%s}' % (ids, odd)
    backend = RestBackend("demo", "key", transport=Fixed(body))
    people = [Recipient(f"336{number:08}") for number in range(count)]
    result = await backend.call(SendMany("Bonjour", people))
    assert (len(result.sms_ids), result.sms_ids[-1].phone_number) == (count, people[-1].phone)
    assert where == [True] * away
    await backend.aclose()


@pytest.mark.parametrize(("rows", "form", "away"), [(300, "xml", 0), (301, "xml", 1), (2000, "json", 0)])
async def test_long_flow_in_xml_is_written_in_the_thread(
    monkeypatch: pytest.MonkeyPatch, rows: int, form: Any, away: int
) -> None:
    """Over 300 rows, writing XML would hold the event loop for too long."""
    where: list[bool] = []
    encode = line.encode

    def noting(*args: Any, **options: Any) -> Any:
        where.append(threading.current_thread() is not threading.main_thread())
        return encode(*args, **options)

    monkeypatch.setattr(line, "encode", noting)
    backend = RestBackend("demo", "key", transport=Fixed(b'{"status":1,"success":1}'), flow_format=form)
    await backend.api.contacts.populate_list("l", [Contact("0612345678")] * rows)
    assert where == [bool(away)]
    people = People([f"336{number:08}" for number in range(rows)], [None] * rows)
    with pytest.raises(ProtocolError):  # what answers does not know what was asked
        await backend.call(SendMany("Bonjour", people))
    assert where == [bool(away)] * 2
    await backend.aclose()


async def test_wait_for_the_thread_counts_in_the_time_of_a_request() -> None:
    """A request whose time is over before it was written is surely not sent, and is told in time."""
    transport, gate = Fixed(INFO), threading.Event()
    backend = SoapBackend("demo", "demo-pass", transport=transport)
    await backend.perform(GetInfo())
    waiting = asyncio.ensure_future(backend._worker.run(gate.wait))
    await asyncio.sleep(0)
    with pytest.raises(NotSent, match="nothing was sent"):
        await backend.perform(GetInfo(), timeout=0.05)
    assert not gate.is_set()
    gate.set()
    assert await waiting
    assert (await backend.perform(GetInfo(), timeout=500)).status == "300"
    assert len(transport.requests) == 2
    assert transport.requests[1].timeout <= 500
    await backend.aclose()
