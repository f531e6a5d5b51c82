"""The way to the gateway: who asks, in whose name, in which format.

One attempt at an operation goes out from here and its answer is read here; what the answers mean in the neutral
vocabulary is ``backend``'s business.
"""

from __future__ import annotations

from typing import NoReturn, TypeVar

from allmysms_async import argument
from allmysms_async.backend import identity
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.hooks import Asked
from allmysms_async.protocols.connection import Connection, secret
from allmysms_async.protocols.rest.codec import Credentials, Formats, decode, decode_ordinary, encode, is_xml
from allmysms_async.protocols.rest.one import OneText, writer
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result
from allmysms_async.transports.thread import Worker, within

__all__ = ["Line"]

R = TypeVar("R", bound=Result)

# 64 KB of JSON, the answer for 1,000 recipients, take 3 ms; XML takes longer.
_LARGE_JSON_BYTES = 64 * 1024
_LARGE_XML_BYTES = 32 * 1024
# The same of an ordinary answer to a send: 2,000 recipients take 0.4 ms.
_LARGE_ORDINARY_BYTES = 256 * 1024
# So many rows of a flow take 3 ms to write as XML.
_MANY_ROWS = 300


class Line:
    """Sends operations in one attempt each.

    Args:
        connection: What carries the requests; closed with the line.
        credentials: Who asks.
        formats: In which format flows travel and answers are asked for.

    Attributes:
        one: The short way of one text to one number.
    """

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        formats: Formats,
    ) -> None:
        self.connection = connection
        self._credentials = credentials
        self._formats = formats
        self._worker = Worker("allmysms rest")
        self.one = OneText(connection, writer(credentials, connection.address, formats), self._decoded)

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity("rest", self.connection.address, self._credentials.login.reveal(), self.sub_account or "")

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
            sub_account=secret("sub_account", login, ascii_only=True),
        )
        return Line(self.connection.borrowed(), credentials, self._formats)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key and open connections."""
        msg = "A Line holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    async def aclose(self) -> None:
        """Close the connections, unless they are somebody else's."""
        self._worker.close()
        await self.connection.aclose()

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
        request = await self._encoded(operation, self.connection.seconds(timeout))
        note = self._note(operation, request) if self.connection.hooks else None

        async def read(response: HttpResponse) -> R:
            return await self._decoded(type(operation), response, passing)

        return await self.connection.exchange(request, read, note=note, replay=operation.replay)

    def _note(self, operation: Operation[R], request: HttpRequest) -> Asked:
        """Return the note of a request, for hooks."""
        fields = operation.values(beside=True) | operation.data()
        return self.connection.note(request, fields, sub_account=self.sub_account is not None)

    async def _encoded(self, operation: Operation[R], timeout: float) -> HttpRequest:
        """Write a request; a long flow in XML in a thread, whose queue counts in the time that the request has.

        Raises:
            NotSent: The time was over before it was written.
        """
        largest = self.connection.max_response_bytes
        most = min(largest, operation.route.max_response_bytes or largest)

        def write(left: float) -> HttpRequest:
            return encode(
                operation,
                self._credentials,
                base_url=self.connection.address,
                timeout=left,
                max_response_bytes=most,
                formats=self._formats,
            )

        if self._formats.flow != "xml" or operation.route.flow is None or operation.rows <= _MANY_ROWS:
            return write(timeout)
        return await within(self._worker, write, timeout, operation.name)

    async def _decoded(self, kind: type[Operation[R]], response: HttpResponse, passing: frozenset[str]) -> R:
        """Read an answer; a large one in a thread, since it would hold the event loop for too long.

        An ordinary answer to a send is read so fast that going to the thread would cost more.
        """
        size = len(response.body)
        if size <= (_LARGE_XML_BYTES if is_xml(response.body) else _LARGE_JSON_BYTES):
            return decode(kind, response, passing=passing)
        if size <= _LARGE_ORDINARY_BYTES and (ordinary := decode_ordinary(kind, response)) is not None:
            return ordinary
        return await self._worker.run(decode, kind, response, passing=passing)
