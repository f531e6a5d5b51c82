"""One connection to a mail server: each command and the answer that belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import cast

import aiosmtplib

from allmysms_async.transports.room import SocketLike, Watch
from allmysms_async.transports.smtp_dialogue import Dialogue
from allmysms_async.transports.smtp_reply import ReplyGuard, Strayed

__all__ = ["Line"]

_QUIT_SECONDS = 2.0


class Line:
    """One connection."""

    __slots__ = ("_timer", "_until", "_watch", "_watched", "client", "guard", "mails", "since")

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.guard: ReplyGuard | None = None
        self.mails = 0
        self.since = 0.0
        self._watch: Watch | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watched: Dialogue | None = None
        self._until = 0.0

    def listen(self) -> None:
        """Listen to the server from now on; again once TLS is between."""
        if self.client.transport is not None:
            transport = cast("asyncio.Transport", self.client.transport)
            self.guard = ReplyGuard(transport, cast("asyncio.Protocol", transport.get_protocol()))
            transport.set_protocol(self.guard)
            socket = self.socket()
            self._watch = None if socket is None else Watch(socket)

    def is_quiet(self) -> bool:
        """Tell whether it is still there, and nothing came on it since the last answer, read or not."""
        return self.client.is_connected and (self._watch is None or not self._watch.is_readable())

    async def ask(self, command: Awaitable[aiosmtplib.SMTPResponse], answers: int = 1) -> aiosmtplib.SMTPResponse:
        """Run a command that may be answered so many times, and return the last answer.

        Raises:
            Strayed: It is not the one that came.
        """
        guard = self.guard
        if guard is None:
            return await command  # the connection is gone, as this will say
        guard.expect(answers)
        try:
            response = await command
        finally:
            guard.expect(0)
        if not guard.agrees(response.code) or (response.code >= 0 and not guard.is_latest(response.message)):
            raise Strayed
        return response

    async def converse(self, dialogue: Dialogue, until: float) -> bytes:
        """Carry out a dialogue until a moment of the event loop's clock, and return the answer to its mail.

        Raises:
            Strayed: An answer is not clear.
            TimeoutError: There was none in time.
            aiosmtplib.SMTPResponseException: It is another than the one that was hoped for.
            aiosmtplib.SMTPServerDisconnected: The connection is gone.
        """
        guard, transport = self.guard, self.client.transport
        if guard is None or transport is None:
            msg = "Connection lost"
            raise aiosmtplib.SMTPServerDisconnected(msg)
        self._bound(dialogue, until)
        guard.hear(dialogue)
        try:
            dialogue.begin(cast("asyncio.Transport", transport))
            return await dialogue.over
        finally:
            self._watched = None
            guard.hear(None)

    def _bound(self, dialogue: Dialogue, until: float) -> None:
        """Let a dialogue expire at a moment; one timer serves one mail after the other, since hardly any needs it."""
        self._watched, self._until = dialogue, until
        if self._timer is None or self._timer.when() > until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(until, self._look)

    def _look(self) -> None:
        """See whether the present dialogue is late."""
        self._timer, dialogue = None, self._watched
        if dialogue is None:
            return
        if asyncio.get_running_loop().time() >= self._until:
            dialogue.expire()
        else:
            self._bound(dialogue, self._until)

    def strayed(self, error: Exception) -> bool:
        """Tell whether an error comes from answers that cannot be told apart."""
        if self.guard is None:
            return False
        wrong = isinstance(error, aiosmtplib.SMTPResponseException) and not self.guard.agrees(error.code)
        return wrong or self.guard.strayed or isinstance(error, Strayed)

    @property
    def invited(self) -> bool:
        """Whether the server asked for the mail itself, which may have been written then."""
        return self.guard is not None and self.guard.invited

    def drop(self) -> None:
        """Close it without a word."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport = self.client.transport
        self.client.close()
        _abort(transport)

    def socket(self) -> SocketLike | None:
        """Return its socket, if it is connected."""
        transport = self.client.transport
        socket: SocketLike | None = None if transport is None else transport.get_extra_info("socket")
        return socket

    async def reset(self) -> bool:
        """After a refusal: make it fit for the next mail, and tell whether it is."""
        try:
            await self.ask(self.client.rset(timeout=_QUIT_SECONDS))
        except (aiosmtplib.SMTPException, OSError, Strayed):
            return False
        except BaseException:
            self.drop()
            raise
        return True

    async def leave(self) -> None:
        """Say goodbye, and close it."""
        transport = self.client.transport
        try:
            await self.ask(self.client.quit(timeout=_QUIT_SECONDS))
        except (aiosmtplib.SMTPException, OSError, RuntimeError, Strayed):
            pass
        finally:
            self.drop()
            _abort(transport)  # which the client has let go of meanwhile


def _abort(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection at once: closing TLS in order would wait for the other side's farewell."""
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
