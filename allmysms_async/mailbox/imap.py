"""Error mails in a mailbox on a mail server, read by IMAP over TLS; nothing in it is changed or marked as read."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import AllMySmsError, AuthenticationFailed, InvalidRequest, TransportError
from allmysms_async.mailbox.batch import Batch, Heap, MailTally
from allmysms_async.model import Secret
from allmysms_async.model.mail_error import MailError
from allmysms_async.transports.peer import certificate_refused, is_host

if TYPE_CHECKING:
    from allmysms_async.mailbox.imap_session import Session, Unseen

__all__ = ["ImapMailbox"]

T = TypeVar("T")

_REQUEST = "imap"
_UNCHANGED = "Nothing in the mailbox was changed: try again later."


class _Steps:
    """What is done step by step in a thread, each within its time.

    Args:
        timeout: Seconds for each step.
        told: Makes the library's error of what went wrong in a step.
    """

    def __init__(self, timeout: float, told: Callable[[str, Exception], AllMySmsError]) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="allmysms-imap")
        self._timeout = timeout
        self._told = told

    async def take(self, what: str, work: Callable[[], T]) -> T:
        """Return what a step comes to."""
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except Exception as error:  # whatever the library below makes of what a server says
            raise self._told(what, error) from None

    def end(self, last: Callable[[], None] | None) -> None:
        """Do a last thing once the step that is being taken is over; nobody waits for it."""
        if last is not None:
            self._pool.submit(last)
        self._pool.shutdown(wait=False)


@bordered
class ImapMailbox:
    """A mailbox on a mail server, such as the one that ``mail_from`` of a ``Mail2SmsBackend`` names.

    It is opened to be read only (EXAMINE), and mails are looked at without being marked as read (BODY.PEEK). A mark
    says up to where it was read, so that the next look reads only what has come since. Needs the extra ``imap``.

    Args:
        host: The server; its certificate must be for this name.
        user: To log in with.
        password: Goes with it; it is shown nowhere.
        folder: Which folder of the mailbox.
        port: Where the server speaks TLS from the start.
        timeout: Seconds for each of its answers: to connect, to log in, and for up to 100 mails or 4 MiB.
        ssl_context: To trust other authorities than the system's usual ones.

    Raises:
        InvalidRequest: What cannot be right, or the extra is not installed.
    """

    def __init__(
        self,
        host: str,
        user: str,
        password: str,
        *,
        folder: str = "INBOX",
        port: int = 993,
        timeout: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if not is_host(argument.text("host", host)):
            msg = "host is no name of a server; nothing was read."
            raise InvalidRequest(msg)
        for name, value in (("user", user), ("password", password), ("folder", folder)):
            _line(name, value)
        if ssl_context is not None:
            argument.given("ssl_context", ssl_context, ssl.SSLContext, "an SSLContext")
        if importlib.util.find_spec("imap_tools") is None:
            msg = 'An IMAP mailbox needs imap_tools: run pip install "allmysms_async[imap]"; nothing was read.'
            raise InvalidRequest(msg)
        self._host, self._port = host, argument.count("port", port, most=65535)
        self._user, self._password = Secret(user), Secret(password)
        self._folder = folder
        self._timeout = argument.seconds("timeout", timeout)
        self._ssl_context = ssl_context

    def __repr__(self) -> str:
        """Show which server it is on."""
        return f"ImapMailbox({self._host!r}, folder={self._folder!r})"

    @property
    def name(self) -> str:
        """What the mark of this mailbox is kept under; nobody is told by it whose mailbox it is."""
        parts = "\0".join((self._host.lower(), str(self._port), self._user.reveal(), self._folder))
        return f"imap:{blake2b(parts.encode(), digest_size=16).hexdigest()}"

    async def error_mails(
        self, since: str | None = None, tally: MailTally | None = None
    ) -> AsyncGenerator[MailError, None]:
        """Iterate over the errors of the gateway among the mails; other mails are passed over.

        Args:
            since: A batch's mark; all mails are read without one, or if the server has numbered them anew since.
            tally: Counts what was read, and what could not be.

        Raises:
            AuthenticationFailed: The server refuses the login.
            InvalidRequest: The mailbox has no such folder.
            TransportError: The server cannot be reached, is not who it should be, or does not answer as it should.
        """
        async with aclosing(self.batches(since)) as batches:
            async for batch in batches:
                if tally is not None:
                    tally.add(batch)
                for error in batch.errors:
                    yield error

    async def batches(self, since: str | None = None) -> AsyncGenerator[Batch, None]:
        """Read the mails, or those after a mark, some at a time; each batch has the mark of what came up to its end.

        Args:
            since: A batch's mark; all mails are read without one, or if the server has numbered them anew since.

        Raises:
            AuthenticationFailed: The server refuses the login.
            InvalidRequest: The mailbox has no such folder.
            TransportError: The server cannot be reached, is not who it should be, or does not answer as it should.
        """
        steps = _Steps(self._timeout, self._error)
        session: Session | None = None
        ended = False
        try:
            session = await steps.take("connect", self._begin)
            async with aclosing(self._read(session, since, steps)) as batches:
                async for batch in batches:
                    yield batch
            ended = True
        finally:
            if session is not None and not ended:
                session.cut()
            steps.end(None if session is None else session.close)

    def _begin(self) -> Session:
        """Return a connection that is yet to be made; its library is imported here, in the thread."""
        from allmysms_async.mailbox.imap_session import Session

        context = self._ssl_context or ssl.create_default_context()
        return Session(self._host, self._port, context, self._timeout)

    async def _read(self, session: Session, since: str | None, steps: _Steps) -> AsyncGenerator[Batch, None]:
        """Log in, and yield what came after a mark."""
        from allmysms_async.mailbox.imap_session import groups, portions

        await steps.take("connect", session.connect)
        await steps.take("login", lambda: session.login(self._user.reveal(), self._password.reveal()))
        validity = await steps.take("folder", lambda: session.examine(self._folder))
        uids = await steps.take("mails", lambda: session.after(_uid_of(since, validity)))
        for portion in portions(uids):
            sizes = await steps.take("mails", partial(session.sizes, portion))
            for group in groups(sorted(sizes.items())):
                heap = await steps.take("mails", partial(_fetched, session, group))
                yield heap.taken(f"{validity}:{group[-1][0]}" if validity else None)

    def _error(self, what: str, error: Exception) -> AllMySmsError:
        """Return the library's error for what went wrong in a step; the server's own words are not told."""
        refused = certificate_refused(error, self._host, _REQUEST)
        if refused is not None:
            return refused
        broken = isinstance(error, OSError) or type(error).__name__ == "abort"  # imaplib's, of a connection's end
        if what == "login" and not broken:
            msg = f"{_REQUEST}: {self._host} refused the login; nothing was read."
            return AuthenticationFailed(msg, request=_REQUEST, remedy="Check the user and the password.")
        if what == "folder" and not broken:
            return InvalidRequest(f"{_REQUEST}: {self._host} has no folder {self._folder!r} that this user may read.")
        if isinstance(error, TimeoutError):
            msg = f"{_REQUEST}: {self._host} did not answer within {self._timeout:g} s."
        elif what == "connect":
            msg = f"{_REQUEST}: {self._host}:{self._port} cannot be reached, or speaks no IMAP over TLS there."
        elif broken:
            msg = f"{_REQUEST}: the connection to {self._host} broke, or its answer was too long."
        else:
            msg = f"{_REQUEST}: {self._host} gave an answer that is not what the protocol says."
        return TransportError(msg, request=_REQUEST, remedy=_UNCHANGED)


def _fetched(session: Session, group: Unseen) -> Heap:
    """Fetch mails, and read them."""
    heap = Heap()
    for _, mail in sorted(session.mails(group).items()):
        heap.add(mail)
    return heap


def _line(name: str, value: object) -> None:
    """Refuse what would be more than one word of the protocol, or none."""
    if not argument.text(name, value) or any(each in "\r\n\0" for each in str(value)):
        msg = f"{name} is empty, or holds a line break; nothing was read."
        raise InvalidRequest(msg)
    try:
        str(value).encode()
    except UnicodeEncodeError:
        msg = f"{name} holds half of a character; nothing was read."
        raise InvalidRequest(msg) from None


def _uid_of(mark: str | None, validity: int) -> int:
    """Return after which UID to read; 0 where a mark is of other numbers than the mailbox has now."""
    before, _, uid = (mark or "").partition(":")
    right = before.isdecimal() and uid.isdecimal() and int(before) == validity != 0
    return int(uid) if right else 0
