"""A mailbox on a real mail server: what is new is read, and nothing in it is changed."""

import asyncio
import itertools
import pickle
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, InvalidRequest, TransportError
from allmysms_async.errors import CertificateRefused
from allmysms_async.mailbox import Batch, ImapMailbox, MailTally, read_error_mails
from tests.cases import each

from .dovecot import PASSWORD, USER, Dovecot
from .mails import OTHERS, STATUSES, error_mail

FOLDERS = (f"Erreurs é {number}" for number in itertools.count())
ERRORS = [error_mail(code, number) for number, code in enumerate(STATUSES)]


@pytest.fixture
def folder() -> str:
    """A folder that no other test has; its name is no ASCII."""
    return next(FOLDERS)


@pytest.fixture
def ascii_folder(folder: str) -> str:
    """A folder that the standard library's client can name as well."""
    return f"Erreurs{folder.rpartition(' ')[2]}"


def mailbox_of(dovecot: Dovecot, folder: str = "INBOX", **changes: Any) -> ImapMailbox:
    """Return the mailbox."""
    options: dict[str, Any] = {"host": "localhost", "user": USER, "password": PASSWORD, "timeout": 250.0}
    options |= {"port": dovecot.port, "ssl_context": dovecot.trust, "folder": folder} | changes
    return ImapMailbox(options.pop("host"), options.pop("user"), options.pop("password"), **options)


async def all_of(mailbox: ImapMailbox, since: str | None = None) -> list[Batch]:
    """Return all batches of a mailbox."""
    return [batch async for batch in mailbox.batches(since)]


def codes(batches: list[Batch]) -> list[str]:
    """Return the statuses in some batches."""
    return [error.code for batch in batches for error in batch.errors]


async def test_errors_are_found_and_nothing_is_changed(dovecot: Dovecot, ascii_folder: str) -> None:
    """Errors among other mails are found; no mail is marked as read, nor even as told to a client."""
    await asyncio.to_thread(dovecot.put, ascii_folder, [*ERRORS, *OTHERS[:2]])
    tally = MailTally()
    errors = [error async for error in mailbox_of(dovecot, ascii_folder).error_mails(tally=tally)]
    assert [error.code for error in errors] == list(STATUSES)
    assert (tally.mails, tally.unreadable, tally.errors) == (len(ERRORS) + 2, 0, len(ERRORS))
    flags, recent = await asyncio.to_thread(dovecot.seen, ascii_folder)
    assert len(flags) == recent == len(ERRORS) + 2
    assert not any(b"Seen" in each for each in flags)


async def test_only_what_is_new_is_read(dovecot: Dovecot, ascii_folder: str) -> None:
    """From a mark on only later mails are read; of a folder that was numbered anew all are."""
    mailbox = mailbox_of(dovecot, ascii_folder)
    await asyncio.to_thread(dovecot.put, ascii_folder, ERRORS[:3])
    first = await all_of(mailbox)
    assert codes(first) == list(STATUSES)[:3]
    assert await all_of(mailbox, first[-1].mark) == []
    await asyncio.to_thread(dovecot.put, ascii_folder, ERRORS[3:5])
    later = await all_of(mailbox, first[-1].mark)
    assert codes(later) == list(STATUSES)[3:5]
    await asyncio.to_thread(dovecot.renumber, ascii_folder)
    await asyncio.to_thread(dovecot.put, ascii_folder, ERRORS[5:6])
    assert codes(await all_of(mailbox, later[-1].mark)) == list(STATUSES)[5:6]
    for wrong in ("", "nonsense", "1:2:3", ":", "1:x", f"{first[-1].mark}x"):
        assert codes(await all_of(mailbox, wrong)) == list(STATUSES)[5:6]


async def test_a_mail_is_the_same_as_in_a_folder(dovecot: Dovecot, ascii_folder: str, tmp_path: Path) -> None:
    """Who reads the same mails by IMAP and from files counts each once, also one without a name and a long one."""
    mails = [
        error_mail("104", 1),
        error_mail("102", 2, name=False),
        error_mail("105", 3) + (b"x" * 75 + b"\n") * 40_000,
    ]
    await asyncio.to_thread(dovecot.put, ascii_folder, mails)
    for number, mail in enumerate(mails):
        (tmp_path / f"{number}.eml").write_bytes(mail)
    there = [error.identity async for error in mailbox_of(dovecot, ascii_folder).error_mails()]
    here = [error.identity async for error in read_error_mails(tmp_path)]
    assert sorted(there) == sorted(here)
    assert len(there) == len(mails)


async def test_many_mails_come_in_batches_with_marks(dovecot: Dovecot, ascii_folder: str) -> None:
    """Who stops after any batch goes on behind it, and no mail is read twice or missed."""
    await asyncio.to_thread(dovecot.put, ascii_folder, [error_mail("102", number) for number in range(230)])
    mailbox = mailbox_of(dovecot, ascii_folder)
    batches = await all_of(mailbox)
    assert [batch.mails for batch in batches] == [100, 100, 30]
    rest = await all_of(mailbox, batches[0].mark)
    assert [error.identity for batch in rest for error in batch.errors] == [
        error.identity for batch in batches[1:] for error in batch.errors
    ]


async def test_a_folder_of_any_name_is_asked_for(dovecot: Dovecot, folder: str) -> None:
    """A folder that is not there is a typed error that names it, whatever its letters."""
    with pytest.raises(InvalidRequest, match=folder):
        await all_of(mailbox_of(dovecot, folder))


async def test_a_refused_login_is_a_typed_error(dovecot: Dovecot) -> None:
    """It tells neither the user nor the password."""
    with pytest.raises(AuthenticationFailed) as caught:
        await all_of(mailbox_of(dovecot, password="n0tIt"))
    assert "n0tIt" not in repr(pickle.dumps(caught.value)) + str(caught.value)
    assert USER not in str(caught.value)


async def test_a_server_must_prove_who_it_is(dovecot: Dovecot) -> None:
    """Without trust in its authority, and under another name, it is told nothing."""
    before = dovecot.log.count("Login:")
    for changes in ({"ssl_context": None}, {"host": "127.0.0.1"}):
        with pytest.raises(CertificateRefused):
            await all_of(mailbox_of(dovecot, **changes))
    assert dovecot.log.count("Login:") == before


async def test_whoever_leaves_early_leaves_nothing_behind(
    dovecot: Dovecot, ascii_folder: str, until: Callable[..., Any]
) -> None:
    """A reader that goes away after one batch ends the connection and its thread."""
    await asyncio.to_thread(dovecot.put, ascii_folder, [error_mail("102", number) for number in range(150)])
    batches = mailbox_of(dovecot, ascii_folder).batches()
    assert (await anext(batches)).mails == 100
    await batches.aclose()
    await until(lambda: not any(thread.name.startswith("allmysms-imap") for thread in threading.enumerate()))


@each(
    "changes",
    [
        {"host": ""},
        {"host": "a b"},
        {"host": None},
        {"user": ""},
        {"user": "a\r\nb"},
        {"password": "x\r\nA1 DELETE INBOX"},
        {"password": "\ud800"},
        {"password": None},
        {"folder": "a\nb"},
        {"port": 0},
        {"port": "993"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"ssl_context": "no"},
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(changes: dict[str, Any]) -> None:
    """What is no host, or would be more than one word of the protocol, is refused before anything is sent."""
    options: dict[str, Any] = {"host": "localhost", "user": "u", "password": "p"} | changes
    with pytest.raises(InvalidRequest) as caught:
        ImapMailbox(options.pop("host"), options.pop("user"), options.pop("password"), **options)
    assert "DELETE" not in str(caught.value)


def test_the_extra_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the error says what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidRequest, match=r"allmysms_async\[imap\]"):
        ImapMailbox("localhost", "u", "p")


def test_nothing_of_the_login_is_shown() -> None:
    """Neither what is printed, nor the name that a mark is kept under, tells who logs in; each mailbox has its own."""
    one = ImapMailbox("imap.shop.example", USER, PASSWORD)
    shown = repr(one) + repr(vars(one)) + one.name
    assert USER not in shown
    assert PASSWORD not in shown
    others = (
        ImapMailbox("imap.shop.example", USER, PASSWORD, folder="Archive"),
        ImapMailbox("imap.shop.example", "else", PASSWORD),
        ImapMailbox("imap.else.example", USER, PASSWORD),
        ImapMailbox("imap.shop.example", USER, PASSWORD, port=1993),
    )
    assert len({one.name, *(other.name for other in others)}) == 5
    assert ImapMailbox("IMAP.shop.example", USER, "changed", ssl_context=ssl.create_default_context()).name == one.name


async def test_nobody_there_is_a_typed_error(reserve: Callable[[], int]) -> None:
    """A port that nobody listens on is a TransportError that says what to do."""
    with pytest.raises(TransportError, match="cannot be reached"):
        await all_of(ImapMailbox("127.0.0.1", "u", "p", port=reserve()))
