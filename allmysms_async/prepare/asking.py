"""What is asked beside sending: a contact list's changes, and a protocol's own operations."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Sequence

from allmysms_async import argument
from allmysms_async.backend import KeepsLists
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Contact, ListChange

__all__ = ["attempts_of", "check_operation", "contacts_added", "contacts_removed"]


def contacts_added(backend: KeepsLists, name: str) -> Callable[[Sequence[Contact | str]], Awaitable[ListChange]]:
    """Return what inserts some rows into a list, in one attempt."""

    def add(rows: Sequence[Contact | str]) -> Awaitable[ListChange]:
        return backend.add_contacts(name, [Contact(row) if isinstance(row, str) else row for row in rows])

    return add


def contacts_removed(backend: KeepsLists, name: str) -> Callable[[Sequence[Contact | str]], Awaitable[ListChange]]:
    """Return what deletes some rows from a list, in one attempt."""

    def remove(rows: Sequence[Contact | str]) -> Awaitable[ListChange]:
        return backend.remove_contacts(name, [row if isinstance(row, str) else row.phone for row in rows])

    return remove


def check_operation(operation: object) -> None:
    """Refuse what is none of a protocol's own operations.

    Raises:
        InvalidRequest: Saying what is.
    """
    if isinstance(operation, type) or not hasattr(operation, "replay"):
        msg = f"call() asks an operation of the protocol, such as GetAcks(…), not {type(operation).__name__}."
        raise InvalidRequest(msg, remedy="RestBackend.api has them all by name; nothing was sent.")


def attempts_of(attempts: int | None, retries: int | None) -> int | None:
    """Return how many attempts are asked for, also by the former name, which left the first one out.

    Raises:
        InvalidRequest: Both are given, or fewer than none.
    """
    if retries is None:
        return attempts
    # Above are the service's method, the border and whoever called.
    warnings.warn("call(retries=n) is call(attempts=n + 1) now.", DeprecationWarning, stacklevel=4)
    if attempts is not None:
        msg = "Give attempts=, not retries= as well; nothing was sent."
        raise InvalidRequest(msg)
    return argument.count("retries", retries, least=0) + 1
