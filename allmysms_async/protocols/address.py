"""The address of a gateway, checked once, before anything is sent; no refusal shows it, since it may hold a key."""

from __future__ import annotations

import re
import warnings
from urllib.parse import urlsplit

from allmysms_async import argument
from allmysms_async.errors import InvalidRequest

__all__ = ["address"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LONGEST = 2000
# Source: RFC 3986, §2: neither reserved nor unreserved; clients differ in how they mend them.
_ALIEN = re.compile(r'[\s"<>\\^`{|}]')
_SUCH_AS = "Give an address such as https://api.example.com, without credentials, query or fragment."


def address(name: str, value: str, *, allow_plain_http: bool, path: str | None = "") -> str:
    """Return the address of a gateway, refusing what would show credentials on the way or lead nowhere.

    Plain http to another machine takes leave, and warns at the line that opened the backend.

    Args:
        name: The argument it was given as.
        value: The address.
        allow_plain_http: Whether credentials may travel in clear to another machine.
        path: What a root ends in where somebody gave it with the API's own path: it is dropped, with a final slash.
            None leaves the address as it is, for one that names what answers, to the slash.

    Raises:
        InvalidRequest: Saying what is wrong with it.
    """
    argument.text(name, value)
    fault = _fault(value)
    if fault is not None:
        raise InvalidRequest(f"{name} {fault}; nothing was sent.", remedy=_SUCH_AS)
    parts = urlsplit(value)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        if not allow_plain_http:
            msg = f"{name} is plain http, which would send the credentials in clear; nothing was sent."
            raise InvalidRequest(msg, remedy="Use https, or say allow_plain_http=True.")
        msg = f"The credentials travel in clear to {parts.hostname}: anybody on the way can read them."
        warnings.warn(msg, UserWarning, stacklevel=4)
    return value if path is None else value.rstrip("/").removesuffix(path)


def _fault(value: str) -> str | None:
    """Return what is wrong with an address, or None; an @ may be the end of credentials without a name."""
    if len(value) > _LONGEST:
        return f"is an address of more than {_LONGEST} characters"
    if not value.isprintable() or _ALIEN.search(value):
        return "holds blanks or other characters that no address has"
    if "@" in value:
        return "holds an @, as if credentials stood before it: they are arguments of their own"
    if "?" in value or "#" in value:
        return "holds a query or a fragment, which no gateway's address has"
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return "cannot be read as an address"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with https://"
    if not host:
        return "names no host"
    try:
        port = parts.port
    except ValueError:
        port = 0
    return "has a port that is none: they are 1 to 65535" if port == 0 else None
