"""XML: read whatever its shape, refused where it could do harm, written so that any text arrives."""

import time
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from allmysms_async.errors import InvalidRequest, InvalidText, ProtocolError
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Contact, Recipient, Secret
from allmysms_async.protocols.rest.codec import Credentials, Formats, decode, encode
from allmysms_async.protocols.rest.contacts import GetContacts, PopulateList
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend
from allmysms_async.protocols.rest.xml import NotXml, read_xml, write_xml

XML = Formats(flow="xml", answer="xml")
CREDENTIALS = Credentials(login=Secret("demo"), api_key=Secret("k"))
TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff")
)


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"<a><b>1</b></a>", {"b": "1"}),
        (b"<a><b>1</b><b>2</b><b>3</b></a>", {"b": ["1", "2", "3"]}),
        (b"<a><b><c>1</c></b><b/></a>", {"b": [{"c": "1"}, ""]}),
        (b"<a>\n  <b> </b>\n <c x='1'> y </c></a>", {"b": "", "c": " y "}),
        (b"<a><b>1 &lt; 2 &amp;&amp; 3&#233;<![CDATA[<i>]]></b></a>", {"b": "1 < 2 && 3\u00e9<i>"}),
        (b"<a>stray<b>1</b>text</a>", {"b": "1"}),
        (b"<!-- c --><a><?p i?><b>1<!-- c -->2</b></a>", {"b": "12"}),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<a><b>\xc3\xa9</b></a>\n", {"b": "\u00e9"}),
        (b"\r\n <?xml version='1.0'?><a><b>1</b></a>", {"b": "1"}),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a><b>\xe9</b></a>", {"b": "\u00e9"}),
    ],
)
def test_shape_decides_what_an_element_is(body: bytes, answer: dict[str, object]) -> None:
    """An element with elements in it is a mapping, a repeated one a list, another one its text."""
    assert read_xml(body) == answer


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


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_xml_that_is_no_answer_is_one_error(body: bytes) -> None:
    """What is not XML, is cut, or declares anything, is one typed error that shows nothing of it."""
    with pytest.raises(ProtocolError) as caught:
        decode(GetContacts, HttpResponse(status=200, headers={}, body=body), formats=XML)
    assert caught.value.request == "getContacts"
    assert len(str(caught.value)) < 200
    assert not any(word in str(caught.value) for word in ("passwd", "503", "haha", "DOCTYPE"))


@pytest.mark.parametrize("body", [REFUSED["laughs"], REFUSED["deep"], b"<!DOCTYPE a [" + b"<!ENTITY e 'x'>" * 500_000])
def test_harmful_xml_costs_nothing(body: bytes) -> None:
    """A document that would grow is refused where its type begins: in no time, and without memory."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(NotXml):
        read_xml(body)
    spent, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.5
    assert most < 2 * len(body) + 100_000


def test_number_of_elements_is_bounded() -> None:
    """A document of more elements than any list has is refused, whatever its length."""
    assert read_xml(b"<a>" + b"<b/>" * 9 + b"</a>", max_elements=10) == {"b": [""] * 9}
    with pytest.raises(NotXml):
        read_xml(b"<a>" + b"<b/>" * 10 + b"</a>", max_elements=10)


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


@pytest.mark.parametrize("item", [b"discardedNumber", b"sms", b"number", b"contact"])
@pytest.mark.parametrize("count", [1, 2])
def test_refused_numbers_are_found_whatever_their_element_is_called(item: bytes, count: int) -> None:
    """VERBOSE's details are printed nowhere: however XML wraps them, each number has its reason."""
    details = b"".join(DETAIL % (item, number, b"blacklist_stop", item) for number in range(count))
    body = b"<sendSms><status>100</status>" + DETAILS % details + b"</sendSms>"
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=body), formats=XML)
    people = [Recipient(f"336{number:08d}") for number in range(count)]
    found = receipt(result, people, count, None)
    assert [(one.phone, one.reason.value) for one in found.rejected] == [(one.phone, "opted_out") for one in people]


# -- writing ----------------------------------------------------------------------------------------------------------


def flow(text: str, param: str = "") -> etree._Element:
    """Return the XML flow of a send, as another parser reads it."""
    return etree.fromstring(
        write_xml({"MESSAGE": text, "TPOA": param, "SMS": [{"MOBILEPHONE": "1", "PARAM_1": param}]}, {})
    )


@given(text=TEXTS, param=TEXTS)
def test_any_text_arrives_as_it_was(text: str, param: str) -> None:
    """Whatever a text or a value holds, another parser reads it unchanged."""
    root = flow(text, param)
    assert (root.findtext("MESSAGE"), root.findtext("TPOA"), root.findtext("SMS/PARAM_1")) == (text, param, param)


@pytest.mark.parametrize("text", ["]]>", "a]]>b]]>c", "]]", "<SMS>", "&amp;", "a\nb\tc", "a\rb\r\nc", "deux\n\nlignes"])
def test_special_text_stays_text(text: str) -> None:
    """The end of a CDATA section, tags, line ends and a carriage return are a text like any other."""
    assert flow(text, text).findtext("MESSAGE") == text
    assert flow(text, text).findtext("TPOA") == text


@pytest.mark.parametrize("text", ["\x00", "a\x0cb", "\x1b", "\ufffe", "\ud800"])
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


@pytest.mark.parametrize("column", ["code client", "1er", "<a>", "été", "", "x" * 65])
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


@given(
    answer=st.recursive(TEXTS, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1), max_leaves=8)
)
def test_what_is_written_is_read_back(answer: object) -> None:
    """The writer and the reader agree on any tree of texts, but for blanks that stand alone."""
    written = write_xml({"x": answer}, {})
    body = written.replace(b"<DATA>", b"<r>").replace(b"</DATA>", b"</r>")

    def without_blanks(value: object) -> object:
        if isinstance(value, dict):
            return {name: without_blanks(one) for name, one in value.items()}
        return "" if isinstance(value, str) and value.isspace() else value

    assert msgspec.json.encode(read_xml(body)) == msgspec.json.encode({"x": without_blanks(answer)})
