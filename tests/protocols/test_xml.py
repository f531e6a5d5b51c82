"""XML on its own: whatever its shape, read within bounds by whoever makes something of it, and written to be read."""

import contextlib
import time
import tracemalloc
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from allmysms_async.protocols.envoyersmspro.answer import Unreadable, parse
from allmysms_async.protocols.rest.codec import from_xml
from allmysms_async.protocols.xml import NotXml, mapping, read_xml, write_xml
from tests.cases import each

TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff")
)

READERS: dict[str, Callable[[bytes], object]] = {
    "alone": lambda body: read_xml(body, mapping, max_elements=1000, max_depth=9),
    "rest": from_xml,
    "envoyersmspro": parse,
}
PIECES = [b"<a>", b"</a>", b"<a x='1'/>", b"1", b"&lt;", b"&e;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"\0", b"<?p"]

# -- reading ----------------------------------------------------------------------------------------------------------


@each(
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
    assert from_xml(body) == answer


LAUGHS = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (byte, b"&%c;" % (byte - 1) * 10) for byte in range(98, 110)
)
HARMFUL = {
    "laughs": LAUGHS + b"]><a><b>&m;</b></a>",
    "deep": b"<a>" * 100_000,
    "entities": b"<!DOCTYPE a [" + b"<!ENTITY e 'x'>" * 500_000,
    "external": b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><envoyersmspro><b>1</b></envoyersmspro>",
    "type alone": b"<!DOCTYPE envoyersmspro><envoyersmspro><b>1</b></envoyersmspro>",
}


@each("reader", READERS)
@each("body", HARMFUL.values(), ids=HARMFUL)
def test_harmful_xml_costs_nothing(reader: str, body: bytes) -> None:
    """A document that would grow is refused where its type begins, by every protocol: in no time, without memory."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises((NotXml, Unreadable)):
        READERS[reader](body)
    spent, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.5
    assert most < 2 * len(body) + 100_000


def test_number_of_elements_is_bounded() -> None:
    """A document of more elements than it may have is refused, whatever its length."""
    assert from_xml(b"<a>" + b"<b/>" * 9 + b"</a>", max_elements=10) == {"b": [""] * 9}
    with pytest.raises(NotXml, match="too many elements"):
        from_xml(b"<a>" + b"<b/>" * 10 + b"</a>", max_elements=10)


@pytest.mark.parametrize(("reader", "deepest"), [("alone", 9), ("rest", 32), ("envoyersmspro", 13)])
def test_depth_is_bounded(reader: str, deepest: int) -> None:
    """Each protocol reads as deep as its answers go, and refuses one level more."""

    def nested(levels: int) -> bytes:
        inner = levels - 1
        return b"<envoyersmspro>" + b"<a>" * inner + b"1" + b"</a>" * inner + b"</envoyersmspro>"

    assert READERS[reader](nested(deepest))
    with pytest.raises((NotXml, Unreadable), match="nests too deep"):
        READERS[reader](nested(deepest + 1))


def test_length_of_a_text_is_bounded() -> None:
    """A text is as long as it may be, and no longer, in however many pieces it comes."""
    body = b"<a><b>" + b"x&amp;" * 5000 + b"</b></a>"
    assert read_xml(body, mapping, max_elements=9, max_depth=9, max_text=10_000) == ("a", {"b": "x&" * 5000})
    with pytest.raises(NotXml, match="too long"):
        read_xml(body, mapping, max_elements=9, max_depth=9, max_text=9_999)
    with pytest.raises(Unreadable, match="too long"):
        parse(b"<envoyersmspro><a>" + b"x" * 10_000_001 + b"</a></envoyersmspro>")


@pytest.mark.parametrize("declared", [b"ISO-8859-1", b"utf-16", b"klingon"])
def test_charset_that_is_known_counts_for_more_than_the_declared(declared: bytes) -> None:
    """Where the protocol says what the bytes are, a declaration that says otherwise changes nothing."""
    body = b"<?xml version='1.0' encoding='" + declared + b"'?><a><b>\xc3\xa9</b></a>"
    assert read_xml(body, mapping, max_elements=9, max_depth=9, charset="utf-8") == ("a", {"b": "\u00e9"})


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_bytes_of_another_charset_than_the_known_are_refused(charset: str) -> None:
    """Where the protocol says UTF-8, bytes of another charset are refused, whatever they begin with."""
    with pytest.raises(NotXml):
        read_xml("<a><b>1</b></a>".encode(charset), mapping, max_elements=9, max_depth=9, charset="utf-8")


@given(
    body=st.binary()
    | st.lists(
        st.sampled_from(["<a>", "</a>", "<a/>", "1", "&lt;", "&e;", "<!--", "<![CDATA[", "]]>", "\0", "<?p"])
    ).map(lambda pieces: "".join(pieces).encode())
)
@pytest.mark.parametrize("reader", READERS)
def test_rubbish_is_one_error(reader: str, body: bytes) -> None:
    """Whatever comes is either read or refused by the reader's own error."""
    with contextlib.suppress(NotXml, Unreadable):
        READERS[reader](body)


# -- writing ----------------------------------------------------------------------------------------------------------


def flow(text: str, param: str = "") -> etree._Element:
    """Return the XML flow of a send, as another parser reads it."""
    data = {"MESSAGE": text, "TPOA": param, "SMS": [{"MOBILEPHONE": "1", "PARAM_1": param}]}
    return etree.fromstring(write_xml(data, {}, cdata={"MESSAGE"}))


@given(text=TEXTS, param=TEXTS)
def test_any_text_arrives_as_it_was(text: str, param: str) -> None:
    """Whatever a text or a value holds, another parser reads it unchanged."""
    root = flow(text, param)
    assert (root.findtext("MESSAGE"), root.findtext("TPOA"), root.findtext("SMS/PARAM_1")) == (text, param, param)


@each("text", ["]]>", "a]]>b]]>c", "]]", "<SMS>", "&amp;", "a\nb\tc", "a\rb\r\nc", "deux\n\nlignes"])
def test_special_text_stays_text(text: str) -> None:
    """The end of a CDATA section, tags, line ends and a carriage return are a text like any other."""
    assert flow(text, text).findtext("MESSAGE") == text
    assert flow(text, text).findtext("TPOA") == text


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

    assert msgspec.json.encode(from_xml(body)) == msgspec.json.encode({"x": without_blanks(answer)})
