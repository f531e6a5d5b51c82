"""Errors that were mailed back are kept in a journal once each, beside campaigns and events, and counted by status."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from allmysms_async import JournalError
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.mail_errors import MailErrors
from allmysms_async.mailbox import Batch, MailError, MailFolder

from .events import report

AT = datetime(2026, 11, 2, 9, 7, tzinfo=UTC)


def error(number: int, code: str = "104", at: datetime | None = AT) -> MailError:
    """Return an error; each number is another mail."""
    return MailError(
        code=code,
        problem="not enough credit",
        identity=number.to_bytes(16, "big"),
        received_at=at,
        message_id=f"<{number}@allmysms.com>",
        in_reply_to=None if number % 2 else "<x@shop.example>",
    )


async def test_each_mail_is_kept_once(journal: str) -> None:
    """However often a mail is read, also twice at once, it counts once; all of it comes back as it was."""
    errors = [error(1), error(2, "102", None), error(3)]
    async with MailErrors(journal, create=True) as kept:
        assert await kept.keep([]) == 0
        assert await kept.counts() == {}
        assert await kept.keep([*errors[:2], errors[0]]) == 2
        assert await kept.keep(errors) == 1
    async with MailErrors(journal) as kept:
        assert await kept.counts() == {"102": 1, "104": 2}
        assert [each async for each in kept.all()] == errors


@pytest.mark.slow
async def test_many_are_kept_in_portions_and_read_in_pages(journal: str) -> None:
    """Thousands are taken from any iterable, and looked at some at a time."""
    async with MailErrors(journal, create=True) as kept:
        assert await kept.keep(error(number, f"1{number % 7:02d}") for number in range(2600)) == 2600
        assert await kept.keep(error(number) for number in range(2700)) == 100
        assert sum((await kept.counts()).values()) == 2700
        found = [each.identity async for each in kept.all()]
    assert found == [number.to_bytes(16, "big") for number in range(2700)]


async def test_two_readers_count_each_mail_once(journal: str) -> None:
    """Two processes' worth of readers at once, in a journal that has no such table yet: each error is new to one."""
    async with MailErrors(journal, create=True) as one, MailErrors(journal, create=True) as two:
        new = await asyncio.gather(*(each.keep(error(number) for number in range(1200)) for each in (one, two)))
        assert sum(new) == 1200
        assert await two.counts() == {"104": 1200}


async def test_a_journal_without_any_has_none_and_is_not_changed(journal: str) -> None:
    """A journal of events alone is looked into without being changed; neither events nor errors are in the way."""
    async with EventJournal(journal) as events:
        await events.store([report(1)])
    async with MailErrors(journal) as kept:
        assert await kept.counts() == {}
        assert [each async for each in kept.all()] == []
        assert await kept.keep([error(1)]) == 1
        assert await kept.deliveries() == {"delivered": 1}
    async with EventJournal(journal) as events:
        assert await events.store([report(1), report(2)]) == 1


async def test_a_journal_that_is_not_there_is_not_created_by_looking(tmp_path: Path) -> None:
    """Whoever only looks gets an error, and no file."""
    with pytest.raises(JournalError):
        async with MailErrors(tmp_path / "none.db"):
            pass
    assert not (tmp_path / "none.db").exists()


async def test_a_strangers_table_is_left_alone(tmp_path: Path) -> None:
    """A table of this name that is no journal's is refused, and stays as it is."""
    path = tmp_path / "journal.db"
    async with EventJournal(path):
        pass
    with sqlite3.connect(path) as file:
        file.execute("create table mail_error (subject text)")
    file.close()
    async with MailErrors(path) as kept:
        for work in (kept.keep([error(1)]), kept.counts()):
            with pytest.raises(JournalError, match="mail_error"):
                await work


class Mailbox:
    """A mailbox of batches, which breaks after some."""

    name = "imap:0123"

    def __init__(self, *batches: Batch, broken: bool = False) -> None:
        """Hold batches."""
        self.since: list[str | None] = []
        self._batches = batches
        self._broken = broken

    async def batches(self, since: str | None = None) -> AsyncGenerator[Batch, None]:
        """Yield them."""
        self.since.append(since)
        for batch in self._batches:
            yield batch
        if self._broken:
            msg = "gone"
            raise ConnectionError(msg)


async def test_a_mailbox_is_read_on_from_where_it_was(journal: str) -> None:
    """What was read before a connection broke is kept, and the next look begins behind it."""
    first = Batch(errors=(error(1), error(2)), mails=5, unreadable=1, mark="7:5")
    second = Batch(errors=(error(2), error(3, "102")), mails=2, mark="7:9")
    async with MailErrors(journal, create=True) as kept:
        broken = Mailbox(first, broken=True)
        with pytest.raises(ConnectionError, match="gone"):
            await kept.take_in(broken)
        assert await kept.counts() == {"104": 2}
    async with MailErrors(journal) as kept:
        whole = Mailbox(first, second)
        tally = await kept.take_in(whole)
        assert (tally.mails, tally.unreadable, tally.errors, tally.new) == (7, 1, 4, 1)
        assert tally.by_status == {"104": 3, "102": 1}
        assert (await kept.take_in(whole)).new == 0
    assert (broken.since, whole.since) == ([None], ["7:5", "7:9"])


async def test_a_folder_is_read_anew_each_time(journal: str, tmp_path: Path) -> None:
    """A mail that lies in a folder twice, or is read twice, is one; other mails are none."""
    mail = b"Message-ID: <1@allmysms.com>\n\nStatus=104\nStatusText=Credit\n"
    folder = tmp_path / "mails"
    folder.mkdir()
    for name, content in {"a": mail, "b": mail, "c": mail.replace(b"<1@", b"<2@"), "d": b"Subject: x\n\nHi\n"}.items():
        (folder / f"{name}.eml").write_bytes(content)
    async with MailErrors(journal, create=True) as kept:
        assert [(await kept.take_in(MailFolder(folder))).new for _ in range(2)] == [2, 0]
        assert await kept.counts() == {"104": 2}
        names = {each.message_id async for each in kept.all()}
    assert names == {"<1@allmysms.com>", "<2@allmysms.com>"}
