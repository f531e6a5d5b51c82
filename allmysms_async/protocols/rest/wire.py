"""Reading answers whose types and names float.

The same field comes as a number or as text, as an empty text or not at all, under one name in the manual's samples and
another in its tables; a list comes as a list, as one object, or wrapped as XML wraps it. A result class says once, with
``Wire``, under which names a field is known; ``read`` gives each field one Python type, or raises ``Unreadable``.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from allmysms_async import plausible
from allmysms_async.model import Secret
from allmysms_async.protocols.rest.naming import Naming, camel
from allmysms_async.protocols.rest.scalar import SCALARS, Reader, Unreadable, status, text
from allmysms_async.redaction import Discreet, Shown

T = TypeVar("T")
Raw: TypeAlias = Mapping[str, object]

_NOTHING = (None, "")
_MAX_DEPTH = 16
_PLAIN = frozenset({str, int, float, bool, types.NoneType})
# In lower case and without underscores.
_SECRETS = frozenset({"apikey", "password", "passcode"})


class Wire(Shown, frozen=True):
    """Under which names a result's field comes.

    Attributes:
        names: Wire names, the preferred one first.
        item: Name of one element where XML wraps a list.
        trim: Whether blanks around a text are the printer's, as around an identifier.
        lenient: Whether what cannot be read is None, or not in the list, where losing the rest of the answer would be
            worse.
    """

    names: tuple[str, ...] = ()
    item: str | None = None
    trim: bool = False
    lenient: bool = False


class Result(Discreet, frozen=True, kw_only=True):
    """Base of the typed answers.

    Attributes:
        raw: The whole answer under the gateway's own names, with what this library does not know; secrets are wrapped.
    """

    raw: Raw = msgspec.field(default_factory=dict[str, object])


class Done(Result, frozen=True, kw_only=True):
    """Base of the answers that say whether it was done.

    Attributes:
        status: 1, it was.
        status_text: The status in words.
    """

    status: str | None = None
    status_text: str | None = None


def _elements(value: object, item: str | None) -> list[object]:
    """Return the elements of a list in any of its shapes."""
    if value is None or value == "" or value == {}:
        return []
    if item and isinstance(value, Mapping):
        wrapped = typing.cast("Mapping[str, object]", value)
        if set(wrapped) == {item}:
            value = wrapped[item]
    if isinstance(value, list):
        return typing.cast("list[object]", value)
    return [value]


def elements(answer: Raw, name: str, item: str) -> list[object]:
    """Return what stands in a list of an answer, in any of its shapes, without what is empty.

    An answer that has no such list, but something that is no plain value, has it as the only element.

    Args:
        answer: The answer under the gateway's own names.
        name: The list's name.
        item: Name of one element where XML wraps the list.
    """
    if name in answer:
        return [each for each in _elements(answer[name], item) if not _is_empty(each)]
    is_something = any(bool(value) and type(value) in {dict, list} for value in answer.values())
    return [answer] if is_something else []


def _readable(one: Reader, elements: list[object], *, lenient: bool) -> Iterator[Any]:
    """Yield the elements of a list, read, without the empty ones."""
    for element in elements:
        try:
            read_one = None if _is_empty(element) else one(element)
        except Unreadable:
            if not lenient:
                raise
            continue
        if read_one is not None:
            yield read_one


def _is_empty(element: object) -> bool:
    """Return whether an element of a list is nil, or empty as XML writes it."""
    if isinstance(element, str):
        return not element.strip()
    return element is None or (isinstance(element, dict | list) and not element)


def _only(value: object) -> object:
    """Return the one object that is wrapped in a list, as ``manageSubAccountCredits`` does; another value as it is."""
    if isinstance(value, list):
        inner = typing.cast("list[object]", value)
        return inner[0] if len(inner) == 1 else inner
    return value


def _reader(kind: Any, item: str | None, *, lenient: bool = False) -> Reader:
    """Return the reader of a type; a ``lenient`` one passes over unreadable elements of a list."""
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        (kind,) = (option for option in typing.get_args(kind) if option is not types.NoneType)
    if kind in SCALARS:
        return SCALARS[kind]
    if typing.get_origin(kind) is tuple:
        one = _reader(typing.get_args(kind)[0], None)
        return lambda value: tuple(_readable(one, _elements(value, item), lenient=lenient))
    return lambda value: None if value in _NOTHING else read(kind, _only(value))


_FIGURES = {SCALARS[kind] for kind in (int, Decimal, datetime)}
# Names of the figures that cannot be right in the answer that is being read.
_odd: ContextVar[set[str] | None] = ContextVar("_odd", default=None)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, tuple[str, ...], Reader, bool], ...]:
    """Return, for each field of a result class, its name, its wire names, what reads it, and whether it is a figure."""
    fields: list[tuple[str, tuple[str, ...], Reader, bool]] = []
    naming: Naming = getattr(kind, "wire_name", camel)
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if name == "raw" or name.startswith("_") or typing.get_origin(hint) is typing.ClassVar:
            continue
        wire = Wire()
        if typing.get_origin(hint) is Annotated:
            hint, wire = typing.get_args(hint)
        reader = _reader(hint, wire.item, lenient=wire.lenient)
        is_figure = reader in _FIGURES
        reader = _adjusted(status if name == "status" and reader is text else reader, wire)
        fields.append((name, wire.names or (naming(name),), reader, is_figure))
    return tuple(fields)


def _adjusted(reader: Reader, wire: Wire) -> Reader:
    """Return a reader that trims a text, or that passes over what it cannot read."""
    if not wire.trim and not wire.lenient:
        return reader

    def adjusted(value: object) -> Any:
        try:
            found = reader(value)
        except Unreadable:
            if wire.lenient:
                return None
            raise
        return found.strip() if wire.trim and isinstance(found, str) else found

    return adjusted


@functools.cache
def known_names(kind: Any) -> frozenset[str]:
    """Return every wire name that a result class knows."""
    return frozenset(wire_name for _, names, _, _ in _fields(kind) for wire_name in names)


def read(kind: type[T], answer: object) -> T:
    """Read an answer, or a part of one, as a result class.

    Raises:
        Unreadable: Naming the field that cannot be read.
    """
    if not isinstance(answer, Mapping):
        raise Unreadable(kind.__name__)
    mapping = typing.cast("Mapping[str, object]", answer)
    if not issubclass(kind, Result):
        return kind(**_values(kind, mapping))
    outer, odd = _odd.get(), set[str]()
    token = _odd.set(odd)
    try:
        values = _values(kind, mapping)
    finally:
        _odd.reset(token)
    if outer is not None:
        outer |= odd
    raw = typing.cast("dict[str, object]", _wrapped("", dict(mapping), -1))
    return kind(**values, raw=plausible.kept(raw, odd))


def _values(kind: Any, mapping: Raw) -> dict[str, Any]:
    """Return the fields of a result class that an answer, or a part of one, holds."""
    values: dict[str, Any] = {}
    for name, names, reader, is_figure in _fields(kind):
        wire_name = names[0] if len(names) == 1 else _found(mapping, names)
        if wire_name not in mapping:
            continue
        try:
            value = reader(mapping[wire_name])
        except Unreadable as error:
            path = ".".join([wire_name, *(str(part) for part in error.args)])
            raise Unreadable(path) from None
        if value is not None:
            values[name] = value
        elif is_figure and (odd := _odd.get()) is not None and plausible.holds(mapping[wire_name]):
            odd.add(wire_name)
    return values


def _found(mapping: Mapping[str, object], names: tuple[str, ...]) -> str:
    """Return the name under which an answer has a field; of two such names, the one that holds something."""
    present = [wire_name for wire_name in names if wire_name in mapping] or [names[0]]
    return next((wire_name for wire_name in present if mapping.get(wire_name) not in _NOTHING), present[0])


@functools.lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return name.lower().replace("_", "") in _SECRETS


def _wrapped(name: str, value: object, depth: int = 0) -> object:
    """Return a part of an answer with the secrets in it wrapped, however deep they are and however they are written.

    It does not keep what is nested deeper than any answer of the manual's.
    """
    if _is_secret(name):
        return value if value in _NOTHING or isinstance(value, Secret) else Secret(str(value))
    if isinstance(value, dict | list):
        if depth >= _MAX_DEPTH:
            return Secret("")
        if isinstance(value, dict):
            inner = typing.cast("dict[str, object]", value)
            return {
                key: one if type(one) in _PLAIN and not _is_secret(key) else _wrapped(key, one, depth + 1)
                for key, one in inner.items()
            }
        return [_wrapped("", one, depth + 1) for one in typing.cast("list[object]", value)]
    return value
