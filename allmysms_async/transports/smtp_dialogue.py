"""The dialogue of one mail: MAIL, RCPT, DATA and the mail itself, each written once the one before is answered.

Its connection was opened by aiosmtplib, which could drive the commands as well, one by one. It takes a task's turn and
a good many calls for each of them; here the answer itself writes what follows, and whoever sends waits once.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable
from typing import Protocol

import aiosmtplib
from aiosmtplib.email import quote_address

from allmysms_async.exchange import MailEnvelope
from allmysms_async.transports.smtp_reply import Strayed

__all__ = ["Dialogue", "command", "dotted"]

_HOPED_FOR = ((b"250",), (b"250", b"251"), (b"354",), (b"250",))
"""The answers after which a dialogue goes on. Source: RFC 5321, §4.3.2."""

_MAX_LINE = 8192
"""The longest line of an answer, its end included."""

_plain_address = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+").fullmatch
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Writes(Protocol):
    """What a dialogue is written to."""

    def write(self, data: bytes) -> None:
        """Write."""
        ...

    def is_closing(self) -> bool:
        """Tell whether nothing written is sent any more."""
        ...


class Dialogue:
    """One mail on its way.

    Args:
        envelope: The mail.
        message: Header and body, as they are to be written.
        options: What MAIL says besides.

    Attributes:
        at: How many commands were answered as hoped: 0 to 2, and 3 once the mail itself is written.
        over: Becomes the answer to the mail, or an exception: ``aiosmtplib.SMTPResponseException`` for an answer other
            than the one that was hoped for, ``Strayed`` for one that is not clear, ``SMTPServerDisconnected``.

    Raises:
        ValueError: An address holds what none has.
    """

    __slots__ = ("_steps", "_write", "at", "over")

    def __init__(self, envelope: MailEnvelope, message: bytes, options: str = "") -> None:
        self.at = 0
        self.over: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._write: Callable[[bytes], None]
        sender, recipient = envelope.mail_from, envelope.rcpt_to
        self._steps = (command("MAIL FROM:", sender, options), command("RCPT TO:", recipient), b"DATA\r\n", message)

    def begin(self, connection: Writes) -> None:
        """Write the first command."""
        if connection.is_closing():
            self.lose()
            return
        self._write = connection.write
        self._write(self._steps[0])

    def answered(self, answer: bytes) -> bool:
        """Take in a whole answer, and write what follows; tell whether there will be another."""
        if self.over.done():
            return False
        at = self.at
        if answer[:3] not in _HOPED_FOR[at] or (len(answer) > _MAX_LINE and _has_long_line(answer)):
            self.over.set_exception(_refusal(answer))
            return False
        if at == 3:
            self.over.set_result(answer)
            return False
        self.at = at + 1
        self._write(dotted(self._steps[3]) if at == 2 else self._steps[at + 1])
        return True

    def lose(self, error: Exception | None = None) -> None:
        """Note that the connection is gone, or what else went wrong with it."""
        if not self.over.done():
            lost = aiosmtplib.SMTPServerDisconnected("Connection lost")
            lost.__cause__ = error
            self.over.set_exception(lost)

    def expire(self) -> None:
        """Note that it took too long."""
        if not self.over.done():
            self.over.set_exception(TimeoutError())


@functools.lru_cache(64)
def command(verb: str, address: str, options: str = "") -> bytes:
    """Return a command that names an address.

    Raises:
        ValueError: The address holds what none has; it is not shown.
    """
    # aiosmtplib reads any other as mail programs write them, with names, comments and quotes.
    path = f"<{address}>" if _plain_address(address) else quote_address(address)
    line = f"{verb}{path} {options}".rstrip(" ")
    if _CONTROLS.search(line):
        msg = "An address holds a control character."
        raise ValueError(msg)
    return line.encode("ascii") + b"\r\n"


def dotted(message: bytes) -> bytes:
    """Return a mail as it is written: each line ends in CR LF, one that begins with a dot has two, a dot ends it.

    Source: RFC 5321, §2.3.8 and §4.5.2.
    """
    if not (message.endswith(b"\r\n") and message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r")):
        message = _LINE_END.sub(b"\r\n", message)
        if not message.endswith(b"\r\n"):
            message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\n.", b"\n..") + b".\r\n"


def _has_long_line(answer: bytes) -> bool:
    return max(map(len, answer.split(b"\n"))) >= _MAX_LINE


def _refusal(answer: bytes) -> Exception:
    """Return what an answer means that is not the one hoped for; below 0 it has no code."""
    try:
        code = -1 if _has_long_line(answer) else int(answer[:3])
    except ValueError:
        code = -1
    if code >= 0 and b"%03d" % code != answer[:3]:
        return Strayed()
    return aiosmtplib.SMTPResponseException(code, "")
