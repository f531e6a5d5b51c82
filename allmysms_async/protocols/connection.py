"""The way to a gateway over HTTP, the same for every protocol: who asks, what carries it, who is told.

A backend checks here what it was given, once, before anything is sent; no refusal shows a value, which may hold a key.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias, TypeVar

from allmysms_async import argument, telemetry
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidRequest
from allmysms_async.hooks import Answered, Asked, Hook, noted, numbered, redacted, warn_of_figures
from allmysms_async.model import Secret
from allmysms_async.redaction import Shown
from allmysms_async.transports import HttpTransport, default_transport

if TYPE_CHECKING:
    from allmysms_async.backend import Replay
    from allmysms_async.exchange import HttpRequest, HttpResponse

    _Carry: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponse]]
__all__ = ["Connection", "Credentials", "HttpBackend", "secret"]


class _Answer(Protocol):
    """What an answer was read as: it keeps what the gateway wrote."""

    @property
    def raw(self) -> Mapping[str, object]: ...


A = TypeVar("A", bound=_Answer)
_Read: TypeAlias = "Callable[[HttpResponse], Awaitable[A]]"

# -- credentials ------------------------------------------------------------------------------------------------------


class Credentials(Shown, frozen=True, kw_only=True):
    """Who asks; each protocol's own add what it proves itself with.

    Attributes:
        login: The account's login.
    """

    login: Secret

    def __repr__(self) -> str:
        """Show nothing: a login may be a phone number."""
        return "<Credentials>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: they hold a secret."""
        msg = "Credentials cannot be pickled."
        raise TypeError(msg)


def secret(name: str, value: str, *, ascii_only: bool = False) -> Secret:
    """Return a credential that is fit to travel.

    Args:
        name: The argument it was given as.
        value: The credential.
        ascii_only: Whether it must be ASCII, as where it may travel in a header.

    Raises:
        InvalidRequest: It is empty, or holds a character that none has.
    """
    if not argument.text(name, value) or not value.isprintable() or (ascii_only and not value.isascii()):
        msg = f"{name} is empty or holds characters that no {name} has; nothing was sent."
        raise InvalidRequest(msg)
    return Secret(value)


# -- transport and hooks ----------------------------------------------------------------------------------------------


class Connection:
    """What carries a backend's requests, how long each may take, how much is read of its answer, and who is told.

    Args:
        address: Where requests go, checked already.
        transport: What carries them; by default one over h11, closed with the connection. One that is given stays the
            caller's to close.
        timeout: Seconds for one attempt, the TCP connection's included.
        max_response_bytes: Largest answer that is read.
        hooks: Who is told of each request and of its end.

    Raises:
        InvalidRequest: One of them cannot be right.
    """

    def __init__(
        self,
        address: str,
        *,
        transport: HttpTransport | None,
        timeout: float,
        max_response_bytes: int,
        hooks: Iterable[Hook] = (),
    ) -> None:
        if transport is not None:
            argument.able("transport", transport, ("send", "aclose"), "an HttpTransport")
        self.address = address
        self.timeout = argument.seconds("timeout", timeout)
        self.max_response_bytes = argument.count("max_response_bytes", max_response_bytes)
        self.hooks: tuple[Hook, ...] = argument.several("hooks", hooks, callable, "functions")
        self._owned = transport is None
        self.transport = transport or default_transport()

    @property
    def send(self) -> _Carry:
        """Carries one request, and returns its answer."""
        observer = telemetry.observer
        return self.transport.send if observer is None or observer.overlooks() else self._observed

    def _observed(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        """Carry one request while somebody observes it."""
        sending = self.transport.send(request)
        observer = telemetry.observer
        return sending if observer is None else observer.attempting(request.name, request.method, request.url, sending)

    def borrowed(self) -> Connection:
        """Return one over the same transport that closes nothing."""
        return Connection(
            self.address,
            transport=self.transport,
            timeout=self.timeout,
            max_response_bytes=self.max_response_bytes,
            hooks=self.hooks,
        )

    def __repr__(self) -> str:
        """Show where it leads."""
        return f"<Connection {self.address}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds open connections."""
        msg = "A Connection holds open connections and cannot be pickled."
        raise TypeError(msg)

    def seconds(self, timeout: float | None) -> float:
        """Return how long one attempt may take: as it was asked, or as long as any.

        Raises:
            InvalidRequest: It is no time-out.
        """
        return self.timeout if timeout is None else argument.seconds("timeout", timeout)

    def note(self, request: HttpRequest, fields: Mapping[str, object], *, sub_account: bool = False) -> Asked:
        """Return the note of a request, for hooks."""
        return Asked(
            number=numbered(),
            name=request.name,
            url=request.url,
            fields=redacted(fields),
            sub_account=sub_account,
            timeout=request.timeout,
            body_bytes=len(request.body),
        )

    async def exchange(
        self,
        request: HttpRequest,
        read: _Read[A],
        *,
        note: Asked | None = None,
        replay: Replay = "never",
        carry: _Carry | None = None,
    ) -> A:
        """Carry a request in one attempt and return what its answer is read as; hooks hear of both ends.

        Args:
            request: The request.
            read: Reads its answer.
            note: What hooks are told of it, if there are hooks.
            replay: Only of what changes nothing are odd figures told here; those of a send are its receipt's to tell.
            carry: Carries it, if that is more than ``send``.
        """
        if note is None:
            result = await read(await (carry or self.send)(request))
        else:
            both = functools.partial(_both, carry or self.send, request, read)
            _, result = await noted(self.hooks, note, both, functools.partial(_answered, note))
        if replay == "safe":
            warn_of_figures(request.name, result.raw)
        return result

    async def aclose(self) -> None:
        """Close the transport, unless it is the caller's own."""
        if self._owned:
            await self.transport.aclose()


async def _both(carry: _Carry, request: HttpRequest, read: _Read[A]) -> tuple[HttpResponse, A]:
    """Carry a request; return its answer, and what that is read as."""
    response = await carry(request)
    return response, await read(response)


def _answered(note: Asked, answer: tuple[HttpResponse, _Answer], seconds: float) -> Answered:
    """Return the note of an answer, for hooks."""
    response, result = answer
    return Answered(
        number=note.number,
        name=note.name,
        seconds=seconds,
        http_status=response.status,
        fields=redacted(result.raw),
        body_bytes=len(response.body),
    )


@bordered
class HttpBackend:
    """What every backend over HTTP is as an object: shown without a secret, never pickled, closed once."""

    _connection: Connection

    def __repr__(self) -> str:
        """Show where it sends to, and neither login nor secret."""
        return f"<{type(self).__name__} {self._connection.address}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds a secret and open connections."""
        msg = f"{type(self).__name__} holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    @property
    def timeout(self) -> float:
        """Seconds for one attempt, unless a request says otherwise."""
        return self._connection.timeout

    async def aclose(self) -> None:
        """Close the connections, unless the transport is the caller's own."""
        await self._connection.aclose()
