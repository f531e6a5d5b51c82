"""Mails over bare sockets, each step of one waiting for the answer to the one before, as SMTP has it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from floor import FloorError

from allmysms_async.exchange import MailEnvelope

__all__ = ["hand_over", "mail_steps"]


def mail_steps(envelope: MailEnvelope) -> tuple[bytes, ...]:
    """Return what is written of a mail, step by step."""
    return (
        f"MAIL FROM:<{envelope.mail_from}> BODY=8BITMIME\r\n".encode(),
        f"RCPT TO:<{envelope.rcpt_to}>\r\n".encode(),
        b"DATA\r\n",
        envelope.message.replace(b"\r\n.", b"\r\n..") + b".\r\n",
    )


class _Line(asyncio.Protocol):
    """One connection: writes a step when the last one was answered, the next mail after the last step."""

    def __init__(self, mails: Iterator[Sequence[bytes]]) -> None:
        self._mails = mails
        self._steps: Iterator[bytes] = iter(())
        self._transport: asyncio.Transport | None = None
        self._greeted = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to; the server speaks first."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Go on after an answer, if it is no refusal."""
        if self._transport is None or self.over.done():
            return
        if data[:1] not in {b"2", b"3"}:
            self.over.set_exception(FloorError(f"The server answered {data[:40]!r}."))
            return
        step = self._next() if self._greeted else b"EHLO bench.example\r\n"
        self._greeted = True
        if step is None:
            self.close()
        else:
            self._transport.write(step)

    def _next(self) -> bytes | None:
        """Return what is written next, or None if there is no more."""
        step = next(self._steps, None)
        if step is None:
            self._steps = iter(next(self._mails, ()))
            step = next(self._steps, None)
        return step

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
        if not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the connection broke, unless it was closed here."""
        if not self.over.done():
            self.over.set_exception(FloorError(f"The server closed the connection ({exc})."))


async def hand_over(port: int, mails: Iterable[Sequence[bytes]], connections: int) -> None:
    """Hand mails over to a server on this machine, over so many connections.

    Raises:
        FloorError: A connection broke, or an answer was a refusal.
    """
    source = iter(mails)
    lines: list[_Line] = []
    try:
        for _ in range(connections):
            _, line = await asyncio.get_running_loop().create_connection(lambda: _Line(source), "127.0.0.1", port)
            lines.append(line)
        await asyncio.gather(*(line.over for line in lines))
    finally:
        for line in lines:
            line.close()
