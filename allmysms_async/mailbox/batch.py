"""What is read of a mailbox at a time, by a thread that reads on only when it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from allmysms_async.mailbox.mail import read_error_mail
from allmysms_async.model.mail_error import MailError
from allmysms_async.redaction import Shown

__all__ = ["Batch", "ErrorMails", "Heap", "MailTally", "read_in_thread"]

_AT_ONCE = 200


class Batch(Shown, frozen=True, kw_only=True):
    """Some mails of a mailbox.

    Attributes:
        errors: The errors of the gateway among them.
        mails: How many mails were read, whatever they are.
        unreadable: How many could not be read, and were passed over.
        mark: Where to read on once these are kept, or None where a mailbox is always read from its beginning.
    """

    errors: tuple[MailError, ...] = ()
    mails: int = 0
    unreadable: int = 0
    mark: str | None = None


class MailTally(msgspec.Struct, kw_only=True):
    """How many mails were read.

    Attributes:
        mails: Those that were read, whatever they are.
        unreadable: Those that could not be read, and were passed over.
        new: Errors that were not in the journal before.
        by_status: Errors found, by the gateway's status.
    """

    mails: int = 0
    unreadable: int = 0
    new: int = 0
    by_status: dict[str, int] = msgspec.field(default_factory=dict[str, int])

    @property
    def errors(self) -> int:
        """How many errors were found."""
        return sum(self.by_status.values())

    def add(self, batch: Batch) -> None:
        """Count some mails."""
        self.mails += batch.mails
        self.unreadable += batch.unreadable
        for error in batch.errors:
            self.by_status[error.code] = self.by_status.get(error.code, 0) + 1


class ErrorMails(Protocol):
    """A mailbox that error mails are read from; nothing in it is changed."""

    @property
    def name(self) -> str:
        """What the mark of this mailbox is kept under; nobody is told by it whose mailbox it is."""
        ...

    def batches(self, since: str | None = None) -> AsyncGenerator[Batch, None]:
        """Read the mails, or those after a mark, some at a time."""
        ...


class Heap:
    """Mails that were read since the last batch."""

    def __init__(self) -> None:
        self._errors: list[MailError] = []
        self._mails = self._unreadable = 0

    @property
    def full(self) -> bool:
        """Whether it is time for a batch."""
        return self._mails + self._unreadable >= _AT_ONCE

    def add(self, mail: bytes | None) -> None:
        """Read a mail; None is one that could not be had."""
        try:
            error = None if mail is None else read_error_mail(mail)
        except Exception:  # noqa: BLE001, RUF100  # what anybody may have sent must not keep the others from being read
            mail = error = None
        if mail is None:
            self._unreadable += 1
            return
        self._mails += 1
        if error is not None:
            self._errors.append(error)

    def taken(self, mark: str | None = None) -> Batch:
        """Return them as a batch, and begin anew."""
        batch = Batch(errors=tuple(self._errors), mails=self._mails, unreadable=self._unreadable, mark=mark)
        self._errors, self._mails, self._unreadable = [], 0, 0
        return batch


async def read_in_thread(batches: Generator[Batch, None, None], name: str) -> AsyncGenerator[Batch, None]:
    """Iterate over batches that a thread of their own reads, one each time one is asked for.

    Args:
        batches: What reads them; it is closed at the end, in that thread.
        name: The thread's.
    """
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(1, thread_name_prefix=name)
    try:
        while (batch := await loop.run_in_executor(pool, next, batches, None)) is not None:
            yield batch
    finally:
        pool.submit(batches.close)
        pool.shutdown(wait=False)
