"""A mail server that says what it likes: bounded memory, bounded waiting, typed errors, and a few honest oddities."""

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme

from allmysms_async import AuthenticationFailed, InvalidRequest, TransportError
from allmysms_async.mailbox import Batch, ImapMailbox

from .mails import error_mail

SECRET = "n0tShown"
MAIL = error_mail("104", 1).replace(b"\n", b"\r\n")
HANG = b"hang"
"""An answer that does not come."""


class Server:
    """Answers each command as a test says, else as a mailbox with one mail would.

    Attributes:
        says: What to answer to a command, by its words' beginning, in place of the usual; ``%s`` is its tag.
        lines: Every command, without its tag.
        greeting: What it begins with.
    """

    def __init__(self) -> None:
        """Answer as usual until a test says otherwise."""
        self.says: dict[str, bytes] = {}
        self.lines: list[str] = []
        self.greeting = b"* OK ready\r\n"
        self.port = 0
        self._usual = {
            "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n%s OK done\r\n",
            "LOGIN": b"%s OK welcome\r\n",
            "EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n%s OK [READ-ONLY] done\r\n",
            "UID SEARCH": b"* SEARCH 5\r\n%s OK done\r\n",
            "UID FETCH 5 (UID RFC822": b"* 1 FETCH (UID 5 RFC822.SIZE 300)\r\n%s OK done\r\n",
            "UID FETCH 5 (UID BODY": fetched(MAIL) + b"%s OK done\r\n",
            "LOGOUT": b"* BYE bye\r\n%s OK done\r\n",
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        try:
            writer.write(self.greeting)
            if self.greeting == HANG:
                await reader.read()
            while line := (await reader.readline()).decode().rstrip():
                tag, _, words = line.partition(" ")
                self.lines.append(words)
                answer = next((said for begin, said in self.says.items() if words.startswith(begin)), None)
                if answer is None:
                    answer = next(
                        (said for begin, said in self._usual.items() if words.startswith(begin)), b"%s BAD\r\n"
                    )
                if answer == HANG:
                    await reader.read()
                elif b"endless" in answer:
                    while True:
                        writer.write(answer * 1000)
                        await writer.drain()
                writer.write(answer.replace(b"%s", tag.encode()))
                await writer.drain()
                if b"BYE" in answer:
                    break
        except OSError:
            pass
        finally:
            writer.close()


def fetched(mail: bytes, uid: bytes = b"5") -> bytes:
    """Return a mail as a server gives it."""
    return b"* 1 FETCH (UID %b BODY[]<0> {%d}\r\n%b)\r\n" % (uid, len(mail), mail)


@pytest.fixture
async def server(authority: trustme.CA, until: Callable[..., Any]) -> AsyncIterator[Server]:
    """A server that says what a test wants."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    one = Server()
    listening = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = listening.sockets[0].getsockname()[1]
    yield one
    listening.close()
    await until(lambda: not any(thread.name.startswith("allmysms-imap") for thread in threading.enumerate()))
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def mailbox(server: Server, authority: trustme.CA) -> ImapMailbox:
    """The mailbox on it."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return ImapMailbox("127.0.0.1", "u", SECRET, port=server.port, ssl_context=trust, timeout=250.0)


async def all_of(mailbox: ImapMailbox, since: str | None = None) -> list[Batch]:
    """Return all batches."""
    return [batch async for batch in mailbox.batches(since)]


async def test_only_reading_is_asked_for(server: Server, mailbox: ImapMailbox) -> None:
    """The commands are those that change nothing, and each look at a mail is one that leaves it unread."""
    (batch,) = await all_of(mailbox)
    assert [error.code for error in batch.errors] == ["104"]
    assert batch.mark == "7:5"
    assert [line.partition(" ")[0] for line in server.lines][:3] == ["CAPABILITY", "LOGIN", "EXAMINE"]
    fetches = [line for line in server.lines if "BODY" in line]
    assert fetches == ["UID FETCH 5 (UID BODY.PEEK[]<0.1048576>)"]
    assert not any(re.match(r"SELECT|STORE|UID STORE|EXPUNGE|CLOSE|UID COPY", line) for line in server.lines)


async def test_a_mail_before_the_mark_is_not_read_again(server: Server, mailbox: ImapMailbox) -> None:
    """Of an empty range servers tell the last mail, which was read before."""
    assert await all_of(mailbox, "7:5") == []
    assert "UID SEARCH UID 6:*" in server.lines
    assert [batch.mark for batch in await all_of(mailbox, "8:5")] == ["7:5"]


ODD = {
    "after the content": b"* 1 FETCH (BODY[]<0> {%d}\r\n%b UID 5)\r\n%%s OK done\r\n" % (len(MAIL), MAIL),
    "among flags of others": b"* 2 FETCH (FLAGS (\\Seen) UID 9)\r\n" + fetched(MAIL) + b"* 3 EXPUNGE\r\n%s OK done\r\n",
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_a_mail_is_found_however_it_is_told(server: Server, mailbox: ImapMailbox, answer: bytes) -> None:
    """The order of what a server tells is its own affair."""
    server.says["UID FETCH 5 (UID BODY"] = answer
    (batch,) = await all_of(mailbox)
    assert [error.code for error in batch.errors] == ["104"]


@pytest.mark.parametrize("answer", [b"* 1 FETCH (UID 5 BODY[]<0> NIL)\r\n%s OK done\r\n", b"%s NO it is damaged\r\n"])
async def test_a_mail_that_the_server_cannot_give_is_passed_over(
    server: Server, mailbox: ImapMailbox, answer: bytes
) -> None:
    """It is counted, the others are read, and it is not asked for for ever."""
    server.says |= {
        "UID SEARCH": b"* SEARCH 5 6\r\n%s OK done\r\n",
        "UID FETCH 5,6 (UID RFC822": (
            b"* 1 FETCH (UID 5 RFC822.SIZE 9)\r\n* 2 FETCH (UID 6 RFC822.SIZE 9)\r\n%s OK done\r\n"
        ),
        "UID FETCH 5,6 (UID BODY": answer.replace(b"%s OK", fetched(MAIL, b"6") + b"%s OK"),
        "UID FETCH 5 (UID BODY": answer,
        "UID FETCH 6 (UID BODY": fetched(MAIL, b"6") + b"%s OK done\r\n",
    }
    (batch,) = await all_of(mailbox)
    assert (batch.mails, batch.unreadable, len(batch.errors), batch.mark) == (1, 1, 1, "7:6")


async def test_a_mail_that_is_gone_meanwhile_is_none(server: Server, mailbox: ImapMailbox) -> None:
    """What another program deleted between two questions counts as nothing."""
    server.says["UID FETCH 5 (UID RFC822"] = b"%s OK done\r\n"
    assert await all_of(mailbox) == []
    server.says = {"UID FETCH 5 (UID BODY": b"%s OK done\r\n"}
    (batch,) = await all_of(mailbox)
    assert (batch.mails, batch.unreadable) == (0, 0)


async def test_without_lasting_numbers_there_is_no_mark(server: Server, mailbox: ImapMailbox) -> None:
    """A server that does not say what its numbers are valid with is read from the beginning each time."""
    server.says["EXAMINE"] = b"* 1 EXISTS\r\n%s OK done\r\n"
    (batch,) = await all_of(mailbox, "0:5")
    assert (batch.mark, batch.mails) == (None, 1)


BAD = {
    "greeting": ("", b"", b"220 this is SMTP\r\n"),
    "no more": ("LOGIN", b"* BYE I am full\r\n", None),
    "junk": ("UID SEARCH", b"\xff\xfe\x00 noise\r\n", None),
    "numbers": ("UID SEARCH", b"* SEARCH x -1 99999999999999999999\r\n%s NO\r\n", None),
    "half a mail": ("UID FETCH 5 (UID BODY", b"* 1 FETCH (UID 5 BODY[] {500}\r\nxx\r\n* BYE\r\n", None),
    "huge mail": ("UID FETCH 5 (UID BODY", b"* 1 FETCH (UID 5 BODY[] {99999999999}\r\nxx\r\n", None),
    "endless": ("UID SEARCH", b"* 5 EXISTS endless\r\n", None),
    "endless line": ("UID SEARCH", b"endless", None),
    "size": ("UID FETCH 5 (UID RFC822", b"%s NO\r\n", None),
}


@pytest.mark.parametrize(("command", "answer", "greeting"), BAD.values(), ids=BAD)
async def test_an_answer_that_cannot_be_is_a_typed_error(
    server: Server, mailbox: ImapMailbox, command: str, answer: bytes, greeting: bytes | None
) -> None:
    """Whatever it says, or however long, is a sentence that holds neither its words nor the password."""
    if command:
        server.says[command] = answer
    server.greeting = greeting or server.greeting
    with pytest.raises(TransportError) as caught:
        await all_of(mailbox)
    said = str(caught.value)
    assert said.endswith("try again later.")
    assert SECRET not in said
    assert "noise" not in said


async def test_refusals_are_typed_errors(server: Server, mailbox: ImapMailbox) -> None:
    """NO and BAD to a login or to a folder are told apart from a broken connection."""
    for answer in (b"%s NO [AUTHENTICATIONFAILED] no\r\n", b"%s BAD no\r\n"):
        server.says = {"LOGIN": answer}
        with pytest.raises(AuthenticationFailed):
            await all_of(mailbox)
        server.says = {"EXAMINE": answer}
        with pytest.raises(InvalidRequest, match="INBOX"):
            await all_of(mailbox)


@pytest.mark.parametrize("command", ["", "CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH"])
async def test_a_server_that_says_nothing_is_given_up(
    server: Server,
    mailbox: ImapMailbox,
    command: str,
    until: Callable[..., Any],
    pass_time: Callable[[float], None],
) -> None:
    """At each step its time is over at some point; the thread that waits is let go of."""
    if command:
        server.says[command] = HANG
    else:
        server.greeting = HANG
    task = asyncio.ensure_future(all_of(mailbox))
    if command:
        await until(lambda: server.lines and server.lines[-1].startswith(command))
    else:
        await until(lambda: any(thread.name.startswith("allmysms-imap") for thread in threading.enumerate()))
    pass_time(251.0)
    with pytest.raises(TransportError, match="did not answer within 250 s"):
        await task


async def test_whoever_is_cancelled_leaves_at_once(
    server: Server, mailbox: ImapMailbox, until: Callable[..., Any]
) -> None:
    """A reader that is cancelled while the server says nothing leaves neither a connection nor a thread."""
    server.says["UID FETCH"] = HANG
    task = asyncio.ensure_future(all_of(mailbox))
    await until(lambda: any(line.startswith("UID FETCH") for line in server.lines))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_words_of_the_user_stay_words(server: Server, mailbox: ImapMailbox, authority: trustme.CA) -> None:
    """Quotes and backslashes in a password and in a folder's name do not end the word that they are in."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    odd = ImapMailbox("127.0.0.1", 'a"b', 'p"\\q r', folder='x" "y', port=server.port, ssl_context=trust, timeout=250)
    await all_of(odd)
    assert server.lines[1] == r'LOGIN "a\"b" "p\"\\q r"'
    assert server.lines[2] == r'EXAMINE "x\" \"y"'
