"""Bytes of an answer -> an XML document. Hardened: nothing in an answer can cost much.

No document type, no entity, no network; how many elements there are is bounded before they are parsed.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

__all__ = ["MAX_MARKS", "Malformed", "root_of"]

MAX_MARKS = 2_000_000
"""So many ``<`` and ``=`` in an answer at most: about 160,000 reports, and some 300 MB while they are read."""

_BOM = b"\xef\xbb\xbf"
# Encodings in which every byte of ASCII stands for itself, so that counting `<` counts elements.
_ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_declared = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""").match


class Malformed(ValueError):
    """The bytes are no answer; the message says in a few words what they are instead."""


def root_of(body: bytes) -> Any:
    """Return the root element of an answer.

    Args:
        body: Bytes of the answer.

    Raises:
        Malformed: It is no XML, or would be dangerous or dear to parse.
    """
    return _parsed(_bounded(body))


def _bounded(body: bytes) -> bytes:
    """Return the document's bytes, refusing what is dangerous or dear to parse."""
    body = body.removeprefix(_BOM).lstrip()
    if not body:
        what = "empty"
        raise Malformed(what)
    if body[:1] != b"<":
        what = "not XML, or has text before it"
        raise Malformed(what)
    declared = _declared(body[:200])
    if declared and declared[1].decode().lower() not in _ENCODINGS:
        what = "XML in an unusual encoding"
        raise Malformed(what)
    if body.count(b"<") + body.count(b"=") > MAX_MARKS:
        what = "XML with too many elements"
        raise Malformed(what)
    start = _after_prolog(body)
    if body[start : start + 9].upper() == b"<!DOCTYPE":
        html = re.match(rb"<!DOCTYPE\s+html", body[start : start + 40], re.IGNORECASE)
        what = "an HTML page" if html else "XML with a document type, which is refused"
        raise Malformed(what)
    if re.match(rb"<(?:html|br|b|head|body)\b", body[start : start + 10], re.IGNORECASE):
        what = "an HTML page"
        raise Malformed(what)
    return body


def _after_prolog(body: bytes) -> int:
    """Return where the first thing begins that is neither a blank, a comment nor an instruction."""
    at = 0
    while True:
        while body[at : at + 1].isspace():
            at += 1
        opened, closing = body[at : at + 4], b""
        if opened[:2] == b"<?":
            closing = b"?>"
        elif opened == b"<!--":
            closing = b"-->"
        end = body.find(closing, at + 2) if closing else -1
        if end < 0:
            return at
        at = end + len(closing)


def _parsed(body: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        what = "broken XML, or cut"
        raise Malformed(what) from None
    if root.getroottree().docinfo.internalDTD is not None:  # a second lock: it was looked for before parsing
        what = "XML with a document type, which is refused"
        raise Malformed(what)
    return root
