"""What went wrong with an attempt, as the library says it: each error tells whether anything may have been taken."""

from __future__ import annotations

from allmysms_async.errors import CannotPass, ConnectionLost, NotSent, ProtocolError, RequestTimeout, ServiceClosed
from allmysms_async.exchange import HttpRequest

__all__ = [
    "PROXY_LOGIN",
    "broken",
    "closed",
    "no_http",
    "no_http_answer",
    "no_turn",
    "not_connected",
    "proxy_login",
    "too_early",
    "too_late",
]

PROXY_LOGIN = 407


def no_http(request: HttpRequest) -> CannotPass:
    """Return the error of a request that HTTP has no way to write."""
    msg = f"{request.name}: the address or a header cannot be written as HTTP; nothing was sent."
    return CannotPass(msg, request=request.name, remedy="Check the backend's address.")


def closed(request: HttpRequest, what: str) -> ServiceClosed:
    """Return the error of a request after the transport, or what it goes over, was closed."""
    msg = f"{request.name}: the {what} is closed; nothing was sent."
    return ServiceClosed(msg, request=request.name, remedy="Make another service, or transport, to send with.")


def no_turn(request: HttpRequest) -> NotSent:
    """Return the error of a request whose time was over before a connection was there for it."""
    msg = f"{request.name}: no connection became free within {request.timeout:g} s; nothing was sent."
    return NotSent(msg, request=request.name)


def not_connected(request: HttpRequest, error: BaseException) -> NotSent:
    """Return the error of a request for which no connection could be made."""
    when = " in time" if isinstance(error, TimeoutError) else ""
    msg = f"{request.name}: no connection could be made{when} ({type(error).__name__}); nothing was sent."
    return NotSent(msg, request=request.name)


def too_late(request: HttpRequest) -> RequestTimeout:
    """Return the error of a request that was written, or begun, and not answered in time."""
    msg = f"{request.name}: no answer within {request.timeout:g} s; the request may have been taken."
    return RequestTimeout(msg, request=request.name)


def broken(request: HttpRequest, error: BaseException | None = None) -> ConnectionLost:
    """Return the error of a connection that broke after writing began."""
    why = "" if error is None else f" ({type(error).__name__})"
    msg = f"{request.name}: the connection broke before the answer was complete{why}; the request may have been taken."
    return ConnectionLost(msg, request=request.name)


def no_http_answer(request: HttpRequest) -> ConnectionLost:
    """Return the error of an answer that is no HTTP, or broke off; its words, which may be ours, are not shown."""
    msg = f"{request.name}: what came was cut, or is no HTTP; the request may have been taken."
    return ConnectionLost(msg, request=request.name)


def too_early(request: HttpRequest, *, written: bool) -> ProtocolError | NotSent:
    """Return the error of a server that spoke before it was asked: that is no answer to what was written since."""
    said = f"{request.name}: the server had answered before it was asked;"
    if not written:
        return NotSent(f"{said} nothing was sent.", request=request.name)
    return ProtocolError(f"{said} the request may have been taken.", request=request.name)


def proxy_login(request: HttpRequest) -> CannotPass:
    """Return the error of a login that the proxy refused."""
    msg = f"{request.name}: the proxy refused the login, or asks for one ({PROXY_LOGIN}); nothing was sent."
    remedy = "Check login and password in the proxy's address."
    return CannotPass(msg, request=request.name, code=str(PROXY_LOGIN), remedy=remedy)
