"""What went wrong with an attempt over httpx: one table maps its errors to the library's."""

from __future__ import annotations

import httpx

from allmysms_async.errors import CannotPass, ConnectionLost, NotSent, RequestTimeout, TransportError
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports.failure import PROXY_LOGIN, proxy_login, too_late
from allmysms_async.transports.peer import certificate_refused

__all__ = ["BEFORE", "failure_of"]

# The most specific class wins; what is not here is a broken connection.
_ERRORS: dict[type[httpx.HTTPError], tuple[type[TransportError], str]] = {
    httpx.ConnectError: (NotSent, "no connection could be made"),
    httpx.ConnectTimeout: (NotSent, "no connection could be made in time"),
    httpx.PoolTimeout: (NotSent, "no connection became free in time"),
    httpx.UnsupportedProtocol: (CannotPass, "the address is neither http nor https"),
    httpx.LocalProtocolError: (CannotPass, "the request cannot be written as HTTP"),
    httpx.ProxyError: (NotSent, "the proxy refused to connect"),
    httpx.WriteTimeout: (RequestTimeout, "the request could not be written in time"),
    httpx.ReadTimeout: (RequestTimeout, "no answer came in time"),
    httpx.RemoteProtocolError: (ConnectionLost, "the connection broke before the answer was complete"),
    httpx.HTTPError: (ConnectionLost, "the connection broke"),
}
# What is raised before a byte of the request is written, whoever writes it.
BEFORE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def failure_of(error: Exception, request: HttpRequest, host: str, *, written: bool) -> TransportError:
    """Return the library's error for what ended an attempt."""
    name = request.name
    if isinstance(error, TimeoutError) and written:
        return too_late(request)
    if not written:
        if refused := certificate_refused(error, host, name):
            return refused
        if isinstance(error, httpx.ProxyError) and str(error).startswith(str(PROXY_LOGIN)):
            return proxy_login(request)
    if isinstance(error, httpx.HTTPError):
        return _translate(error, name, written=written)
    # Such as what TLS finds wrong with the bytes of an answer, which comes through as it is.
    kind = ConnectionLost if written else NotSent
    what = "the request may have been taken" if written else "nothing was sent"
    return kind(f"{name}: the connection broke ({type(error).__name__}); {what}.", request=name)


def _translate(error: httpx.HTTPError, name: str, *, written: bool) -> TransportError:
    """Return the library's error for one of httpx's."""
    kind, message = next(_ERRORS[base] for base in type(error).__mro__ if base in _ERRORS)
    if not written and not issubclass(kind, NotSent):  # it was still talking to a proxy
        kind, message = NotSent, "the connection broke, or no answer came, before the request was written"
    if written and issubclass(kind, NotSent) and not isinstance(error, httpx.LocalProtocolError):
        kind, message = _ERRORS[httpx.HTTPError]  # a client may have tried again
    what = "nothing was sent" if issubclass(kind, NotSent) else "the request may have been taken"
    return kind(f"{name}: {message} ({type(error).__name__}); {what}.", request=name)
