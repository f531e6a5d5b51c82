"""Folders and files of mails: all that lie there are read, nothing is changed, and what cannot be read is counted."""

import mailbox
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import InvalidRequest, InvalidSource
from allmysms_async.mailbox import MailError, MailFolder, MailTally, read_error_mails

from .mails import NEWSLETTER, OTHERS, STATUSES, error_mail

ERRORS = [error_mail(code, number) for number, code in enumerate((*STATUSES, "102", "104"))]
CODES = sorted((*STATUSES, "102", "104"))


def as_maildir(path: Path, mails: list[bytes]) -> Path:
    """Lay mails into a Maildir, every third one as seen."""
    folder = mailbox.Maildir(str(path), create=True)
    for number, mail in enumerate(mails):
        message = mailbox.MaildirMessage(mail)
        if number % 3 == 0:
            message.set_subdir("cur")
            message.set_flags("S")
        folder.add(message)
    folder.close()
    return path


def as_mbox(path: Path, mails: list[bytes]) -> Path:
    """Write mails into an mbox file."""
    file = mailbox.mbox(str(path), create=True)
    for mail in mails:
        file.add(mail)
    file.close()
    return path


def as_files(path: Path, mails: list[bytes]) -> Path:
    """Write mails into files of their own, among others."""
    path.mkdir()
    for number, mail in enumerate(mails):
        (path / f"{number}.{'eml' if number % 2 else 'EML'}").write_bytes(mail)
    (path / "notes.txt").write_bytes(mails[0])
    (path / ".hidden.eml").write_bytes(mails[0])
    (path / "folder.eml").mkdir()
    os.mkfifo(path / "pipe.eml")
    return path


KINDS: dict[str, Callable[[Path, list[bytes]], Path]] = {"maildir": as_maildir, "mbox": as_mbox, "files": as_files}


async def all_of(folder: Path, tally: MailTally | None = None) -> list[MailError]:
    """Return all errors in a folder."""
    return [error async for error in read_error_mails(folder, tally)]


def contents(path: Path) -> dict[str, bytes]:
    """Return all files under a path."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each): each.read_bytes() for each in files}


@pytest.mark.parametrize("kind", KINDS)
async def test_errors_among_other_mails_are_found(kind: str, tmp_path: Path) -> None:
    """Every error is found once, the other mails are read and count as none, and nothing is changed."""
    path = KINDS[kind](tmp_path / "mails", [*ERRORS, *OTHERS])
    before = contents(path)
    tally = MailTally()
    errors = await all_of(path, tally)
    assert sorted(error.code for error in errors) == CODES
    assert (tally.mails, tally.unreadable, tally.errors) == (len(ERRORS) + len(OTHERS), 0, len(ERRORS))
    assert tally.by_status == {code: CODES.count(code) for code in CODES}
    assert contents(path) == before


async def test_a_mail_is_the_same_in_every_kind(tmp_path: Path) -> None:
    """Who moves mails from one kind of folder into another does not make them others."""
    mails = [*ERRORS, error_mail("109", 50, name=False)]
    found = [{error.identity for error in await all_of(KINDS[kind](tmp_path / kind, mails))} for kind in KINDS]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(mails)


async def test_one_file_is_one_mail(tmp_path: Path) -> None:
    """A single .eml file is read as well, and an empty file is an mbox without mails."""
    (tmp_path / "one.eml").write_bytes(ERRORS[1])
    (tmp_path / "empty").touch()
    assert [error.code for error in await all_of(tmp_path / "one.eml")] == ["104"]
    assert await all_of(tmp_path / "empty") == []


@pytest.mark.parametrize("name", ["missing", "text", "pipe"])
async def test_what_holds_no_mails_is_a_typed_error(name: str, tmp_path: Path) -> None:
    """What is not there, no mailbox, or no file at all is refused in a sentence; a pipe is not waited for."""
    (tmp_path / "text").write_bytes(b"Status=102\n")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidSource, match="mbox"):
        await all_of(tmp_path / name)


async def test_what_is_no_path_is_a_typed_error() -> None:
    """A path that no file can have is refused."""
    for wrong in ("a\0b", None, 5):
        with pytest.raises(InvalidRequest):
            await all_of(wrong)  # type: ignore[arg-type]


async def test_unreadable_mails_are_counted_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened, and a mail that the parser falls over, do not keep the others from being read."""
    path = as_files(tmp_path / "mails", [*ERRORS, NEWSLETTER])
    monkeypatch.setattr("builtins.open", refusing(str(path / "1.eml")))
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2000))
    (path / "deep.eml").write_bytes(deep + b"\nStatus=102\n")
    tally = MailTally()
    errors = await all_of(path, tally)
    assert len(errors) == len(ERRORS) - 1
    assert tally.unreadable + tally.mails == len(ERRORS) + 2
    assert 1 <= tally.unreadable <= 2


def refusing(path: str) -> Callable[..., object]:
    """Return an ``open`` that cannot open one file."""
    real = open

    def refuse(name: object, *args: object, **kwargs: object) -> object:
        if str(name) == path:
            raise PermissionError(13, "Permission denied")
        return real(name, *args, **kwargs)  # type: ignore[call-overload]

    return refuse


@pytest.mark.parametrize("kind", KINDS)
async def test_long_mails_are_read_by_their_head(kind: str, tmp_path: Path) -> None:
    """Of mails of several megabytes the head is read, and the mail behind is found."""
    long = error_mail("104", 1) + (b"x" * 75 + b"\n") * 40_000
    path = KINDS[kind](tmp_path / "mails", [long, error_mail("102", 2), long.replace(b"Status", b"Nothing")])
    assert sorted(error.code for error in await all_of(path)) == ["102", "104"]


async def test_a_sentence_that_begins_with_from_is_no_new_mail(tmp_path: Path) -> None:
    """In an mbox file a quoted line and an unquoted sentence belong to their mail; the quoting is undone."""
    mail = error_mail("104", name=False) + b"\nFrom our shop, with love.\n\n>From 10:00 on, 2026\n"
    mbox = tmp_path / "mbox"
    first = b"From MAILER-DAEMON Mon Nov  2 10:07:34 2026\n"
    mbox.write_bytes(first + mail + b"\n" + first + error_mail("102", name=False) + b"\n")
    (tmp_path / "one.eml").write_bytes(mail.replace(b">From", b"From"))
    errors = await all_of(mbox)
    assert [error.code for error in errors] == ["104", "102"]
    assert (await all_of(tmp_path / "one.eml"))[0].identity == errors[0].identity


async def test_a_mail_that_is_marked_meanwhile_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program moves from new to cur, or renames there, while the folder is read, is not missed."""
    path = as_maildir(tmp_path / "mails", ERRORS)
    listed = os.scandir

    def moving(folder: Path) -> object:
        entries = list(listed(folder))
        for entry in entries:
            if folder.name == "new" or not entry.name.endswith("RS"):
                os.rename(entry.path, path / "cur" / f"{entry.name.partition(':')[0]}:2,RS")
        return Listing(entries)

    monkeypatch.setattr("os.scandir", moving)
    tally = MailTally()
    errors = await all_of(path, tally)
    assert sorted({error.code for error in errors}) == sorted(STATUSES)
    assert len({error.identity for error in errors}) == len(ERRORS)
    assert tally.unreadable == 0


class Listing(list[os.DirEntry[str]]):
    """Entries, as ``scandir`` gives them."""

    def __enter__(self) -> "Listing":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""


async def test_mails_are_read_as_they_are_asked_for(tmp_path: Path, until: Callable[..., Any]) -> None:
    """A mailbox of many mails is read in a thread, some at a time, no further than whoever asks, and let go of."""
    path = tmp_path / "mbox"
    first = b"From MAILER-DAEMON Mon Nov  2 10:07:34 2026\n"
    path.write_bytes(b"".join(first + error_mail("102", number) + b"\n" for number in range(3000)))
    batches = MailFolder(path).batches()
    batch = await anext(batches)
    assert (batch.mails, len(batch.errors), batch.mark) == (200, 200, None)
    await batches.aclose()
    await until(lambda: not any(thread.name.startswith("allmysms-mails") for thread in threading.enumerate()))
