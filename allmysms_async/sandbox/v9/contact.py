"""Contact lists.

Source: HTTPS API v9, §26 to §31, annexes 7 to 11.
"""

from allmysms_async.sandbox.state import Change, ContactList, wall

from .call import Call, own_sub_account
from .record import Record, parse_record
from .status import Answer, done, failed

__all__ = ["create_list", "delete_contacts", "delete_list", "get_contacts", "get_lists", "populate_list"]

_PHONE = "MOBILEPHONE"


def create_list(call: Call) -> Answer:
    """Create a list."""
    data = parse_record(call.form.raw("listData"))
    login, name = _owner(call, data), data.word("LISTNAME")
    columns = [row.get("FIELDNAME", "") for row in data.rows("STRUCTURE", "FIELD")]
    if login is None or not name or not all(columns):
        return failed("list could not be created")
    created = ContactList(name, columns, data.word("LOCKED") == "1", call.world.settle())
    if not call.world.lists.create(login, created):
        return failed(f"list {name} already exists")
    return done("database successfully populated")


def populate_list(call: Call) -> Answer:
    """Insert contacts into a list."""
    data = parse_record(call.form.raw("populateData"))
    found = _list(call, data)
    if found is None:
        return failed("list not found")
    rows = data.rows("CONTACTS", "CONTACT")
    change = found.insert((row.pop(_PHONE, ""), row) for row in rows)
    return _counted(f"list {found.name} successfully populated", change)


def delete_contacts(call: Call) -> Answer:
    """Delete contacts from a list."""
    data = parse_record(call.form.raw("deleteData"))
    found = _list(call, data)
    if found is None:
        return failed("list not found")
    change = found.remove(row.get(_PHONE, "") for row in data.rows("CONTACTS", "CONTACT"))
    return _counted(f"list {found.name} successfully updated", change)


def delete_list(call: Call) -> Answer:
    """Delete a list with all that is in it."""
    name = call.form.word("listName")
    if not call.world.lists.delete(call.account.login, name):
        return failed(f"list {name} not found")
    return done(f"list {name} has been successfully deleted")


def get_lists(call: Call) -> Answer:
    """List the lists; figures are printed as texts."""
    return {
        "lists": [
            {
                "listName": one.name,
                "contacts": str(len(one.rows)),
                "locked": "1" if one.locked else "0",
                "creationDate": wall(one.created_at)[:10],
            }
            for one in call.world.lists.of(call.account.login)
        ]
    }


def get_contacts(call: Call) -> Answer:
    """List the contacts of a list, each with all of its columns."""
    found = call.world.lists.find(call.account.login, call.form.word("listName"))
    if found is None:
        return {"error": "List not found"}
    return {
        "contacts": [
            {"MobilePhone": phone} | {column: values.get(column, "") for column in found.columns}
            for phone, values in found.rows.items()
        ]
    }


def _counted(text: str, change: Change) -> Answer:
    """Say what a change did."""
    counts: Answer = {"success": change.success, "ignored": change.ignored, "duplicated": change.duplicated}
    return done(text) | counts


def _owner(call: Call, data: Record) -> str | None:
    """Return whose list it is: the account's, or that of the sub-account which the flow names."""
    login = data.word("SUBACCOUNT")
    if not login or login == call.account.login:
        return call.account.login
    return login if own_sub_account(call.world, call.account, login) else None


def _list(call: Call, data: Record) -> ContactList | None:
    """Return the list that a flow names."""
    login = _owner(call, data)
    return None if login is None else call.world.lists.find(login, data.word("LISTNAME"))
