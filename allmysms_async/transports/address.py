"""Where a request goes, and which header fields it can have: what HTTP has a way to write."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote, urlsplit

import msgspec

from allmysms_async.transports.peer import is_host

__all__ = ["Address", "Origin", "address_of", "are_fields"]

# What the name and the value of a field may hold: neither ends it, nor begins another. Source: RFC 9110, §5.1 and §5.5.
_is_name = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+").fullmatch
_is_value = re.compile(r"[\t\x20-\x7e]*").fullmatch

_PORTS = {"http": 80, "https": 443}
# Whatever RFC 3986 allows in a path and a query, and the percent sign of what is encoded already.
_SAFE = "%!$&'()*+,;=:@/?[]~-._"

Origin: TypeAlias = tuple[bool, str, int]


class Address(msgspec.Struct, frozen=True):
    """Where a request goes.

    Attributes:
        origin: The server: whether it is asked over TLS, its name or address, its port.
        field: What the field ``Host`` says.
        target: Path and query.
    """

    origin: Origin
    field: bytes
    target: bytes


@functools.lru_cache(maxsize=256)
def address_of(url: str) -> Address:
    """Return where a URL leads.

    Raises:
        ValueError: It leads nowhere: it is not http or https, its host or port cannot be one, or it holds a login.
    """
    if not url.isprintable():
        raise ValueError
    parts = urlsplit(url)
    host, usual = parts.hostname or "", _PORTS.get(parts.scheme)
    port = usual if parts.port is None else parts.port
    if not port or usual is None or "@" in parts.netloc or not is_host(host):
        raise ValueError
    if not host.isascii():
        import idna  # httpx brings it, and few have such a name

        host = idna.encode(host).decode()  # its errors are ValueErrors
    field = f"[{host}]" if ":" in host else host
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Address(
        origin=(parts.scheme == "https", host, port),
        field=(field if port == usual else f"{field}:{port}").encode(),
        target=target.encode(),
    )


def are_fields(headers: Mapping[str, str]) -> bool:
    """Tell whether header fields can be written as they are, blanks around a value included."""
    return all(_is_name(name) and _is_value(value) and value == value.strip() for name, value in headers.items())
