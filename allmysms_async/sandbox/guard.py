"""Who may use the control API: programs of this machine, and no page of the web that a browser happens to show.

A page can make a browser post to any port of the machine it runs on, and a name of its own can be made to lead there
(DNS rebinding). The first shows in `Origin`, the second in `Host`; neither can be forged by a page.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .exchange import BodyTooLarge, ClientLeft, read_body

__all__ = ["MAX_INSTRUCTION", "guarded"]

MAX_INSTRUCTION = 16 * 1024 * 1024
"""The largest instruction, in bytes."""

_FOREIGN_HOST = (
    "The control API answers under a loopback address only (127.0.0.1, localhost, [::1]), and the request's Host is"
    " another or missing. Nothing was done. Address the sandbox by its own URL."
)
_FOREIGN_ORIGIN = (
    "The control API takes no requests from pages of other origins, and the request's Origin is not its own."
    " Nothing was done. Send it from a program, or from a page of the sandbox's own address and port."
)
_TOO_LARGE = (
    f"The control API takes instructions of up to {MAX_INSTRUCTION} bytes, and the request is larger."
    " Nothing was done. Send it in parts."
)


def guarded(control: ASGIApp, hosts: Collection[str]) -> ASGIApp:
    """Return the control API behind its guard.

    Args:
        control: The control API.
        hosts: Names and addresses beside those of loopback under which the sandbox was told to listen.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope["headers"], hosts)
        body = b""
        if refusal is None:
            try:
                body = await read_body(scope, receive, MAX_INSTRUCTION)
            except BodyTooLarge:
                refusal = 413, _TOO_LARGE
            except ClientLeft:
                return
        if refusal is None:
            await control(scope, _again(body, receive), send)
        else:
            status, sentence = refusal
            answer = msgspec.json.encode({"error": sentence})
            response = Response(answer, status, {"connection": "close"}, "application/json")
            await response(scope, receive, send)

    return guard


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then what else there is."""
    told = False

    async def give() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _refusal(headers: list[tuple[bytes, bytes]], hosts: Collection[str]) -> tuple[int, str] | None:
    """Return the status and the sentence for a request from elsewhere, None for one from here."""
    named = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(named) != 1 or not _is_here(f"//{named[0]}", hosts):
        return 421, _FOREIGN_HOST
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    if not all(_is_here(origin, hosts) and _is_same(origin, named[0]) for origin in origins):
        return 403, _FOREIGN_ORIGIN
    return None


def _is_same(origin: str, host: str) -> bool:
    """Return whether a page comes from the very server that it asks: another port of this machine is another server."""
    page, asked = urlsplit(origin), urlsplit(f"//{host}")
    usual = {"http": 80, "https": 443}.get(page.scheme)
    return usual is not None and (page.hostname, page.port or usual) == (asked.hostname, asked.port or usual)


def _is_here(address: str, hosts: Collection[str]) -> bool:
    """Return whether an address is one of this machine's own, at any port."""
    try:
        parts = urlsplit(address)
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if name is None or "@" in parts.netloc or parts.path or parts.query or parts.fragment or port == 0:
        return False
    if name == "localhost" or name in hosts:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
