"""What a request holds -> names and values, in their order. Pure, and never an error, whatever the request holds."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

from allmysms_async.numbers import MAX_RAW_LENGTH

__all__ = ["Pairs", "as_bytes", "body_of", "form_of", "plain_form"]

Pairs: TypeAlias = list[tuple[str, str]]

# What many requests have alike, and no person wrote.
_ALIKE = frozenset(("statusText", "receptionDate"))
_REMEMBERED = 1024

_BODY = "body"


def as_bytes(query: str | bytes) -> bytes:
    """Return the bytes of a query string, which servers may have read as a text."""
    if not isinstance(query, str):
        return bytes(query)
    try:
        return query.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a character that stands for no byte
        return query.encode("utf-8", "replace")


def form_of(written: bytes) -> Pairs:
    """Read a query string, or a form: also as PHP writes them, with ``+`` for a blank and maybe ``&amp;``."""
    if not written.isascii():
        fields = (part.partition(b"=") for part in written.split(b"&") if part)
        return [(_meant(name), _meant(value)) for name, _, value in fields]
    pairs: Pairs = []
    for part in written.decode().split("&"):
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = _meant(name.encode()), _meant(value.encode())
        if part:
            pairs.append((name, value))
    return pairs


def plain_form(written: bytes, names: Container[str]) -> dict[str, str] | None:
    """Return the fields of a query string in which each is one of those names, comes once, and is in ASCII.

    Args:
        written: The query string.
        names: The names, without anything that is escaped.

    Returns:
        The same as ``form_of`` has; None if it is another query string.
    """
    if not written.isascii():
        return None
    fields: dict[str, str] = {}
    for part in written.decode().split("&"):
        name, _, value = part.partition("=")
        if name not in names or name in fields:
            return None
        if "%" in value or "+" in value:
            alike = name in _ALIKE and len(value) <= MAX_RAW_LENGTH
            value = _meant_before(value) if alike else _meant(value.encode())
        fields[name] = value
    return fields


@lru_cache(_REMEMBERED)
def _meant_before(written: str) -> str:
    """Return what ``_meant`` does of what many requests have alike, and no person wrote."""
    return _meant(written.encode())


def _meant(written: bytes) -> str:
    """Return the text that is meant; a ``%`` that escapes nothing is itself."""
    if b"+" in written:
        written = written.replace(b"+", b" ")
    if b"%" in written:
        written = unquote_to_bytes(written)
    return written.decode() if written.isascii() else _text(written)


def _text(raw: bytes) -> str:
    """Return a text in UTF-8, else in Windows-1252, of which no byte is lost."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def body_of(raw: bytes, kind: str) -> Pairs:
    """Read a body; one that is neither a form nor an object in JSON is one field."""
    if kind.endswith("json") or raw.lstrip()[:1] in (b"{", b"["):
        text = _text(raw)
        try:
            fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            return [(name.strip(), _json(bytes(value))) for name, value in fields.items()]
        except (msgspec.MsgspecError, RecursionError):
            return [(_BODY, text)]
    if kind in ("", "application/x-www-form-urlencoded", "text/plain") and b"=" in raw:
        return form_of(raw.strip())
    return [(_BODY, _text(raw))]


def _json(value: bytes) -> str:
    """Return a value as a text: a text itself, nothing as none, everything else as it is written."""
    if value[:1] == b'"':
        return msgspec.json.decode(value, type=str)
    return "" if value == b"null" else value.decode()
