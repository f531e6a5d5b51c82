"""What every error of the library has: a sentence, the name of the request, a code, what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["AllMySmsError", "Kept"]


def _restore(kind: type[AllMySmsError], args: tuple[object, ...], state: dict[str, Any]) -> AllMySmsError:
    """Rebuild a pickled error without calling its constructor."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class Kept:
    """Numbers that go with an error, out of sight of whoever walks through its attributes."""

    __slots__ = ("tell",)

    def __init__(self, numbers: tuple[str, ...]) -> None:
        self.tell: Callable[[], tuple[str, ...]] = lambda: numbers

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self.tell())} numbers>"

    def __eq__(self, other: object) -> bool:
        """Compare by the numbers."""
        return isinstance(other, Kept) and other.tell() == self.tell()

    def __hash__(self) -> int:
        """Hash by the numbers."""
        return hash(self.tell())

    def __reduce__(self) -> tuple[type[Kept], tuple[tuple[str, ...]]]:
        """Pickle with the numbers: whoever gets the error may ask for them."""
        return Kept, (self.tell(),)


class AllMySmsError(Exception):
    """Base of every error of this library.

    Args:
        message: What happened, in one sentence.
        request: Name of the operation, such as ``sendSms``.
        code: The other side's own code (a gateway status or an HTTP status), as text.
        remedy: What to do about it, where that is known.
    """

    def __init__(
        self, message: str, *, request: str | None = None, code: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.request = request
        self.code = code
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the sentence, followed by the remedy where there is one."""
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message

    def __reduce__(
        self,
    ) -> tuple[
        Callable[[type[AllMySmsError], tuple[object, ...], dict[str, Any]], AllMySmsError],
        tuple[type[AllMySmsError], tuple[object, ...], dict[str, Any]],
    ]:
        """Pickle by state, since the constructors take keywords."""
        return (_restore, (type(self), self.args, dict(self.__dict__)))
