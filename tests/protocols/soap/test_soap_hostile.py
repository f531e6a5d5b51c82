"""Answers that are none, or that mean harm: one typed error each, in bounded time and memory, over a real socket."""

import contextlib
import re
import resource
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.backend import SendRequest
from allmysms_async.errors import (
    AllMySmsError,
    FaultRefused,
    HttpRefused,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    ServerFailure,
)
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.protocols.soap.account import GetStop
from allmysms_async.protocols.soap.codec import decode
from allmysms_async.protocols.soap.sms import SendSms
from allmysms_async.text import Coding
from tests.cases import each

HEAD = (
    '<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:C="http://schemas.xmlsoap.org/soap/encoding/"><E:Body>'
)
FOOT = "</E:Body></E:Envelope>"
OK = "<status>100</status><campaignId>c-1</campaignId>"
SEND = SendRequest(message=SmsMessage("Bonjour"), text="Bonjour", coding=Coding.GSM7, recipients=(Recipient("336"),))


def answer(inner: str, after: str = "") -> bytes:
    """Return an answer to sendSms."""
    return f"{HEAD}<n:sendSmsResponse xmlns:n='u'><return>{inner}</return></n:sendSmsResponse>{after}{FOOT}".encode()


def fault(code: str) -> bytes:
    """Return a Fault."""
    words = "passCode demo-pass is wrong for 33612345678"
    return f"{HEAD}<E:Fault><faultcode>{code}</faultcode><faultstring>{words}</faultstring></E:Fault>{FOOT}".encode()


GOOD = answer(OK)
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE x [<!ENTITY e0 "lol">{ENTITIES}]>'.encode()
EXTERNAL = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LEVELS = "".join(f'<m id="r{n}"><a href="#r{n + 1}"/><b href="#r{n + 1}"/></m>' for n in range(40))
CHAIN = "".join(f'<m id="i{n}" href="#i{n + 1}"/>' for n in range(5000)) + '<m id="i5000">x</m>'
NESTED = "".join(f'<m id="n{n}">{"<a>" * 100}<b href="#n{n + 1}"/>{"</a>" * 100}</m>' for n in range(60))

# The bytes, and what the error calls them.
BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \r\n\t", "empty"),
    "html": (b"<!DOCTYPE html><html><body>Maintenance 33612345678</body></html>", "an HTML page"),
    "html without a type": (b"<html><body/></html>", "an HTML page"),
    "php warning": (b"<br />\n<b>Warning</b>: mysql_connect() demo-pass<br />" + GOOD, "an HTML page"),
    "text before": (b"Notice: undefined index" + GOOD, "text before"),
    "json": (b'{"status": 100}', "not XML"),
    "utf-16": (GOOD.decode().encode("utf-16"), "not XML"),
    "utf-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + GOOD, "encoding"),
    "ebcdic": (b'<?xml version="1.0" encoding="IBM037"?>' + GOOD, "encoding"),
    "wrong charset": (answer("<statusText>Envoyé</statusText>").decode().encode("latin-1"), "broken XML"),
    "control": (answer("<a>\x01</a>"), "broken XML"),
    "cut": (GOOD[:-8], "cut"),
    "followed by junk": (GOOD + b"<br/>", "broken XML"),
    "deep": (answer("<a>" * 5000 + "</a>" * 5000), "broken XML"),
    "entity bomb": (BOMB + answer("&e11;"), "document type"),
    "entity bomb after a comment": (b"<!-- <a> --><?x y?>\n" + BOMB + answer("&e11;"), "document type"),
    "external entity": (EXTERNAL + answer("&e;"), "document type"),
    "doctype": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + GOOD, "document type"),
    "unknown entity": (answer("<status>&nope;</status>"), "broken XML"),
    "not soap": (b"<sendSms><status>100</status></sendSms>", "not SOAP"),
    "no body": (f"{HEAD.removesuffix('<E:Body>')}</E:Envelope>".encode(), "nothing in it"),
    "empty body": ((HEAD + FOOT).encode(), "nothing in it"),
    "empty answer": (f"{HEAD}<sendSmsResponse/>{FOOT}".encode(), "SOAP, but empty"),
    "another answer": (
        f"{HEAD}<getInfoResponse><return>{OK}</return></getInfoResponse>{FOOT}".encode(),
        "not the answer",
    ),
    "cycle": (answer('<ids href="#a"/>', '<m id="a"><b href="#c"/></m><m id="c"><d href="#a"/></m>'), "reference"),
    "self": (answer('<ids href="#a"/>', '<m id="a" href="#a"/>'), "reference"),
    "dangling": (answer('<ids href="#nobody"/>'), "reference"),
    "foreign": (answer('<ids href="http://127.0.0.1:1/#a"/>'), "reference"),
    "href bomb": (answer('<ids href="#r0"/>', LEVELS + '<m id="r40">x</m>'), "without end"),
    "href chain": (answer('<ids href="#i0"/>', CHAIN), "lead too far"),
    "nested href chain": (answer('<ids href="#n0"/>', NESTED + '<m id="n60">x</m>'), "nested too deep"),
    "broken map": (answer('<x i:type="Map"><item><value>1</value></item></x>'), "map"),
    "no status": (answer("<campaignId>c-1</campaignId>"), "status"),
    "nothing": (answer(""), "status"),
    "nil": (f'{HEAD}<sendSmsResponse><return i:nil="true"/></sendSmsResponse>{FOOT}'.encode(), "status"),
    "unlisted status": (answer("<status>999</status>"), "status 999"),
    "secret status": (answer("<status>demo-pass 33612345678</status>"), "status"),
    "structured status": (answer("<status><a>100</a></status>"), "field status"),
    "scalar ids": (answer(OK + "<ids C:arrayType='x[1]'><item>1</item></ids>"), "field ids"),
}


@pytest.mark.parametrize(("body", "what"), BODIES.values(), ids=BODIES)
async def test_body_that_is_no_answer_leaves_the_outcome_open(told: Any, body: bytes, what: str) -> None:
    """Whatever comes instead of an answer is one typed error within a second, and nothing of it is in the error."""
    told.body = body
    backend = told.backend()
    started = time.process_time()
    with pytest.raises(ProtocolError) as caught:
        await backend.send(SEND)
    await backend.aclose()
    assert time.process_time() - started < 2
    assert what in str(caught.value)
    assert len(str(caught.value)) < 250
    assert not any(word in str(caught.value) for word in ("33612345678", "Envoy", "lol", "demo-pass", "root:"))


@each("body", [b"", GOOD], ids=["empty", "with an answer"])
@each("status", [201, 202, 204])
def test_other_success_of_http_is_no_answer(status: int, body: bytes) -> None:
    """A 202 says that somebody will see to it, not that it was done: the outcome stays open."""
    with pytest.raises(ProtocolError, match=f"HTTP {status}"):
        decode(SendSms, HttpResponse(status=status, headers={}, body=body))


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("SOAP-ENV:Client", FaultRefused),
        ("Client.Authentication", FaultRefused),
        ("E:VersionMismatch", FaultRefused),
        ("MustUnderstand", FaultRefused),
        ("SOAP-ENV:Server", ServerFailure),
        ("Server.Busy", ServerFailure),
        ("WSDL", ServerFailure),
        ("demo-pass", ServerFailure),
        ("", ServerFailure),
    ],
)
async def test_fault_is_told_by_its_code(told: Any, code: str, kind: type[AllMySmsError], status: int) -> None:
    """A Fault of the sender's is surely not taken, any other may have been; on HTTP 200 as on 500."""
    told.head = f"HTTP/1.1 {status} X".encode()
    told.body = fault(code)
    backend = told.backend()
    with pytest.raises(AllMySmsError) as caught:
        await backend.send(SEND)
    await backend.aclose()
    assert type(caught.value) is kind
    assert isinstance(caught.value, OutcomeUnknown) is (kind is ServerFailure)
    assert caught.value.code in {"Client", "Server", "VersionMismatch", "MustUnderstand", None}
    assert not re.search("demo-pass|33612345678", str(caught.value))


def test_fault_of_soap_12_is_told_by_its_code() -> None:
    """SOAP 1.2 has other words for the same."""
    names = {"Sender": FaultRefused, "Receiver": ServerFailure, "": ServerFailure}
    for name, kind in names.items():
        value = f"<s:Value>s:{name}</s:Value>" if name else "<s:Other/>"
        body = f"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code>{value}
            </s:Code></s:Fault></s:Body></s:Envelope>""".encode()
        with pytest.raises(kind):
            decode(SendSms, HttpResponse(status=500, headers={}, body=body))


@pytest.mark.parametrize("body", [b"", GOOD, b"<html/>", fault("Client")[:-3]], ids=["empty", "answer", "html", "cut"])
def test_http_500_without_a_fault_may_have_been_taken(body: bytes) -> None:
    """A 500 is a failure of the server's unless a Fault says more, even over a body that reads as success."""
    with pytest.raises(ServerFailure) as caught:
        decode(SendSms, HttpResponse(status=500, headers={}, body=body))
    assert caught.value.code == "500"


@each(
    ("status", "kind"),
    [
        *((status, HttpRefused) for status in (302, 401, 404)),
        (429, RateLimited),
        *((status, ServerFailure) for status in (408, 502, 503)),
        *((status, ProtocolError) for status in (101, 999)),
    ],
)
@each("body", [GOOD, fault("Client"), fault("Server")], ids=["answer", "client", "server"])
def test_other_http_status_decides(status: int, kind: type[AllMySmsError], body: bytes) -> None:
    """Any status but 200 and 500 decides by itself; one that denies what the body confirms leaves it open."""
    if body == GOOD and status < 500 and status != 408:
        kind = ProtocolError
    with pytest.raises(kind) as caught:
        decode(SendSms, HttpResponse(status=status, headers={}, body=body))
    assert type(caught.value) is kind


async def test_hundred_megabytes_are_cut_off(told: Any) -> None:
    """An answer of 100 MB is given up at the limit, in bounded time and memory."""
    told.pieces = [b" " * 1_000_000] * 100
    backend = told.backend(max_response_bytes=2_000_000)
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ProtocolError, match="longer than 2000000 bytes"):
        await backend.send(SEND)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    await backend.aclose()
    assert time.process_time() - started < 5
    assert peak < 60_000_000


DEAR: dict[str, Callable[[], str]] = {
    "elements": lambda: "<a/>" * 2_000_000,
    "attributes": lambda: "<a " + " ".join(f'a{n}=""' for n in range(2_000_001)) + "/>",
}


@pytest.mark.parametrize("write", DEAR.values(), ids=DEAR)
def test_small_answer_that_is_dear_to_read_is_refused_unread(write: Callable[[], str]) -> None:
    """Millions of elements or attributes are counted before anything is built of them."""
    body = answer(write())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(ProtocolError, match="too many elements"):
        decode(SendSms, HttpResponse(status=200, headers={}, body=body))
    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.slow
def test_references_are_bounded_in_a_large_answer_too() -> None:
    """A bomb of references in an answer with many elements takes little more than reading as many honest ones."""
    padding, last = "<p>x</p>" * 100_000, '<m id="r40">x</m>'
    honest, bomb = answer(OK + padding, LEVELS + last), answer('<ids href="#r0"/>', LEVELS + padding + last)
    taken: dict[bytes, list[float]] = {honest: [], bomb: []}
    for _ in range(3):
        for body, seconds in taken.items():
            # What this thread computes: what else the machine does is not the answer's doing.
            started = time.thread_time()
            with pytest.raises(ProtocolError, match="without end") if body is bomb else contextlib.nullcontext():
                decode(SendSms, HttpResponse(status=200, headers={}, body=body))
            seconds.append(time.thread_time() - started)
        if min(taken[bomb]) < 8 * min(taken[honest]):
            break
    assert min(taken[bomb]) < 8 * min(taken[honest]), (taken[bomb], taken[honest])


@pytest.mark.slow
def test_long_list_is_read() -> None:
    """What is large and honest is read: 50,000 opt-outs, 12 MB."""
    one = (
        '<item i:type="C:Struct"><phoneNumber i:type="s">33612345678</phoneNumber><comment i:type="s">stop</comment>'
        '<receptionDate i:type="s">2014-01-22 14:34:12</receptionDate></item>'
    )
    inner = f"<answer C:arrayType='x[50000]' i:type='C:Array'>{one * 50_000}</answer>"
    body = f"{HEAD}<getStopResponse><return>{inner}</return></getStopResponse>{FOOT}".encode()
    result = decode(GetStop, HttpResponse(status=200, headers={}, body=body))
    assert len(result.stops) == 50_000


@pytest.mark.parametrize(
    "prefix", [b"\xef\xbb\xbf", b"\r\n", b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- x -->']
)
def test_what_php_files_begin_with_is_no_fault(prefix: bytes) -> None:
    """A byte order mark, an empty line, a declaration and a comment before the envelope are passed over."""
    assert decode(SendSms, HttpResponse(status=200, headers={}, body=prefix + GOOD)).campaign_id == "c-1"


def test_declared_latin_1_is_read_as_it() -> None:
    """An answer that declares ISO-8859-1 and is that gives its accents."""
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + answer(OK + "<statusText>Envoyé</statusText>").decode()
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=text.encode("latin-1")))
    assert result.status_text == "Envoyé"


@given(body=st.binary() | st.text(alphabet="<>/!?=&;#-\"' aE:DOCTYPE").map(str.encode))
def test_random_bytes_never_count_as_sent(body: bytes) -> None:
    """No rubbish is read as a success, as a refusal, or breaks the reader."""
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=body))


@given(length=st.integers(0, len(GOOD) - 1))
def test_answer_cut_anywhere_never_counts(length: int) -> None:
    """An answer that is cut, wherever that is, leaves the outcome open."""
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=GOOD[:length]))
