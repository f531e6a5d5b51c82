"""Contact lists, as the customer area shows them.

Source: HTTPS API v9, §26 to §31, annexes 7 to 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Contact
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Done, Result, Wire
from allmysms_async.redaction import Shown

__all__ = [
    "ContactList",
    "Contacts",
    "CreateList",
    "CreateListResult",
    "DeleteContacts",
    "DeleteContactsResult",
    "DeleteList",
    "DeleteListResult",
    "GetContacts",
    "GetContactsResult",
    "GetLists",
    "GetListsResult",
    "ListField",
    "PopulateList",
    "PopulateListResult",
]

_PHONE = "MOBILEPHONE"


class ListField(Shown, frozen=True):
    """One column of a list, beside the number.

    Attributes:
        name: Its name.
        filter: Whether the customer area can choose people by it.
    """

    name: str
    filter: bool = False


class CreateListResult(Done, frozen=True, kw_only=True):
    """Answer to ``CreateList``."""


class DeleteListResult(CreateListResult, frozen=True, kw_only=True):
    """Answer to ``DeleteList``, with the fields of the answer to ``CreateList``."""


class PopulateListResult(Done, frozen=True, kw_only=True):
    """Answer to ``PopulateList``.

    Attributes:
        success: Contacts that were inserted.
        ignored: Contacts that were left out: the number is not valid, or a column does not exist.
        duplicated: Contacts that were there already.
    """

    success: int | None = None
    ignored: int | None = None
    duplicated: int | None = None


class DeleteContactsResult(PopulateListResult, frozen=True, kw_only=True):
    """Answer to ``DeleteContacts``, with the fields of that to ``PopulateList``; ``success`` counts the deleted."""


class ContactList(Shown, frozen=True, kw_only=True):
    """One list.

    Attributes:
        list_name: Its name.
        contacts: How many contacts it has.
        locked: Whether the customer area shows it read-only.
        creation_date: The day it was created.
    """

    list_name: str | None = None
    contacts: int | None = None
    locked: bool | None = None
    creation_date: datetime | None = None


class GetListsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetLists``.

    Attributes:
        lists: The lists.
    """

    lists: Annotated[tuple[ContactList, ...], Wire(("lists",), item="list")] = ()


class GetContactsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetContacts``.

    Attributes:
        contacts: One mapping for each contact, with the columns as the list has them: ``MobilePhone`` and those that it
            was created with. They come all in one piece.
    """

    contacts: Annotated[tuple[Mapping[str, str], ...], Wire(("contacts",), item="contact")] = ()

    def __repr__(self) -> str:
        """Show how many, and nothing of them."""
        return f"<GetContactsResult {len(self.contacts)} contacts>"


class CreateList(Operation[CreateListResult], frozen=True):
    """Create a contact list, in one attempt that is never repeated by itself.

    Source: HTTPS API v9, §26, annex 7.

    Args:
        list_name: Its name.
        structure: Its columns beside the number.
        sub_account: Login of the sub-account to create it for.
        locked: Whether the customer area shows it read-only.

    Raises:
        InvalidRequest: A column has no name.
        GatewayError: The gateway refused; no list was created.
        OutcomeUnknown: It may have been created.
    """

    list_name: str
    structure: Sequence[ListField] = ()
    sub_account: str | None = None
    locked: bool | None = None

    route = routes.CREATE_LIST

    def __post_init__(self) -> None:
        """Refuse a column without a name."""
        if not all(field.name.strip() for field in self.structure):
            msg = "A column of the list has no name; nothing was sent."
            raise InvalidRequest(msg)

    def data(self) -> dict[str, object]:
        """Return what ``listData`` holds under ``DATA``."""
        columns = [{"FIELDNAME": field.name, "FILTER": "1" if field.filter else "0"} for field in self.structure]
        return {**self.values(), "STRUCTURE": columns}


class PopulateList(Operation[PopulateListResult], frozen=True):
    """Insert contacts into a list, in one attempt that is never repeated by itself.

    Source: HTTPS API v9, §27, annexes 8 and 9.

    Args:
        list_name: Its name.
        contacts: Numbers with their columns. The gateway ignores a contact with a column that the list lacks.
        sub_account: Login of the sub-account whose list it is.

    Raises:
        InvalidRequest: A contact has a column called ``MOBILEPHONE``, which holds the number.
        GatewayError: The gateway refused; no contact was inserted.
        OutcomeUnknown: They may have been inserted.
    """

    list_name: str
    contacts: Sequence[Contact]
    sub_account: str | None = None

    route = routes.POPULATE_LIST

    def data(self) -> dict[str, object]:
        """Return what ``populateData`` holds under ``DATA``."""
        rows: list[dict[str, str]] = []
        for contact in self.contacts:
            if any(column.upper() == _PHONE for column in contact.columns):
                msg = f"A contact has a column called {_PHONE}, which holds the number itself; nothing was sent."
                raise InvalidRequest(msg, request=self.name)
            rows.append({**contact.columns, _PHONE: contact.phone})
        return {**self.values(), "CONTACTS": rows}


class DeleteContacts(Operation[DeleteContactsResult], frozen=True):
    """Delete contacts from a list, in one attempt that is never repeated by itself: its counts would be lost.

    Source: HTTPS API v9, §28, annexes 10 and 11.

    Args:
        list_name: Its name.
        phones: Their numbers.
        sub_account: Login of the sub-account whose list it is.

    Raises:
        GatewayError: The gateway refused; no contact was deleted.
        OutcomeUnknown: They may have been deleted.
    """

    list_name: str
    phones: Sequence[str]
    sub_account: str | None = None

    route = routes.DELETE_CONTACTS

    def data(self) -> dict[str, object]:
        """Return what ``deleteData`` holds under ``DATA``."""
        return {**self.values(), "CONTACTS": [{_PHONE: phone} for phone in self.phones]}


class DeleteList(Operation[DeleteListResult], frozen=True):
    """Delete a list with all that is in it; this cannot be undone.

    Source: HTTPS API v9, §29.

    Args:
        list_name: Its name.
        sub_account: Login of the sub-account whose list it is.

    Raises:
        GatewayError: The gateway refused; no list was deleted.
    """

    list_name: str
    sub_account: str | None = None

    route = routes.DELETE_LIST


class GetLists(Operation[GetListsResult], frozen=True):
    """Fetch the names of the lists.

    Source: HTTPS API v9, §30.

    Args:
        sub_account: Login of the sub-account whose lists they are.

    Raises:
        GatewayError: The gateway answered with an error.
    """

    sub_account: str | None = None

    route = routes.GET_LISTS


class GetContacts(Operation[GetContactsResult], frozen=True):
    """Fetch the contacts of a list.

    Source: HTTPS API v9, §31.

    Args:
        list_name: Its name.
        sub_account: Login of the sub-account whose list it is.

    Raises:
        GatewayError: The gateway answered with an error, such as that there is no such list.
        ProtocolError: The list is longer than ``max_response_bytes``, 64 MB by default.
    """

    list_name: str
    sub_account: str | None = None

    route = routes.GET_CONTACTS


class Contacts(Resource):
    """Contact lists."""

    create_list = Method(CreateList)
    populate_list = Method(PopulateList)
    delete_contacts = Method(DeleteContacts)
    delete_list = Method(DeleteList)
    get_lists = Method(GetLists)
    get_contacts = Method(GetContacts)
