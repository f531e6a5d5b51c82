"""The way to the gateway: who asks, over which transport, in which format, and who is told of it.

One attempt at an operation goes out from here and its answer is read here; what the answers mean in the neutral
vocabulary is ``backend``'s business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from allmysms_async import argument
from allmysms_async.backend import identity
from allmysms_async.errors import AllMySmsError, InvalidRequest
from allmysms_async.exchange import HttpRequest, HttpResponse, server_root
from allmysms_async.hooks import warn_of_figures
from allmysms_async.model import Secret
from allmysms_async.protocols.rest.codec import Credentials, Formats, decode, encode, is_xml
from allmysms_async.protocols.rest.hook import Asked, Failed, Hook, answered, asked, tell
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result
from allmysms_async.transports.thread import Worker, within

if TYPE_CHECKING:
    from allmysms_async.transports import HttpTransport

__all__ = ["Line"]

R = TypeVar("R", bound=Result)

# 64 KB of JSON, the answer for 1,000 recipients, take 3 ms; XML takes longer.
_LARGE_JSON_BYTES = 64 * 1024
_LARGE_XML_BYTES = 32 * 1024
# So many rows of a flow take 3 ms to write as XML.
_MANY_ROWS = 300


def _root(base_url: str, *, allow_plain_http: bool) -> str:
    """Return the server's root, refusing what would show the key on the way."""
    return server_root(base_url, allow_plain_http=allow_plain_http).removesuffix("/http/9.0")


def _credential(name: str, value: str) -> str:
    """Return a credential that is fit to travel in a form field or a header."""
    if not argument.text(name, value) or not value.isprintable() or not value.isascii():
        msg = f"{name} is empty or holds characters that no {name} has; nothing was sent."
        raise InvalidRequest(msg)
    return value


def _default_transport() -> HttpTransport:
    """Return a transport over httpx, imported only when one is needed."""
    from allmysms_async.transports.httpx import HttpxTransport

    return HttpxTransport()


def _looked_at(operation: Operation[R], result: R) -> R:
    """Return a result, having told of figures in it that cannot be right; those of a send are its receipt's to tell."""
    if operation.replay == "safe":
        warn_of_figures(operation.name, result.raw)
    return result


class Line:
    """Sends operations in one attempt each.

    Args:
        credentials: Who asks.
        base_url: The server's root, already checked.
        transport: What carries the requests.
        owned: Whether the transport is closed with the line.
        timeout: Seconds for one attempt.
        max_response_bytes: Largest answer that is read.
        formats: In which format flows travel and answers are asked for.
        hooks: Who is told of each request and its end.
    """

    def __init__(
        self,
        credentials: Credentials,
        base_url: str,
        transport: HttpTransport,
        *,
        owned: bool,
        timeout: float,
        max_response_bytes: int,
        formats: Formats,
        hooks: tuple[Hook, ...],
    ) -> None:
        self.base_url = base_url
        self._credentials = credentials
        self._transport = transport
        self._owned = owned
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes
        self._formats = formats
        self._hooks = hooks
        self._worker = Worker("allmysms rest")

    @classmethod
    def opened(
        cls,
        login: str,
        api_key: str,
        *,
        base_url: str,
        sub_account: str | None,
        transport: HttpTransport | None,
        timeout: float,
        max_response_bytes: int,
        allow_plain_http: bool,
        formats: Formats,
        hooks: Iterable[Hook],
    ) -> Line:
        """Return a line, refusing credentials and an address that cannot be right.

        Raises:
            InvalidRequest: Naming what is wrong, never the key.
        """
        credentials = Credentials(
            login=Secret(_credential("login", login)),
            api_key=Secret(_credential("api_key", api_key)),
            sub_account=None if sub_account is None else Secret(_credential("sub_account", sub_account)),
        )
        if transport is not None:
            argument.able("transport", transport, ("send", "aclose"), "an HttpTransport")
        return cls(
            credentials,
            _root(base_url, allow_plain_http=allow_plain_http),
            transport or _default_transport(),
            owned=transport is None,
            timeout=argument.seconds("timeout", timeout),
            max_response_bytes=argument.count("max_response_bytes", max_response_bytes),
            formats=formats,
            hooks=argument.several("hooks", hooks, callable, "functions"),
        )

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity("rest", self.base_url, self._credentials.login.reveal(), self.sub_account or "")

    @property
    def sub_account(self) -> str | None:
        """Login of the sub-account that is acted for, if it is one."""
        named = self._credentials.sub_account
        return None if named is None else named.reveal()

    def for_sub_account(self, login: str) -> Line:
        """Return a line over the same transport that acts for a sub-account; closing it closes nothing.

        Raises:
            InvalidRequest: The login cannot travel in a header.
        """
        credentials = Credentials(
            login=self._credentials.login,
            api_key=self._credentials.api_key,
            sub_account=Secret(_credential("sub_account", login)),
        )
        return Line(
            credentials,
            self.base_url,
            self._transport,
            owned=False,
            timeout=self._timeout,
            max_response_bytes=self._max_response_bytes,
            formats=self._formats,
            hooks=self._hooks,
        )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key and open connections."""
        msg = "A Line holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    async def aclose(self) -> None:
        """Close the connections, unless they are somebody else's."""
        self._worker.close()
        if self._owned:
            await self._transport.aclose()

    async def call(
        self, operation: Operation[R], *, timeout: float | None = None, passing: frozenset[str] = frozenset()
    ) -> R:
        """Make one attempt at an operation.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the line's own by default.
            passing: Statuses to return as a result although they are refusals.

        Raises:
            NotSent: Surely not sent.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            GatewayError: The gateway refused; its class says why.
        """
        argument.given("The operation", operation, Operation, "one of the protocol's own")
        request = await self._encoded(operation, self._timeout if timeout is None else timeout)
        if not self._hooks:
            result = await self._decoded(operation, await self._transport.send(request), passing)
            return _looked_at(operation, result)
        note: Asked = asked(operation, request, self.sub_account)
        tell(self._hooks, note)
        try:
            response = await self._transport.send(request)
            result = await self._decoded(operation, response, passing)
        except AllMySmsError as error:
            tell(self._hooks, Failed(number=note.number, name=note.name, error=error))
            raise
        tell(self._hooks, answered(note, response, result))
        return _looked_at(operation, result)

    async def _encoded(self, operation: Operation[R], timeout: float) -> HttpRequest:
        """Write a request; a long flow in XML in a thread, whose queue counts in the time that the request has.

        Raises:
            NotSent: The time was over before it was written.
        """
        most = min(self._max_response_bytes, operation.max_response_bytes or self._max_response_bytes)

        def write(left: float) -> HttpRequest:
            return encode(
                operation,
                self._credentials,
                base_url=self.base_url,
                timeout=left,
                max_response_bytes=most,
                formats=self._formats,
            )

        if self._formats.flow != "xml" or operation.flow is None or operation.rows <= _MANY_ROWS:
            return write(timeout)
        return await within(self._worker, write, timeout, operation.name)

    async def _decoded(self, operation: Operation[R], response: HttpResponse, passing: frozenset[str]) -> R:
        """Read an answer; a large one in a thread, since it would hold the event loop for too long."""
        kind = type(operation)
        if len(response.body) <= (_LARGE_XML_BYTES if is_xml(response.body) else _LARGE_JSON_BYTES):
            return decode(kind, response, passing=passing)
        return await self._worker.run(decode, kind, response, passing=passing)
