"""What the sources that read a file of recipients do alike."""

from __future__ import annotations

import itertools
import os
import sys
from abc import abstractmethod
from collections.abc import Iterator, Sequence

from allmysms_async import argument
from allmysms_async.backend import SendLimits
from allmysms_async.border import bordered, retell
from allmysms_async.model import Blocks, Recipient, SmsMessage
from allmysms_async.source.check import ListCheck, check_list
from allmysms_async.source.column import columns_given
from allmysms_async.source.country import Countries

__all__ = ["MOST_ROWS", "ListFile", "in_blocks"]

MOST_ROWS = 500
"""Rows in a block, where they are read one by one."""


@bordered
class ListFile(Blocks):
    """The recipients of a file; can be iterated over again and again, from the start each time.

    Args:
        path: The file.
        phone: Column of the numbers: a name or a position from 1.
        params: Columns of the parameters, likewise.
        header: Whether the first row holds names; None where the columns tell.
        default_country: ISO code of the country whose numbers are written without ``+``; None is France.
        check_numbers: Whether a number of another country must be valid for a mobile there.

    Attributes:
        path: The file.
    """

    reads_files = True
    """A campaign iterates over it in a thread, so that the event loop goes on."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        phone: str | int,
        params: Sequence[str | int],
        header: bool | None,
        default_country: str | None,
        check_numbers: bool,
    ) -> None:
        self._countries = Countries(default_country, check_numbers)
        self.path = argument.path("The file", path)
        self._wanted = columns_given(phone, params)
        argument.given("header", header, (bool, type(None)), "true or false")

    @abstractmethod
    def _blocks(self) -> Iterator[Sequence[Recipient]]:
        """Yield a recipient for each row, in order, some at a time, the numbers as they are written."""

    def _recipients(self) -> Iterator[Recipient]:
        """Yield a recipient for each row, in order, its number as it is written."""
        return itertools.chain.from_iterable(self._blocks())

    def blocks(self) -> Iterator[Sequence[Recipient]]:
        """Yield what iterating yields, some at a time; a campaign does so in a thread, and its event loop goes on.

        Raises:
            InvalidSource: The file cannot be read to its end as it began; ``line`` says where.
        """
        if type(self).__iter__ is not ListFile.__iter__:  # a user's own class knows better who is in the list
            return in_blocks(iter(self))
        return self._read()

    def _read(self) -> Iterator[Sequence[Recipient]]:
        return map(self._countries.read, self._blocks())

    def __iter__(self) -> Iterator[Recipient]:
        """Yield a recipient for each row that is not blank, in order; one that cannot be right is refused.

        Raises:
            InvalidSource: The file cannot be read to its end as it began; ``line`` says where.
        """
        outer = sys.exception()
        try:
            yield from itertools.chain.from_iterable(self._read())
        except BaseException as error:
            retell(error, outer)
            raise

    def check(self, message: SmsMessage | str, *, limits: SendLimits | None = None) -> ListCheck:
        """Read all of the file as a campaign would, and send nothing: in an event loop call it in a thread.

        Args:
            message: What would be sent.
            limits: Of the backend that would send it, ``backend.limits``; those of ``RestBackend`` by default.

        Raises:
            InvalidText: The text cannot be right for anybody.
            InvalidSource: The file cannot be read to its end.
        """
        return check_list(self, message, limits)


def in_blocks(rows: Iterator[Recipient]) -> Iterator[list[Recipient]]:
    """Yield rows some at a time; before an error, all that came before it."""
    block: list[Recipient] = []
    try:
        for row in rows:
            block.append(row)
            if len(block) >= MOST_ROWS:
                yield block
                block = []
    except Exception:
        if block:
            yield block
        raise
    if block:
        yield block
