"""What is shown of what must not be shown: it ends in logs and in reports of errors.

Structs that may hold a number or a text show neither, and a gateway's own sentences are made fit for an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec

from allmysms_async.border import border
from allmysms_async.numbers import mask

__all__ = ["Discreet", "Shown", "Unshown", "one_line"]

_NUMBERS = {"phone", "mobile", "msisdn", "phone_number", "mobile_phone", "mobile_number"}
_TEXTS = {
    *("text", "message", "comment", "params", "body", "content", "invalid_numbers"),
    *("email", "first_name", "last_name", "society", "company", "address"),
}
_LONG_FIGURE = re.compile(r"\d(?:[ .-]?\d){5,}")
_MAX_CHARACTERS = 160
_MAX_READ = 400


class Unshown(tuple[str, ...]):
    """Numbers that an error carries: whole to whoever asks for them, and shown by how many they are alone."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self)} numbers>"

    def __rich_repr__(self) -> Iterator[int]:
        """Show as much to whoever prints what is in a thing without asking it."""
        yield len(self)


class _Absent:
    """Hides a method of a base class, as if there were none."""

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        """Say that there is none."""
        msg = "there is no such method"
        raise AttributeError(msg)


class Shown(msgspec.Struct, frozen=True):
    """Base of the structs: whoever prints one shows what ``repr`` shows, and no error of its checks holds its fields.

    A struct tells rich all of its fields; without that method rich asks for ``repr``.
    """

    __rich_repr__ = _Absent()  # pyright: ignore[reportAssignmentType]  # it hides the inherited method

    def __init_subclass__(cls, **options: Any) -> None:
        """Make the checks of a struct's fields a border."""
        super().__init_subclass__(**options)
        checks = vars(cls).get("__post_init__")
        if checks is not None:
            setattr(cls, "__post_init__", border(checks))  # noqa: B010  # the class has no such name for type checkers


class Discreet(Shown, frozen=True):
    """Base of structs with numbers: they are shown masked, texts and lists by their length, a raw answer not at all."""

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
    if isinstance(value, Sequence | dict) and not isinstance(value, str | bytes):
        return f"<{len(value)}>"  # pyright: ignore[reportUnknownArgumentType]  # whatever it holds, it has a length
    if isinstance(value, msgspec.Struct | str | int | float | bool | None):
        return repr(value)
    return f"<{type(value).__name__}>"


def one_line(text: str) -> str:
    """Return words of the other side's fit to be shown: one line, bounded, long figures (numbers) masked."""
    line = " ".join(text[:_MAX_READ].split())
    line = "".join(character for character in line if character.isprintable())
    return _LONG_FIGURE.sub(lambda figure: mask(figure[0]), line)[:_MAX_CHARACTERS]
