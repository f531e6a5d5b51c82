"""Contact lists.

Source: HTTPS API v9, §26 to §31.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from allmysms_async.sandbox.numbering import canonical

__all__ = ["Change", "ContactList", "ContactLists"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did, in the manual's three counts."""

    success: int
    ignored: int
    duplicated: int


@dataclass(slots=True)
class ContactList:
    """One list: its columns, and a row for each number."""

    name: str
    columns: list[str]
    locked: bool
    created_at: float
    rows: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def insert(self, contacts: Iterable[tuple[str, Mapping[str, str]]]) -> Change:
        """Insert contacts; one whose number is none, or with a column that the list lacks, is ignored."""
        by_case = {column.lower(): column for column in self.columns}
        success = ignored = duplicated = 0
        for number, values in contacts:
            phone = canonical(number)
            if phone is None or any(name.lower() not in by_case for name in values):
                ignored += 1
            elif phone in self.rows:
                duplicated += 1
            else:
                self.rows[phone] = {by_case[name.lower()]: value for name, value in values.items()}
                success += 1
        return Change(success, ignored, duplicated)

    def remove(self, numbers: Iterable[str]) -> Change:
        """Delete contacts; a number that is none, or not in the list, is ignored."""
        success = ignored = duplicated = 0
        seen: set[str] = set()
        for number in numbers:
            phone = canonical(number)
            if phone is not None and phone in seen:
                duplicated += 1
            elif phone is None or self.rows.pop(phone, None) is None:
                ignored += 1
            else:
                success += 1
                seen.add(phone)
        return Change(success, ignored, duplicated)


class ContactLists:
    """The lists of every account."""

    def __init__(self) -> None:
        """Start without any."""
        self._lists: dict[str, dict[str, ContactList]] = {}

    def create(self, login: str, created: ContactList) -> bool:
        """Add a list, unless the account has one of this name."""
        lists = self._lists.setdefault(login, {})
        if created.name in lists:
            return False
        lists[created.name] = created
        return True

    def find(self, login: str, name: str) -> ContactList | None:
        """Return one list of an account."""
        return self._lists.get(login, {}).get(name)

    def delete(self, login: str, name: str) -> bool:
        """Drop a list; say whether there was one."""
        return self._lists.get(login, {}).pop(name, None) is not None

    def rename(self, old: str, login: str) -> None:
        """Give an account's lists to its new login."""
        if old in self._lists:
            self._lists[login] = self._lists.pop(old)

    def of(self, login: str) -> list[ContactList]:
        """Return an account's lists, in the order in which they were created."""
        return list(self._lists.get(login, {}).values())
