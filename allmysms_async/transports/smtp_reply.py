"""What a mail server says, listened to on its way to the library that reads it.

aiosmtplib takes the next whole answer in its buffer for the answer to the command that it just wrote, whenever it came.
So an answer that came too early would be taken for the word on a mail, which would be lost, or be sent again. Here each
answer belongs to one command; whatever else is said ends the connection before anything is made of it.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Listener", "ReplyGuard", "Strayed", "words"]

MAX_BYTES = 32_768
"""An answer's length at most; the longest are lists of what a server is capable of, of 1 kB or so."""

GO_AHEAD = b"354"
"""The answer on which the mail itself is written."""


class Strayed(Exception):
    """What the server said cannot be told apart as one answer to each command; holds nothing of it."""


class Listener(Protocol):
    """What takes whole answers in, in place of the library."""

    def answered(self, answer: bytes) -> bool:
        """Take in a whole answer; tell whether there will be another."""
        ...

    def lose(self, error: Exception | None = None) -> None:
        """Note that the connection is gone."""
        ...


class ReplyGuard(asyncio.Protocol):
    """Listens between a connection and the protocol that reads from it.

    Args:
        transport: The connection.
        reader: What reads from it.

    Attributes:
        strayed: Whether the server said more than it was asked, or an answer that contradicts itself or has no end.
        code: The latest answer's code.
        invited: Whether the server asked for the mail itself since the latest command: it may have been written.
    """

    def __init__(self, transport: asyncio.Transport, reader: asyncio.Protocol) -> None:
        self._transport = transport
        self._reader = reader
        self._answer = bytearray()
        self._whole = b""
        self._line = 0
        self._due = 0
        self._listener: Listener | None = None
        self.strayed = False
        self.code = b""
        self.invited = False

    def expect(self, answers: int) -> None:
        """Let so many answers come, at most; 0 once the command is over."""
        self._due = answers
        if answers:
            self.invited = False

    def hear(self, listener: Listener | None) -> None:
        """Let a listener have one answer, and those after it that it foresees; None once it is over."""
        self._listener = listener
        self.expect(listener is not None)

    def agrees(self, code: int) -> bool:
        """Tell whether a code that was read is the latest that came; one below 0 stands for none."""
        return code < 0 or self.code == b"%03d" % code

    def is_latest(self, said: str) -> bool:
        """Tell whether words that were read are those of the latest answer, and not of one before it."""
        return said == words(self._whole)

    def data_received(self, data: bytes) -> None:
        """Pass on what belongs to an answer that was asked for; else hang up."""
        if self.strayed:
            return
        if self._due and not self._answer and data.find(b"\n") == len(data) - 1 <= MAX_BYTES and data[3:4] != b"-":
            self._end(bytes(data))  # one line, from its beginning to its end: nearly always
        else:
            self._answer += data
            if not self._due or len(self._answer) > MAX_BYTES or not self._follows(len(data)):
                self.strayed = True
                self._answer.clear()
                self._transport.abort()
                return
        if self._listener is None:
            self._reader.data_received(data)
        elif not self._answer and self._listener.answered(self._whole):
            self._due = 1

    def _follows(self, new: int) -> bool:
        """Take in the lines that are whole now; tell whether there is nothing but one answer."""
        searched = len(self._answer) - new
        while (end := self._answer.find(b"\n", max(self._line, searched))) >= 0:
            if self._line and self._answer[self._line : self._line + 3] != self._answer[:3]:
                return False
            more = self._answer.startswith(b"-", self._line + 3) and end > self._line + 3
            self._line = end + 1
            if more:
                continue
            if len(self._answer) > self._line:
                return False
            self._end(bytes(self._answer))
            self._answer.clear()
            self._line = 0
        return True

    def _end(self, answer: bytes) -> None:
        """Take in the end of an answer."""
        self._whole = answer
        self.code = code = answer[:3]
        self._due -= 1
        if code == GO_AHEAD:
            self.invited = True

    def eof_received(self) -> bool | None:
        """Pass it on."""
        if self._listener is not None:
            self._listener.lose()
        return self._reader.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        if self._listener is not None:
            self._listener.lose(exc)
        self._reader.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._reader.resume_writing()


def words(answer: bytes) -> str:
    """Return what an answer says after its code, line by line, as aiosmtplib has it."""
    lines = [line[4:].strip(b" \t\r\n") for line in answer.split(b"\n")[:-1]]
    said = lines[0] if len(lines) == 1 else b"\n".join(lines).lstrip(b"\n")
    return said.decode("utf-8", "surrogateescape")
