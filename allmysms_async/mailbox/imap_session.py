"""One look into an IMAP mailbox, step by step, for a thread: the only place that imports the library of the extra.

Source: RFC 3501 for EXAMINE, UIDs and BODY.PEEK.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from imap_tools import BaseMailBox

from allmysms_async.mailbox.mail import HEAD, LONGEST

__all__ = ["Session", "Unseen", "groups", "portions"]

_STEP_BYTES = 24 << 20
_STEP_LINES = 20_000
_GROUP_BYTES = 4 << 20
_GROUP_MAILS = 100
_SIZES_AT_ONCE = 400
_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)
_PARTS = f"(UID BODY.PEEK[]<0.{LONGEST}>)"
_HEAD = f"(UID BODY.PEEK[]<0.{HEAD}>)"

Unseen = Sequence[tuple[int, int]]
"""Mails that were not read yet: UID and size in bytes, in the order of UIDs."""


class _Client(imaplib.IMAP4_SSL):
    """A connection that reads a bounded number of bytes and lines in a step, and remembers nothing of what was sent."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, timeout: float, opened: Callable[[socket.socket], None]
    ) -> None:
        self.refill()
        self._opened = opened
        self._context = context
        super().__init__(host, port, ssl_context=context, timeout=timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        place = (self.host, self.port)
        plain = socket.create_connection(place, timeout)
        self._opened(plain)
        secured = self._context.wrap_socket(plain, server_hostname=self.host)
        self._opened(secured)
        return secured

    def refill(self) -> None:
        """Begin a step, in which so many bytes and lines may come."""
        self._bytes, self._lines = _STEP_BYTES, _STEP_LINES

    def read(self, size: int) -> bytes:
        """Read a literal."""
        self._spend(size, 0)
        return super().read(size)

    def readline(self) -> bytes:
        """Read a line."""
        line = super().readline()
        self._spend(len(line), 1)
        return line

    def _spend(self, size: int, lines: int) -> None:
        self._bytes -= size
        self._lines -= lines
        if self._bytes < 0 or self._lines < 0:
            msg = "too long an answer"
            raise self.abort(msg)

    def _log(self, line: str) -> None:
        """Keep nothing: the library's own keeps the last commands, the password among them."""


class _Box(BaseMailBox):
    client: _Client

    def __init__(self, connect: Callable[[], _Client]) -> None:
        self._connect = connect
        super().__init__()

    def _get_mailbox_client(self) -> _Client:
        return self._connect()


class Session:
    """A connection to a mailbox. Nothing in the mailbox is changed: it is opened to be read only.

    Args:
        host: The server; its certificate must be for this name.
        port: Its port, where TLS is spoken from the start.
        context: Whom to trust.
        timeout: Seconds that the server may say nothing.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext, timeout: float) -> None:
        self._place = (host, port, context, timeout)
        self._socket: socket.socket | None = None
        self._box: _Box | None = None
        self._cut = False

    def connect(self) -> None:
        """Connect, with TLS."""
        self._box = _Box(lambda: _Client(*self._place, self._opened))

    def login(self, user: str, password: str) -> None:
        """Log in.

        Raises:
            imaplib.IMAP4.error: The server refuses.
        """
        box = self._step()
        login = box.login if (user + password).isascii() else box.login_utf8
        login(user, password, initial_folder=None)

    def examine(self, folder: str) -> int:
        """Open a folder to be read only; return what its UIDs are valid with, 0 if the server does not say.

        Raises:
            imap_tools.errors.MailboxFolderSelectError: There is none of that name.
        """
        box = self._step()
        folders: Any = box.folder
        folders.set(folder, readonly=True)
        said = box.client.response("UIDVALIDITY")[1]
        return int(said[0]) if said and isinstance(said[0], bytes) and said[0].isdigit() else 0

    def after(self, uid: int) -> list[int]:
        """Return the UIDs after one, in their order."""
        said = self._asked("SEARCH", f"UID {uid + 1}:*")
        found = b" ".join(line for line in said if isinstance(line, bytes)).split()
        # Of a range that begins after the last mail a server takes the last mail.
        return sorted({number for each in found if each.isdigit() and (number := int(each)) > uid})

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Return how many bytes mails have, by their UIDs; those that are gone by now are left out."""
        said = self._asked("FETCH", _listed(uids), "(UID RFC822.SIZE)")
        pairs = ((_UID.search(line), _SIZE.search(line)) for line in said if isinstance(line, bytes))
        return {int(uid[1]): int(size[1]) for uid, size in pairs if uid and size}

    def mails(self, group: Unseen) -> dict[int, bytes | None]:
        """Return mails by their UIDs, None for one that the server cannot give; those that are gone are left out."""
        parts = _HEAD if any(size > LONGEST for _, size in group) else _PARTS
        uids = [uid for uid, _ in group]
        try:
            return dict(_bodies(self._asked("FETCH", _listed(uids), parts)))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            if len(group) == 1:
                return {uids[0]: None}
        found: dict[int, bytes | None] = {}
        for one in group:
            found |= self.mails([one])
        return found

    def cut(self) -> None:
        """End the connection at once, also while another thread waits for the server."""
        self._cut = True
        if self._socket is not None:
            _shut(self._socket)

    def close(self) -> None:
        """Take leave, and close the connection."""
        if self._box is not None:
            box: Any = self._step()
            with contextlib.suppress(Exception):
                if self._cut:
                    box.client.shutdown()
                else:
                    box.logout()
        if self._socket is not None:
            self._socket.close()

    def _opened(self, one: socket.socket) -> None:
        """Note which socket it is."""
        self._socket = one
        if self._cut:
            _shut(one)

    def _step(self) -> _Box:
        """Return the mailbox for one more step."""
        assert self._box is not None  # noqa: S101
        self._box.client.refill()
        return self._box

    def _asked(self, command: str, *words: str) -> list[Any]:
        """Return what the server says to a command about UIDs.

        Raises:
            imaplib.IMAP4.error: It refuses.
        """
        client = self._step().client
        kind, said = client.uid(command, *words)
        if kind != "OK":
            raise client.error(command)
        return said


def groups(unseen: Unseen) -> Iterator[Unseen]:
    """Yield mails in groups that are fetched at once: a bounded number of bytes, long mails by themselves."""
    group: list[tuple[int, int]] = []
    total = 0
    for uid, size in unseen:
        long = size > LONGEST
        if group and (long or len(group) == _GROUP_MAILS or total + size > _GROUP_BYTES):
            yield group
            group, total = [], 0
        group.append((uid, size))
        total += size
        if long:
            yield group
            group, total = [], 0
    if group:
        yield group


def portions(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield UIDs in portions whose sizes are asked for at once."""
    for start in range(0, len(uids), _SIZES_AT_ONCE):
        yield uids[start : start + _SIZES_AT_ONCE]


def _listed(uids: Iterable[int]) -> str:
    """Return UIDs as a command has them."""
    return ",".join(map(str, uids))


def _bodies(said: Sequence[Any]) -> Iterator[tuple[int, bytes | None]]:
    """Yield UID and content of each mail in an answer; the UID stands before the content or after it."""
    for place, one in enumerate(said):
        if isinstance(one, tuple):
            before, content = cast("tuple[bytes, bytes]", one)
            after = said[place + 1] if place + 1 < len(said) else b""
            uid = _UID.search(before) or (_UID.search(after) if isinstance(after, bytes) else None)
            if uid:
                yield int(uid[1]), content
        elif isinstance(one, bytes) and b"BODY[]" in one.upper() and (uid := _UID.search(one)):
            yield int(uid[1]), None  # not as a literal: the server has nothing of it


def _shut(one: socket.socket) -> None:
    """Let whoever waits at a socket find its end, without TLS's own leave-taking."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(one, socket.SHUT_RDWR)
