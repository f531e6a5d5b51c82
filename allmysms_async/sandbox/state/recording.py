"""Messages recorded by telephone.

Source: HTTPS API v9, §38 to §40.
"""

import hashlib
from dataclasses import dataclass

__all__ = ["Recording", "Recordings"]

_BYTES_A_SECOND = 8000
"""Telephone sound: 8,000 samples of one byte."""


@dataclass(slots=True)
class Recording:
    """A code, and what was recorded under it."""

    code: str
    login: str
    label: str
    created_at: float
    recorded_at: float | None = None
    sound: bytes = b""

    @property
    def seconds(self) -> int:
        """How long it is."""
        return len(self.sound) // _BYTES_A_SECOND


class Recordings:
    """The codes of every account."""

    def __init__(self) -> None:
        """Start without any."""
        self._by_code: dict[str, Recording] = {}

    def create(self, login: str, label: str, at: float) -> Recording:
        """Give out a new code: eight figures, stable between runs, and not guessable from the one before."""
        digest = hashlib.blake2b(b"code %d" % len(self._by_code), digest_size=4).digest()
        code = f"{int.from_bytes(digest) % 90_000_000 + 10_000_000}"
        while code in self._by_code:
            code = f"{(int(code) + 1) % 100_000_000:08}"
        recording = self._by_code[code] = Recording(code, login, label, at)
        return recording

    def rename(self, old: str, login: str) -> None:
        """Give an account's recordings to its new login."""
        for recording in self._by_code.values():
            if recording.login == old:
                recording.login = login

    def find(self, code: str) -> Recording | None:
        """Return what a code stands for."""
        return self._by_code.get(code)
