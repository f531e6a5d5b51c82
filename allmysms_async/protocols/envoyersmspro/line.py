"""The way to the provider: one attempt at an operation, if the limit of requests allows it.

What the answers mean in the neutral vocabulary is ``backend``'s business.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from allmysms_async import argument
from allmysms_async.backend import identity
from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.errors import AllMySmsError, InvalidRequest, NotSent, RequestLimitReached
from allmysms_async.exchange import departure
from allmysms_async.hooks import Asked
from allmysms_async.model import Secret
from allmysms_async.protocols.connection import Connection, secret
from allmysms_async.protocols.envoyersmspro.account import GetAccountStatus
from allmysms_async.protocols.envoyersmspro.codec import Credentials, decode, encode
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, identifier

if TYPE_CHECKING:
    from allmysms_async.exchange import HttpRequest, HttpResponse
    from allmysms_async.protocols.envoyersmspro.window import RequestWindow

__all__ = ["Line", "credentials"]

R = TypeVar("R", bound=Result)

_LATE_SECONDS = 5.0
"""How much longer than its time-out a request can take: the transport waits for its turn first."""


def credentials(login: str, password: str, account_id: str | None, *, basic: bool) -> Credentials:
    """Return credentials that are fit to travel."""
    proof = {name: secret(name, value) for name, value in {"login": login, "password": password}.items()}
    for name, value in proof.items():
        if basic and ":" in value.reveal():
            msg = f'{name} holds ":", which separates the parts of HTTP Basic authentication; say basic_auth=False.'
            raise InvalidRequest(msg)
    if account_id is not None:
        identifier("account_id", account_id)
    named = None if account_id is None else Secret(account_id)
    return Credentials(**proof, account_id=named, basic=basic)


class Line:
    """Sends operations in one attempt each, and counts them.

    Args:
        connection: What carries the requests.
        credentials: Who asks.
        limit: Requests in 60 minutes at most, or None for what the provider states.
        limit_path: A file that keeps count beyond the process, or None.
        clock: Where the time of day comes from, or None for the machine's own.
    """

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        *,
        limit: int | None,
        limit_path: str | Path | None,
        clock: Clock | None,
    ) -> None:
        self.connection = connection
        self._credentials = credentials
        self._window, self._clock = _window(self.identity, limit_path, limit, clock)

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        credentials = self._credentials
        account = credentials.account_id.reveal() if credentials.account_id else ""
        return identity("envoyersmspro", self.connection.address, credentials.login.reveal(), account)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the password and open connections."""
        msg = "A Line holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    async def perform(self, operation: Operation[R], *, timeout: float | None = None) -> R:
        """Make one attempt at an operation, if the request limit allows it.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the connection's own by default.

        Raises:
            RequestLimitReached: Not sent, or not taken; ``retry_after`` says when the next request may be sent.
            NotSent: Surely not sent.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            GatewayError: The provider refused; its class says why.
        """
        seconds = self.connection.seconds(timeout)
        asks = isinstance(operation, GetAccountStatus)
        # A limit that nobody stated is asked with the last place that is left, before anything has to wait.
        if not asks and not self._window.known(self._clock.now()) and self._window.free(self._clock.now()) <= 1:
            await self._learn_limit()
        request = encode(
            operation,
            self._credentials,
            base_url=self.connection.address,
            timeout=seconds,
            max_response_bytes=self.connection.max_response_bytes,
        )
        keep = 0 if asks or self._window.known(self._clock.now()) else 1
        turn = self._window.take(self._clock.now(), seconds + _LATE_SECONDS, keep=keep)
        if turn.wait:
            msg = f"{operation.name}: {self._window.limit} requests in 60 minutes are allowed; this one was not sent."
            raise RequestLimitReached(msg, request=operation.name, retry_after=turn.wait)

        async def carry(request: HttpRequest) -> HttpResponse:
            try:
                response = await self.connection.send(request)
            except NotSent:
                turn.give_back()
                raise
            except BaseException:
                turn.end(self._clock.now())
                raise
            turn.end(self._clock.now())
            return response

        async def read(response: HttpResponse) -> R:
            try:
                return decode(operation, response)
            except RequestLimitReached as error:
                error.retry_after = self._window.close(self._clock.now(), error.retry_after)
                raise

        note = self._note(operation, request) if self.connection.hooks else None
        result = await self.connection.exchange(request, read, note=note, replay=operation.replay, carry=carry)
        if isinstance(operation, GetAccountStatus):
            self._window.state(getattr(result, "api_request_limit", None), self._clock.now())
        return result

    def _note(self, operation: Operation[R], request: HttpRequest) -> Asked:
        """Return the note of a request, for hooks; its recipients are told by how many they are."""
        fields: dict[str, object] = {**operation.fields()}
        if "recipients" in fields:
            fields["recipients"] = str(fields["recipients"]).split(",")
        return self.connection.note(request, fields)

    @property
    def limit(self) -> int:
        """Requests in 60 minutes at most."""
        return self._window.limit

    def turn_in(self) -> float:
        """Return the seconds until the next request may be sent, 0 if it may be now."""
        return self._window.turn_in(self._clock.now())

    async def least_seconds(self, requests: int) -> float:
        """Return how long so many requests take at least because of the limit; asks for it if they would not fit."""
        if requests and not self._window.known(self._clock.now()) and self._window.free(self._clock.now()) <= requests:
            await self._learn_limit()
        return self._window.least_seconds(requests, self._clock.now())

    async def _learn_limit(self) -> None:
        """Ask what the limit is; without an answer the default stays."""
        leave = departure.get()
        departure.set(None)  # what is had is leave to send, for the request that follows
        try:
            await self.perform(GetAccountStatus())
        except RequestLimitReached:
            return  # another request is just asking, or the server's window is full
        except AllMySmsError:
            self._window.state(None, self._clock.now())
        finally:
            departure.set(leave)


def _window(
    account: str, path: str | Path | None, limit: int | None, clock: Clock | None
) -> tuple[RequestWindow, Clock]:
    """Return the account's window of requests, imported only when one is needed, and its clock."""
    from allmysms_async.protocols.envoyersmspro.window import window_of

    if limit is not None:
        argument.count("request_limit", limit)
    if clock is not None:
        argument.able("clock", clock, ("now",), "a clock")
    window = window_of(account, None if path is None else argument.path("limit_path", path))
    if limit is not None:
        window.wish(limit)
    return window, clock or SYSTEM
