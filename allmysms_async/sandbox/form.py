"""Form fields as clients send them: in the query, in a url-encoded body or in a multipart body.

Source: HTTPS API v9, §5 to §7.
"""

import binascii
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .exchange import Request

__all__ = ["GET_LIMIT", "Form", "read_form", "unquote_form"]

GET_LIMIT = 1024
"""What a GET request may carry; the gateway does not see the rest. Source: HTTPS API v9, §7.1."""


class Form:
    """The fields of one request; the last of several equal names counts, as in PHP."""

    def __init__(self, fields: dict[str, bytes]) -> None:
        """Hold the fields."""
        self._fields = fields

    def raw(self, name: str) -> bytes:
        """Return a field's bytes, empty where it is absent."""
        return self._fields.get(name, b"")

    def text(self, name: str) -> str:
        """Return a field as text; bytes that are not UTF-8 are lost, as the manual warns."""
        return self.raw(name).decode("utf-8", "replace")

    def word(self, name: str) -> str:
        """Return a field without the spaces around it."""
        return self.text(name).strip()


def read_form(request: Request) -> Form:
    """Read a request's fields; those of the body win over those of the query."""
    query = request.query[:GET_LIMIT] if request.method == "GET" else request.query
    fields = _urlencoded(query)
    if request.body:
        kind = request.header(b"content-type")
        if kind[:10].lower() == "multipart/":
            fields.update(_multipart(kind, request.body))
        else:
            fields.update(_urlencoded(request.body))
    return Form(fields)


def unquote_form(value: bytes) -> bytes:
    """Decode `+` and `%XX`.

    The standard library's decoder works in Python, 2.5 ms for a thousand recipients. Quoted-printable is the same
    code with another sign, and decoded in C (0.2 ms), so that one is used where it certainly gives the same.
    """
    if b"%" not in value:
        return value.replace(b"+", b" ")
    spaced = value.replace(b"=", b"%3D").replace(b"+", b" ")
    # Quoted-printable alone reads a sign before a line end or before another sign as something else.
    if b"\n" not in spaced and b"\r" not in spaced:
        decoded = binascii.a2b_qp(spaced.replace(b"%", b"="))
        if len(decoded) == len(spaced) - 2 * spaced.count(b"%"):
            return decoded
    return unquote_to_bytes(spaced)


def _urlencoded(data: bytes) -> dict[str, bytes]:
    fields: dict[str, bytes] = {}
    if not data:
        return fields
    for pair in data.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name:
            fields[unquote_form(name).decode("utf-8", "replace").strip()] = unquote_form(value)
    return fields


class _Parts:
    """Collects the parts of a multipart body."""

    def __init__(self) -> None:
        """Start with none."""
        self.fields: dict[str, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._data = bytearray()

    def part_begin(self) -> None:
        """Start a part."""
        self._headers = {}
        self._data = bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's name."""
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value."""
        self._value += data[start:end]

    def header_end(self) -> None:
        """Finish a header."""
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def part_data(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of the part's content."""
        self._data += data[start:end]

    def part_end(self) -> None:
        """Finish a part."""
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if name := options.get(b"name"):
            self.fields[name.decode("utf-8", "replace")] = bytes(self._data)


def _multipart(content_type: str, data: bytes) -> dict[str, bytes]:
    """Split a multipart body; one that cannot be read has no fields."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        return {}
    found = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": found.part_begin,
                "on_header_field": found.header_field,
                "on_header_value": found.header_value,
                "on_header_end": found.header_end,
                "on_part_data": found.part_data,
                "on_part_end": found.part_end,
            },
        )
        parser.write(data)
        parser.finalize()
    except FormParserError:
        return {}
    return found.fields
