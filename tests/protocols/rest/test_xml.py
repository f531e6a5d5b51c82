"""XML: read whatever its shape, refused where it could do harm, written so that any text arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidRequest, InvalidText, ProtocolError
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Contact, Recipient, Secret
from allmysms_async.protocols.rest.codec import Credentials, Formats, decode, encode, from_xml
from allmysms_async.protocols.rest.contacts import GetContacts, PopulateList
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend
from tests.cases import each

XML = Formats(flow="xml", answer="xml")
CREDENTIALS = Credentials(login=Secret("demo"), api_key=Secret("k"))


# -- reading ----------------------------------------------------------------------------------------------------------


LAUGHS = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (byte, b"&%c;" % (byte - 1) * 10) for byte in range(98, 110)
)
REFUSED = {
    "laughs": LAUGHS + b"]><a><b>&m;</b></a>",
    "external entity": b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a><b>&e;</b></a>",
    "external type": b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a><b>1</b></a>",
    "type alone": b"<!DOCTYPE r><r><contacts><contact><MobilePhone>1</MobilePhone></contact></contacts></r>",
    "parameter entity": b"<!DOCTYPE a [<!ENTITY % e SYSTEM 'file:///etc/passwd'> %e;]><a><b>1</b></a>",
    "utf-16 with a type": "<!DOCTYPE a [<!ENTITY e 'x'>]><a><b>&e;</b></a>".encode("utf-16"),
    "unknown entity": b"<a><b>&e;</b></a>",
    "html": b"<!DOCTYPE html><html><body>503</body></html>",
    "html without type": b"<HTML><body>503</body></HTML>",
    "empty element": b"<a/>",
    "text alone": b"<a>100</a>",
    "cut": b"<a><b>1</b>",
    "cut in a tag": b"<a><b>1</b></",
    "two roots": b"<a><b>1</b></a><a/>",
    "wrong end": b"<a><b>1</c></a>",
    "wrong charset": b"<?xml version='1.0' encoding='UTF-8'?><a><b>\xe9</b></a>",
    "unknown charset": b"<?xml version='1.0' encoding='klingon'?><a><b>1</b></a>",
    "nul": b"<a><b>\x00</b></a>",
    "control character": b"<a><b>&#1;</b></a>",
    "deep": b"<a>" * 100_000,
    "deep and whole": b"<a>" * 40 + b"1" + b"</a>" * 40,
    "bare ampersand": b"<a><b>a & b</b></a>",
}


@each("body", REFUSED.values(), ids=REFUSED)
def test_xml_that_is_no_answer_is_one_error(body: bytes) -> None:
    """What is not XML, is cut, or declares anything, is one typed error that shows nothing of it."""
    with pytest.raises(ProtocolError) as caught:
        decode(GetContacts, HttpResponse(status=200, headers={}, body=body), formats=XML)
    assert caught.value.request == "getContacts"
    assert len(str(caught.value)) < 200
    assert not any(word in str(caught.value) for word in ("passwd", "503", "haha", "DOCTYPE"))


@given(length=st.integers(0, 83))
def test_xml_cut_anywhere_never_counts(length: int) -> None:
    """A send's answer that is cut, wherever that is, leaves the outcome open."""
    body = b"<sendSms><status>100</status><campaignId>c-1</campaignId><nbContacts>1</nbContacts></sendSms>"
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=body[:length]), formats=XML)


@given(body=st.binary() | st.binary().map(lambda noise: b"<a>" + noise + b"</a>"))
def test_random_bytes_are_never_sent(body: bytes) -> None:
    """No rubbish is read as a success."""
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=body), formats=XML)


@pytest.mark.parametrize("formats", [XML, Formats(flow="xml"), Formats(answer="xml")])
def test_either_format_is_read_where_the_manual_contradicts_itself(formats: Formats) -> None:
    """An answer follows the flow's format (introduction) or returnformat (§5): both are read."""
    for body in (b'{"status": 100}', b"<sendSms><status>100</status></sendSms>"):
        assert decode(SendSms, HttpResponse(status=200, headers={}, body=body), formats=formats).status == "100"


@pytest.mark.parametrize("body", [b'{"status": 100}', b"\xef\xbb\xbf\n<sendSms><status>100</status></sendSms>"])
def test_answer_is_read_in_its_own_format(body: bytes) -> None:
    """Whatever was asked for, an answer is read as what it is: XML where JSON was asked for, and the other way."""
    assert decode(SendSms, HttpResponse(status=200, headers={}, body=body)).status == "100"


def test_simple_send_is_asked_for_in_json_only() -> None:
    """A simple send asks for JSON whatever the format is; an answer in XML is read all the same."""
    result = decode(SimpleSend, HttpResponse(status=200, headers={}, body=b"<a><status>100</status></a>"), formats=XML)
    assert result.status == "100"
    operation = SimpleSend("a", "b")
    request = encode(operation, CREDENTIALS, base_url="http://h", timeout=1, max_response_bytes=1, formats=XML)
    assert b"returnformat=json" in request.body


DETAILS = b"<discardedNumbersDetails>%s</discardedNumbersDetails>"
DETAIL = b"<%b><number>336%08d</number><reason>%s</reason></%b>"


@each("item", [b"discardedNumber", b"sms", b"number", b"contact"])
@each("count", [1, 2])
def test_refused_numbers_are_found_whatever_their_element_is_called(item: bytes, count: int) -> None:
    """VERBOSE's details are printed nowhere: however XML wraps them, each number has its reason."""
    details = b"".join(DETAIL % (item, number, b"blacklist_stop", item) for number in range(count))
    body = b"<sendSms><status>100</status>" + DETAILS % details + b"</sendSms>"
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=body), formats=XML)
    people = [Recipient(f"336{number:08d}") for number in range(count)]
    found = receipt(result, people, count, None)
    assert [(one.phone, one.reason.value) for one in found.rejected] == [(one.phone, "opted_out") for one in people]


# -- writing ----------------------------------------------------------------------------------------------------------


@each("text", ["\x00", "a\x0cb", "\x1b", "\ufffe", "\ud800"])
def test_text_that_xml_cannot_carry_is_refused(text: str) -> None:
    """A character that XML has no way to write is refused before anything is sent, and JSON carries it."""
    with pytest.raises(InvalidText):
        encode(
            SendSms(text, [Recipient("33612345678")]),
            CREDENTIALS,
            base_url="http://h",
            timeout=1,
            max_response_bytes=1,
            formats=XML,
        )


@each("column", ["code client", "1er", "<a>", "été", "", "x" * 65])
def test_column_that_is_no_element_name_is_refused_in_xml_only(column: str) -> None:
    """A column whose name XML cannot write is refused with advice; JSON carries it."""
    operation = PopulateList("l", [Contact("33612345678", {column: "v"})])
    with pytest.raises(InvalidRequest, match="JSON"):
        encode(operation, CREDENTIALS, base_url="http://h", timeout=1, max_response_bytes=1, formats=XML)
    assert encode(operation, CREDENTIALS, base_url="http://h", timeout=1, max_response_bytes=1).body


def test_unknown_format_is_refused() -> None:
    """A format is json or xml."""
    with pytest.raises(InvalidRequest):
        Formats(flow="yaml")  # type: ignore[arg-type]


def test_text_as_long_as_an_answer_may_be_is_read() -> None:
    """A recorded message is one text in base64, and may have tens of megabytes: the answer's own bound is enough."""
    long = "QUJD" * 3_000_000
    assert from_xml(f"<media><content>{long}</content></media>".encode()) == {"content": long}
