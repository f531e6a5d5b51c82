"""How a request is written, and an ordinary answer read in one pass; h11 writes and reads all else."""

from __future__ import annotations

import re
from typing import TypeAlias

import h11

from allmysms_async.exchange import HttpRequest
from allmysms_async.transports.address import Address, address_of

__all__ = ["MAX_FIELDS", "MAX_INTERIM", "Fields", "Wire", "begun", "fields_of", "read_ordinary", "told"]

Wire: TypeAlias = tuple[Address, bytes, h11.Connection | None]
Fields: TypeAlias = tuple[tuple[str, str], ...]

MAX_FIELDS = 200
MAX_INTERIM = 10
"""Interim answers (1xx) to one request: each costs as much as an answer."""
_MAX_HEAD_BYTES = 32 * 1024
_ORDINARY_HEAD_BYTES = 8 * 1024

# Source: RFC 9112, §4 and §5; fields with characters beyond ASCII, and folded ones, are for h11.
_ordinary_head = re.compile(
    rb"HTTP/1\.1 200(?: [\t\x20-\x7e]*)?\r\n((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*\r\n)+)\r\n"
).match
_is_length = re.compile(r"[0-9]{1,7}", re.ASCII).fullmatch
# What says more of an answer, or of the connection, than how long it is.
_FRAMING = frozenset({"transfer-encoding", "content-encoding", "connection", "upgrade", "trailer"})
# What a request may not say of itself where h11 is not asked.
_FRAMED = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"})


def read_ordinary(received: bytes | bytearray) -> tuple[dict[str, str], int, int] | None:
    """Return what h11 would read of an ordinary answer, or None of any other, or of one whose head is not whole.

    Args:
        received: What came since the request was written.

    Returns:
        The header fields, where the body begins, and where it ends, which may not have come yet.
    """
    head = _ordinary_head(received)
    if head is None or head.end() > _ORDINARY_HEAD_BYTES:
        return None
    fields: dict[str, str] = {}
    lines = head[1].decode("ascii").split("\r\n")
    lines.pop()
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip("\t ")
    length = fields.get("content-length", "")
    if len(fields) != len(lines) or len(lines) > MAX_FIELDS or _is_length(length) is None:
        return None
    if not _FRAMING.isdisjoint(fields) and fields.keys() & _FRAMING != {"connection"}:
        return None
    if fields.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return fields, head.end(), head.end() + int(length)


def _head(method: str, address: Address, fields: Fields, length: int) -> h11.Request:
    """Return a request's head as h11 has it.

    Raises:
        ValueError, h11.LocalProtocolError: HTTP has no way to write it.
    """
    written = [(b"Host", address.field), (b"Accept-Encoding", b"identity")]
    written += [(name.encode("ascii"), value.encode("ascii")) for name, value in fields]
    written.append((b"Content-Length", b"%d" % length))
    return h11.Request(method=method, target=address.target, headers=written)


def begun(method: str, url: str, fields: Fields) -> tuple[Address, bytes | None]:
    """Return where a request goes and its head up to its length; None of one that is for h11 to write each time.

    Raises:
        ValueError, h11.LocalProtocolError: HTTP has no way to write it.
    """
    address = address_of(url)
    if method not in {"POST", "GET"} or not _FRAMED.isdisjoint([name.lower() for name, _ in fields]):
        return address, None
    written = h11.Connection(h11.CLIENT).send(_head(method, address, fields, 0)) or b""
    return address, written.removesuffix(b"0\r\n\r\n")


def told(request: HttpRequest, address: Address) -> tuple[bytes, h11.Connection]:
    """Return a request as h11 writes it, and what is to read its answer.

    Raises:
        ValueError, h11.LocalProtocolError: HTTP has no way to write it.
    """
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
    head = _head(request.method, address, tuple(request.headers.items()), len(request.body))
    events = (head, h11.Data(request.body), h11.EndOfMessage())
    return b"".join([parser.send(event) or b"" for event in events]), parser


def fields_of(answer: h11.Response) -> dict[str, str]:
    """Return an answer's header fields."""
    fields: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.decode("ascii")
        text = _text(value)
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
