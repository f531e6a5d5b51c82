"""XML as the gateway writes and reads it: answers into mappings, data flows into documents.

Answers are read by expat, event by event. A document type is refused where it begins, before anything in it is read, so
that no entity is ever declared; depth and the number of elements are bounded, and no tree of the document is built.

Source: HTTPS API v9, §5, annexes 1 to 12.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.parsers import expat

from allmysms_async.errors import InvalidRequest, InvalidText

__all__ = ["NotXml", "read_xml", "write_xml"]

_Node: TypeAlias = "dict[str, object]"

_MAX_DEPTH = 32
# An opt-out list of 64 MB, the largest answer that is read by default, has half of these.
_MAX_ELEMENTS = 4_000_000


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


class NotXml(ValueError):
    """The bytes are not an XML answer; the message says what they are instead, and shows nothing of them."""


class _Reader:
    """Collects one document: an element with elements in it is a mapping, another one is its text.

    Args:
        max_elements: Elements that are read at most.
    """

    def __init__(self, max_elements: int) -> None:
        self.answer: _Node = {}
        self._left = max_elements
        self._nodes: list[_Node] = []
        self._names: list[str] = []
        self._text: list[str] = []

    def begin(self, name: str, _: object) -> None:
        """Take in the beginning of an element."""
        self._left -= 1
        if self._left < 0 or len(self._names) >= _MAX_DEPTH:
            msg = "XML of too many elements"
            raise NotXml(msg)
        if not self._names and name.lower() == "html":
            msg = "an HTML page"
            raise NotXml(msg)
        self._names.append(name)
        self._nodes.append({})
        self._text.clear()

    def text(self, data: str) -> None:
        """Take in a piece of text."""
        self._text.append(data)

    def end(self, name: str) -> None:
        """Take in the end of an element."""
        self._names.pop()
        node = self._nodes.pop()
        text = "".join(self._text)
        self._text.clear()
        # Blanks alone are the printer's: the manual prints some where nothing is meant.
        value: object = node or ("" if text.isspace() else text)
        if not self._nodes:
            self.answer = node
            return
        parent = self._nodes[-1]
        if name not in parent:
            parent[name] = value
            return
        earlier = parent[name]
        if isinstance(earlier, list):
            typing.cast("list[object]", earlier).append(value)
        else:
            parent[name] = [earlier, value]

    def refuse(self, name: str, *_: object) -> None:
        """Refuse a document type, where entities would be declared."""
        msg = "an HTML page" if name.lower() == "html" else "XML with a document type, which is refused"
        raise NotXml(msg)


def read_xml(body: bytes, *, max_elements: int = _MAX_ELEMENTS) -> _Node:
    """Return what an answer holds under its root, whatever the root is called.

    A list comes as its wrapper: ``{"acks": {"ack": [...]}}``, or without the list where it has one element.

    Args:
        body: The bytes; UTF-8 unless they declare another charset.
        max_elements: Elements that are read at most.

    Raises:
        NotXml: Not XML, cut, in another charset than it declares, with a document type, or without any element.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    reader = _Reader(max_elements)
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ExternalEntityRefHandler = None
    try:
        parser.Parse(body.lstrip(b" \t\r\n"), True)
    except (expat.ExpatError, LookupError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, NotXml):
            raise
        msg = "XML that is cut" if getattr(error, "code", None) in _CUT else "not XML, or broken"
        raise NotXml(msg) from None
    if not reader.answer:
        msg = "XML without any field"
        raise NotXml(msg)
    return reader.answer


# -- writing ----------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_CDATA = frozenset({"MESSAGE"})
"""Annex 1 prints the text of a message in a CDATA section, and everything else plain."""


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


def _element(name: str, value: object, items: Mapping[str, str], pieces: list[str]) -> None:
    """Append an element, with what is in it."""
    _check(name)
    if isinstance(value, Mapping):
        pieces.append(f"<{name}>")
        for inner, one in typing.cast("Mapping[str, object]", value).items():
            _element(inner, one, items, pieces)
        pieces.append(f"</{name}>")
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        item = items.get(name)
        if item is not None:
            pieces.append(f"<{name}>")
        for one in typing.cast("Sequence[object]", value):
            _element(item or name, one, items, pieces)
        if item is not None:
            pieces.append(f"</{name}>")
        return
    text = str(value)
    # What can be printed can be written: that is the usual case, and quickly told.
    if not text.isprintable() and _UNWRITABLE.search(text):
        msg = "A text holds a control character, which XML cannot carry; send the flow as JSON. Nothing was sent."
        raise InvalidText(msg, reason="malformed")
    pieces.append(f"<{name}>{_cdata(text) if name in _CDATA else _escaped(text)}</{name}>")


def write_xml(data: Mapping[str, object], items: Mapping[str, str]) -> bytes:
    """Return a data flow as a document.

    Args:
        data: What it holds under ``DATA``.
        items: Name of one element of each list that is wrapped; another list repeats its own name.

    Raises:
        InvalidText: A text holds a character that XML cannot carry.
        InvalidRequest: A field's name cannot be one in XML.
    """
    pieces: list[str] = []
    _element("DATA", data, items, pieces)
    return "".join(pieces).encode()
