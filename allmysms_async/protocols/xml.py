"""XML as the gateways write and read it: answers into whatever a protocol makes of them, data flows into documents.

Answers are untrusted. They are read by expat, event by event: a document type is refused where it begins, before
anything in it is read, so that no entity is ever declared, and nothing is fetched; depth, the number of elements and
the length of a text are bounded as they are read, and no tree is built but the protocol's own. The transport bounds the
size.

Source: HTTPS API v9, §5, annexes 1 to 12; Envoyer SMS Pro, "Encodage".
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Generic, TypeAlias, TypeVar
from xml.parsers import expat

from allmysms_async.errors import InvalidRequest, InvalidText

__all__ = ["NotXml", "mapping", "read_xml", "write_xml"]

T = TypeVar("T")

Make: TypeAlias = Callable[[str, str, list[T]], T]
"""Makes something of an element: of its name, its text (nothing that counts if it has elements), and what its own
elements were made into."""

# An element, a tag, a character or a CDATA section that was begun and has no end.
_CUT = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_UTF_16 = frozenset({b"\xff\xfe", b"\xfe\xff"})


class NotXml(ValueError):
    """The bytes are not an XML answer; the message says what they are instead, and shows nothing of them."""


class _Reader(Generic[T]):
    """Collects one document, from the innermost elements outwards.

    Args:
        make: Makes something of each element.
        max_elements: Elements that are read at most.
        max_depth: How deep they nest at most.
        max_text: Characters of one element's text at most.
    """

    def __init__(self, make: Make[T], max_elements: int, max_depth: int, max_text: int) -> None:
        self.root: T | None = None
        self._make = make
        self._left = max_elements
        self._max_depth = max_depth
        self._max_text = max_text
        self._made: list[list[T]] = []
        self._text: list[str] = []

    def begin(self, name: str, _: object) -> None:
        """Take in the beginning of an element."""
        self._left -= 1
        if self._left < 0:
            msg = "XML of too many elements"
            raise NotXml(msg)
        if len(self._made) >= self._max_depth:
            msg = "XML that nests too deep"
            raise NotXml(msg)
        if not self._made and name.lower() == "html":
            msg = "an HTML page"
            raise NotXml(msg)
        self._made.append([])
        self._text.clear()

    def text(self, data: str) -> None:
        """Take in a piece of text."""
        self._text.append(data)

    def end(self, name: str) -> None:
        """Take in the end of an element."""
        text = "".join(self._text)
        self._text.clear()
        if len(text) > self._max_text:
            msg = "XML with a text that is too long"
            raise NotXml(msg)
        made = self._make(name, text, self._made.pop())
        if self._made:
            self._made[-1].append(made)
        else:
            self.root = made

    def refuse(self, name: str, *_: object) -> None:
        """Refuse a document type, where entities would be declared."""
        msg = "an HTML page" if name.lower() == "html" else "XML with a document type, which is refused"
        raise NotXml(msg)


def read_xml(
    body: bytes,
    make: Make[T],
    *,
    max_elements: int,
    max_depth: int,
    max_text: int = 10_000_000,
    charset: str | None = None,
) -> T:
    """Return what a document's root was made into.

    Args:
        body: The bytes.
        make: Makes something of each element, the inner ones first.
        max_elements: Elements that are read at most.
        max_depth: How deep they nest at most.
        max_text: Characters of one element's text at most.
        charset: The bytes' own, whatever they declare; None believes them, and takes UTF-8 where they declare none.

    Raises:
        NotXml: Not XML, cut, in another charset, with a document type, or beyond a bound.
    """
    if charset is not None and (body[:2] in _UTF_16 or b"\0" in body):  # which expat would rather believe
        msg = "not XML, or broken"
        raise NotXml(msg)
    parser = expat.ParserCreate(charset)
    parser.buffer_text = True
    reader = _Reader(make, max_elements, max_depth, max_text)
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ExternalEntityRefHandler = None
    try:
        parser.Parse(body.strip(b" \t\r\n"), True)
    except (expat.ExpatError, LookupError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, NotXml):
            raise
        msg = "XML that is cut" if getattr(error, "code", None) in _CUT else "not XML, or broken"
        raise NotXml(msg) from None
    if reader.root is None:
        msg = "XML that is cut"
        raise NotXml(msg)
    return reader.root


def mapping(name: str, text: str, inner: list[tuple[str, object]]) -> tuple[str, object]:
    """Return an element as its name and its value: its text, or what it holds; what comes twice is a list.

    A list comes as its wrapper: ``{"acks": {"ack": [...]}}``, or without the list where it has one element. Blanks
    alone are the printer's: the manual prints some where nothing is meant.
    """
    if not inner:
        return name, "" if text.isspace() else text
    held: dict[str, object] = {}
    for one, value in inner:
        if one not in held:
            held[one] = value
            continue
        earlier = held[one]
        if isinstance(earlier, list):
            typing.cast("list[object]", earlier).append(value)
        else:
            held[one] = [earlier, value]
    return name, held


# -- writing ----------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}")
# All but XML's own ranges, which take milliseconds to compile where they are written as such.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _escaped(text: str) -> str:
    """Return a text with what means something in XML written otherwise."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _cdata(text: str) -> str:
    """Return a text in a CDATA section; only a carriage return cannot be kept in one."""
    if "\r" in text:
        return _escaped(text)
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


@functools.lru_cache(maxsize=1024)
def _check(name: str) -> None:
    """Refuse a name that no element can have; the few names of a flow come again and again."""
    if not _NAME.fullmatch(name):
        msg = f"{name[:20]!r} cannot be the name of an XML element; send the flow as JSON. Nothing was sent."
        raise InvalidRequest(msg)


def _element(name: str, value: object, items: Mapping[str, str], cdata: Set[str], pieces: list[str]) -> None:
    """Append an element, with what is in it."""
    _check(name)
    if isinstance(value, Mapping):
        pieces.append(f"<{name}>")
        for inner, one in typing.cast("Mapping[str, object]", value).items():
            _element(inner, one, items, cdata, pieces)
        pieces.append(f"</{name}>")
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        item = items.get(name)
        if item is not None:
            pieces.append(f"<{name}>")
        for one in typing.cast("Sequence[object]", value):
            _element(item or name, one, items, cdata, pieces)
        if item is not None:
            pieces.append(f"</{name}>")
        return
    text = str(value)
    # What can be printed can be written: that is the usual case, and quickly told.
    if not text.isprintable() and _UNWRITABLE.search(text):
        msg = "A text holds a control character, which XML cannot carry; send the flow as JSON. Nothing was sent."
        raise InvalidText(msg, reason="malformed")
    pieces.append(f"<{name}>{_cdata(text) if name in cdata else _escaped(text)}</{name}>")


def write_xml(data: Mapping[str, object], items: Mapping[str, str], *, cdata: Set[str] = frozenset()) -> bytes:
    """Return a data flow as a document.

    Args:
        data: What it holds under ``DATA``.
        items: Name of one element of each list that is wrapped; another list repeats its own name.
        cdata: Names of the elements whose text stands in a CDATA section; everything else is written plain.

    Raises:
        InvalidText: A text holds a character that XML cannot carry.
        InvalidRequest: A field's name cannot be one in XML.
    """
    pieces: list[str] = []
    _element("DATA", data, items, cdata, pieces)
    return "".join(pieces).encode()
