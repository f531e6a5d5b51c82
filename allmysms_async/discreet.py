"""Structs that may hold a number or a text, and show neither: what is shown ends in logs and in reports of errors."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from allmysms_async.numbers import mask

__all__ = ["Discreet", "Unshown"]

_NUMBERS = {"phone", "mobile", "msisdn", "phone_number", "mobile_phone", "mobile_number"}
_TEXTS = {
    *("text", "message", "comment", "params", "body", "content", "invalid_numbers"),
    *("email", "first_name", "last_name", "society", "company", "address"),
}


class Unshown(tuple[str, ...]):
    """Numbers that an error carries: whole to whoever asks for them, and shown by how many they are alone."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self)} numbers>"

    def __rich_repr__(self) -> Iterator[int]:
        """Show as much to whoever prints what is in a thing without asking it."""
        yield len(self)


class Discreet(msgspec.Struct, frozen=True):
    """Base of such structs: numbers are shown masked, texts and lists by their length, a raw answer not at all."""

    def __repr__(self) -> str:
        """Show the fields that are set, none of them whole if it may name somebody."""
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__ if name != "raw")
        shown = ", ".join(f"{name}={_shown(name, value)}" for name, value in fields if value is not None)
        return f"{type(self).__name__}({shown})"


def _shown(name: str, value: object) -> str:
    """Return what is shown of a field."""
    if isinstance(value, str) and name in _NUMBERS:
        return mask(value)
    if isinstance(value, str) and name in _TEXTS:
        return f"<{len(value)} characters>"
    if isinstance(value, tuple | list | dict):
        return f"<{len(value)}>"  # pyright: ignore[reportUnknownArgumentType]  # whatever it holds, it has a length
    if isinstance(value, msgspec.Struct | str | int | float | bool | None):
        return repr(value)
    return f"<{type(value).__name__}>"
