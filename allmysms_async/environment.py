"""What the environment says of the account: for the command line, and for a service that is made of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from allmysms_async.errors import InvalidRequest
from allmysms_async.protocols.address import address
from allmysms_async.protocols.rest import RestBackend

__all__ = ["API_KEY", "BASE_URL", "LOGIN", "backend_of_environment", "value_of"]

LOGIN = "ALLMYSMS_LOGIN"
"""The variable with the account's login."""

API_KEY = "ALLMYSMS_API_KEY"
"""The variable with its API key."""

BASE_URL = "ALLMYSMS_BASE_URL"
"""The variable with the server's address, such as a sandbox's; the gateway's own by default."""

_LONGEST_ADDRESS = 2000
_VARIABLES = {"login": LOGIN, "api_key": API_KEY}


def value_of(name: str, environ: Mapping[str, str]) -> str:
    """Return a variable without the blanks around it; one that is not set is empty."""
    return environ.get(name, "").strip()


def backend_of_environment(environ: Mapping[str, str] | None = None) -> RestBackend:
    """Return the backend that the environment describes.

    Args:
        environ: The variables; the process's own by default.

    Raises:
        InvalidRequest: Naming the variable that is not set or cannot be right, never its value.
    """
    environ = os.environ if environ is None else environ
    login, api_key = (_needed(name, environ) for name in (LOGIN, API_KEY))
    base_url = _address(value_of(BASE_URL, environ))
    try:
        return RestBackend(login, api_key, base_url=base_url) if base_url else RestBackend(login, api_key)
    except InvalidRequest as error:
        words = re.sub(r"^(?:login|api_key)\b", lambda found: _VARIABLES[found[0]], str(error))
        raise InvalidRequest(words) from None


def _needed(name: str, environ: Mapping[str, str]) -> str:
    """Return a variable that must be set."""
    value = value_of(name, environ)
    if not value:
        msg = f"{name} is not set: set {LOGIN} and {API_KEY} in the environment; nothing was sent."
        raise InvalidRequest(msg)
    return value


def _address(text: str) -> str:
    """Return an address that can be written as HTTP; what it is instead is not repeated: it may hold a password.

    Raises:
        InvalidRequest: It cannot.
    """
    if not text:
        return text
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
        fits = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_ADDRESS
        fits = fits and parts.scheme in {"http", "https"} and bool(host) and port != 0
    except ValueError:
        fits = False
    if not fits:
        msg = f"{BASE_URL} is not an address such as https://api.allmysms.com; nothing was sent."
        raise InvalidRequest(msg)
    try:
        return address(BASE_URL, text, allow_plain_http=False)
    except InvalidRequest:
        msg = (
            f"{BASE_URL} must begin with https:// and hold no login, query or fragment; http:// would show the key on "
            "the way, and is for this machine alone (127.0.0.1, localhost). Nothing was sent."
        )
        raise InvalidRequest(msg) from None
