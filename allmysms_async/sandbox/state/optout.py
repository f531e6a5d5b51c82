"""Who must not be texted any more, per account or for all of them.

Source: HTTPS API v9, §7.2 (VERBOSE) and §18.
"""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["OPT_OUT_REASONS", "OptOut", "OptOutList", "OptOutReason"]

OptOutReason = Literal["blacklist_stop", "blacklist_unassigned", "blacklist_manual"]
OPT_OUT_REASONS: tuple[OptOutReason, ...] = get_args(OptOutReason)


@dataclass(frozen=True, slots=True)
class OptOut:
    """One number on an opt-out list."""

    phone: str
    reason: OptOutReason
    at: float


class OptOutList:
    """The opt-outs of every account."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._by_login: dict[str | None, dict[str, OptOut]] = {}

    def add(self, phone: str, reason: OptOutReason, at: float, login: str | None = None) -> None:
        """Note an opt-out; without a login it holds for every account. The first entry of a number stays."""
        self._by_login.setdefault(login, {}).setdefault(phone, OptOut(phone, reason, at))

    def find(self, login: str, phone: str) -> OptOut | None:
        """Return the opt-out that keeps an account from texting a number, if any."""
        for holder in (login, None):
            entries = self._by_login.get(holder)
            if entries and (entry := entries.get(phone)):
                return entry
        return None

    def of(self, login: str) -> list[OptOut]:
        """Return the opt-outs that hold for an account, the newest first."""
        entries = {**self._by_login.get(None, {}), **self._by_login.get(login, {})}
        return sorted(entries.values(), key=lambda entry: -entry.at)

    def rename(self, old: str, login: str) -> None:
        """Give an account's opt-outs to its new login."""
        if old in self._by_login:
            self._by_login[login] = self._by_login.pop(old)

    def remove(self, login: str, phone: str) -> None:
        """Let an account text a number again."""
        for holder in (login, None):
            self._by_login.get(holder, {}).pop(phone, None)

    def __len__(self) -> int:
        """Count the entries."""
        return sum(map(len, self._by_login.values()))
