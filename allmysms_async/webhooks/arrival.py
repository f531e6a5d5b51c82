"""A request as a receiver looks at it, and what it is answered, whatever the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Sequence
from http import HTTPStatus
from typing import NamedTuple

__all__ = ["METHODS", "Answer", "Arrival", "answer", "read_body"]

METHODS = ("GET", "HEAD", "POST")
"""The methods that a receiver answers."""

BODY_SECONDS = 10.0
"""Seconds that a request's body may take."""


class Arrival(NamedTuple):
    """A request, without its body.

    Attributes:
        method: Its method, in capitals.
        token: What stands in its path for the token.
        query: Its query string.
        peer: The address that the connection comes from, or None where it has none.
        forwarded: The values of its ``X-Forwarded-For`` fields.
        content_type: Its ``Content-Type``.
        length: Its ``Content-Length``, as it was written.
    """

    method: str
    token: str
    query: bytes
    peer: str | None
    forwarded: Sequence[str] = ()
    content_type: str = ""
    length: str = ""


class Answer(NamedTuple):
    """What a request is answered.

    Attributes:
        status: HTTP's status.
        body: The body; a HEAD gets its length alone.
        headers: The fields of its header.
        raw_headers: The same as bytes, without those that HTTP/2 does not know.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    raw_headers: tuple[tuple[bytes, bytes], ...]


def answer(status: int, *more: tuple[str, str], body: str | None = None) -> Answer:
    """Return an answer in plain text: the status's own words, if there are no others."""
    written = (HTTPStatus(status).phrase if body is None else body).encode()
    headers = (
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(written))),
        ("cache-control", "no-store"),
    )
    fields = (*headers, *more)
    raw = tuple((name.encode(), value.encode()) for name, value in fields if name != "connection")
    return Answer(status, written, fields, raw)


async def read_body(chunks: AsyncIterable[bytes], length: str, most: int) -> bytes:
    """Return a body.

    Args:
        chunks: Its parts, as they come.
        length: Its length, as it was announced.
        most: Bytes that it may have.

    Raises:
        OverflowError: It has more, or says so.
        TimeoutError: It is not whole after 10 seconds.
    """
    if len(length) > len(str(most)) or (length.isdecimal() and int(length) > most):
        raise OverflowError
    body = b""
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in chunks:
            body += chunk
            if len(body) > most:
                raise OverflowError
    return body
