"""Many of a thing as columns, each of which becomes a struct when somebody looks at it."""

from __future__ import annotations

import abc
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TypeVar, overload

from allmysms_async.model.answer import Accepted
from allmysms_async.model.campaign import Outcome
from allmysms_async.model.message import Recipient
from allmysms_async.model.vocabulary import OutcomeState

__all__ = ["AcceptedRows", "AllAccepted", "Blocks", "Columns", "People", "joined"]

T = TypeVar("T")


class Columns(Sequence[T]):
    """A sequence that makes its items when the first of them is looked at; it compares like a tuple of them."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: tuple[T, ...] | None = None

    @abc.abstractmethod
    def _make(self) -> tuple[T, ...]:
        """Return the items."""

    def _all(self) -> tuple[T, ...]:
        if self._items is None:
            self._items = self._make()
        return self._items

    def __iter__(self) -> Iterator[T]:
        """Go through the items."""
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        """Return an item, or some of them as a tuple."""
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        """Tell whether another sequence holds the same."""
        if isinstance(other, Columns | tuple):
            return len(self) == len(other) and self._all() == tuple(other)  # pyright: ignore[reportUnknownArgumentType]
        return NotImplemented

    def __hash__(self) -> int:
        """Return what a tuple of the items has."""
        return hash(self._all())

    def __repr__(self) -> str:
        """Show what a tuple of the items shows."""
        return repr(self._all())

    def __reduce__(self) -> tuple[type[tuple[T, ...]], tuple[tuple[T, ...]]]:
        """Travel as a tuple of the items."""
        return tuple, (self._all(),)


class People(Columns[Recipient]):
    """Recipients who all have as many values.

    Args:
        phones: Numbers.
        lines: The line of each, or None.
        values: A column for each parameter, the first for ``#param_1#``.
        numbers: The numbers as unsigned integers of 64 bits, where somebody has them already; as many as there are.
    """

    __slots__ = ("lines", "numbers", "phones", "values")

    def __init__(
        self,
        phones: Sequence[str],
        lines: Sequence[int | None],
        values: Sequence[Sequence[str]] = (),
        numbers: array[int] | None = None,
    ) -> None:
        super().__init__()
        self.phones = phones
        self.numbers = numbers
        self.lines = lines
        self.values = values

    @classmethod
    def of(cls, recipients: Sequence[Recipient]) -> People | None:
        """Return recipients as columns, or None if some have more values than others, or there are none."""
        if isinstance(recipients, cls):
            return recipients
        params = [recipient.params for recipient in recipients]
        if set(map(type, params)) != {tuple} or len(set(map(len, params))) > 1:
            return None
        lines = [recipient.line for recipient in recipients]
        return cls([recipient.phone for recipient in recipients], lines, list(zip(*params, strict=True)))

    @staticmethod
    def phones_of(recipients: Sequence[Recipient]) -> Sequence[str]:
        """Return recipients' numbers, in their order."""
        if isinstance(recipients, People):
            return recipients.phones
        return [recipient.phone for recipient in recipients]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.phones)

    def _make(self) -> tuple[Recipient, ...]:
        params: Iterable[tuple[str, ...]] = zip(*self.values, strict=True) if self.values else repeat(())
        return tuple(map(Recipient, self.phones, params, self.lines))


class Blocks(abc.ABC):
    """A source of recipients that gives many of them at a time, as columns where it can; a thread goes through it."""

    @abc.abstractmethod
    def blocks(self) -> Iterator[Sequence[Recipient]]:
        """Yield the recipients in order, some at a time; before an error, those that were read before it.

        A file is read in stretches: of one with a place that cannot be decoded, nobody is given.
        """


class AllAccepted(Columns[Accepted]):
    """The results of a request whose every recipient was accepted.

    Args:
        phones: Canonical numbers.
        sms_ids: The gateway's identifier of each text, or None where the protocol has none.
    """

    __slots__ = ("phones", "sms_ids")

    def __init__(self, phones: Sequence[str], sms_ids: Sequence[str | None] | None = None) -> None:
        super().__init__()
        self.phones = phones
        self.sms_ids: Sequence[str | None] = (None,) * len(phones) if sms_ids is None else sms_ids
        if len(self.sms_ids) != len(phones):
            msg = f"There are {len(self.sms_ids)} identifiers for {len(phones)} numbers."
            raise ValueError(msg)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.phones)

    def _make(self) -> tuple[Accepted, ...]:
        return tuple(map(Accepted, self.phones, self.sms_ids))


class AcceptedRows(Columns[Outcome]):
    """The outcomes of a chunk whose every row was accepted.

    Args:
        rows: Ordinals in the source.
        lines: The line of each, or None.
        phones: Canonical numbers.
        sms_ids: The gateway's identifier of each text, or None.
        campaign_id: The gateway's identifier of the send.
    """

    __slots__ = ("campaign_id", "lines", "phones", "rows", "sms_ids")

    def __init__(
        self,
        rows: Sequence[int],
        lines: Sequence[int | None],
        phones: Sequence[str],
        sms_ids: Sequence[str | None],
        campaign_id: str | None,
    ) -> None:
        super().__init__()
        self.rows = rows
        self.lines = lines
        self.phones = phones
        self.sms_ids = sms_ids
        self.campaign_id = campaign_id

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows)

    def _make(self) -> tuple[Outcome, ...]:
        state, campaign_id = OutcomeState.ACCEPTED, self.campaign_id
        return tuple(
            [
                Outcome(row, line, phone, state, None, sms_id, campaign_id)
                for row, line, phone, sms_id in zip(self.rows, self.lines, self.phones, self.sms_ids, strict=True)
            ]
        )


class _Joined(Columns[T]):
    """Several sequences, one after the other."""

    __slots__ = ("_length", "_parts")

    def __init__(self, parts: Sequence[Sequence[T]]) -> None:
        super().__init__()
        self._parts = parts
        self._length = sum(map(len, parts))

    def __len__(self) -> int:
        """Return how many items there are in all."""
        return self._length

    def _make(self) -> tuple[T, ...]:
        return tuple([item for part in self._parts for item in part])


def joined(parts: Sequence[Sequence[T]]) -> Sequence[T]:
    """Return several sequences as one."""
    return parts[0] if len(parts) == 1 else _Joined(parts) if parts else ()
