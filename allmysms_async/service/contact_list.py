"""Contact lists that the gateway keeps."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

from allmysms_async import argument
from allmysms_async.backend import KeepsLists
from allmysms_async.border import bordered
from allmysms_async.contact_lists import change_list
from allmysms_async.model import Contact, ListChange
from allmysms_async.prepare import contacts_added, contacts_removed
from allmysms_async.service.core import Core

__all__ = ["ContactLists"]


@bordered
class ContactLists(Core):
    """Fills and empties contact lists, however long they are."""

    async def populate_list(
        self,
        name: str,
        contacts: Iterable[Contact | str] | AsyncIterable[Contact | str],
        *,
        chunk_size: int = 500,
    ) -> ListChange:
        """Insert contacts into a list that the gateway keeps, some in a request, however many there are.

        No request is ever made twice. Whether a number is one, the gateway says: it ignores those that are not.

        Args:
            name: The list's name; it must be there, with the columns that the contacts have.
            contacts: Any iterable or async iterable of contacts or bare numbers; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Returns:
            The gateway's counts, summed up.

        Raises:
            ListStopped: A request failed, or the source did. It says how many rows were answered for, and how many
                after them may have been taken; go on from there.
        """
        add = contacts_added(self.capable(KeepsLists), argument.text("name", name))
        return await change_list(add, contacts, chunk_size=chunk_size)

    async def delete_contacts(
        self, name: str, phones: Iterable[Contact | str] | AsyncIterable[Contact | str], *, chunk_size: int = 500
    ) -> ListChange:
        """Delete contacts from a list that the gateway keeps; the twin of ``populate_list``.

        Args:
            name: The list's name.
            phones: Any iterable or async iterable of numbers or contacts; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Raises:
            ListStopped: As for ``populate_list``.
        """
        remove = contacts_removed(self.capable(KeepsLists), argument.text("name", name))
        return await change_list(remove, phones, chunk_size=chunk_size)
