"""``allmysms api``: any method of the HTTPS API v9, its fields as words of the command line."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from allmysms_async.cli import login, screen
from allmysms_async.cli.ending import ExitCode, NotWritten, plain
from allmysms_async.cli.file import NewFile
from allmysms_async.cli.show import as_json, as_lines
from allmysms_async.cli.signals import at_once
from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Contact, Recipient, Secret
from allmysms_async.protocols import rest
from allmysms_async.protocols.rest.operation import Operation

__all__ = ["call", "describe", "list_methods", "operations"]

_PEOPLE: tuple[type, ...] = (Recipient, Contact)


@functools.cache
def operations() -> Mapping[str, type[Operation[Any]]]:
    """Return every method by its name on the wire, in the manual's order of sections."""
    found: list[type[Operation[Any]]] = []
    for name in rest.__all__:
        kind: Any = getattr(rest, name)
        if isinstance(kind, type) and issubclass(cast("Any", kind), Operation) and kind is not Operation:
            found.append(cast("type[Operation[Any]]", kind))
    return {kind.name: kind for kind in sorted(found, key=_section)}


def _section(kind: type[Operation[Any]]) -> int:
    """Return the section of the manual that describes a method."""
    _, _, after = (kind.__doc__ or "").partition("§")
    return int("".join(each for each in after[:2] if each.isdigit()) or 0)


def _summary(kind: type[Operation[Any]]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0].rstrip(".")


def _found(method: str) -> type[Operation[Any]]:
    """Return the operation of a name, in letters of any case.

    Raises:
        UsageError: There is none; the ones that are spelled like it are named.
    """
    by_name = {name.lower(): kind for name, kind in operations().items()}
    kind = by_name.get(method.lower())
    if kind is None:
        near = [by_name[each].name for each in difflib.get_close_matches(method.lower(), by_name, 3)]
        like = f" Did you mean {' or '.join(near)}?" if near else ""
        msg = f"There is no method {method[:60]!r}.{like} 'allmysms api --list' lists all."
        raise click.UsageError(msg)
    return kind


def list_methods(*, machine: bool) -> int:
    """Print every method with what it does; return the exit code."""
    told = {name: _summary(kind) for name, kind in operations().items()}
    if machine:
        click.echo(as_json(told))
    else:
        for name, what in told.items():
            click.echo(f"{name:28} {what}")
    return ExitCode.ALL_ACCEPTED


def describe(method: str, *, machine: bool) -> int:
    """Print what a method takes; return the exit code."""
    kind = _found(method)
    if machine:
        click.echo(as_json({name: _words(hint) for name, hint in _hints(kind).items()}))
    else:
        click.echo(inspect.getdoc(kind))
    return ExitCode.ALL_ACCEPTED


async def call(
    method: str, words: Sequence[str], *, sub_account: str | None, output: Path | None, machine: bool
) -> int:
    """Call a method once, and print its answer; return the exit code."""
    kind = _found(method)
    if output is not None and kind is not rest.DownloadMedia:
        msg = "--output is for downloadMedia alone: the answers of the others are printed."
        raise click.UsageError(msg)
    operation = _operation(kind, words)
    async with login.service() as sms:
        asked = sms if sub_account is None else sms.with_sub_account(sub_account)
        answer = await asked.call(operation, attempts=1)
    if output is not None and isinstance(answer, rest.DownloadMediaResult):
        await _keep(answer.file, output)
    if machine:
        click.echo(as_json(answer.raw))
    else:
        click.echo(as_lines(answer.raw))
    return ExitCode.ALL_ACCEPTED


async def _keep(sound: bytes, path: Path) -> None:
    """Write a sound to a file.

    Raises:
        NotWritten: It could not be.
    """
    file = NewFile(path)
    file.write(sound)
    await file.finish()
    if file.problem is not None:
        msg = f"{path} could not be written: {file.problem}."
        raise NotWritten(msg)


def _operation(kind: type[Operation[Any]], words: Sequence[str]) -> Operation[Any]:
    """Return an operation with the fields that were given.

    Raises:
        UsageError: A field is none of its, cannot be what was given, or is missing.
    """
    hints = _hints(kind)
    # As the manual has them, too: campId is camp_id.
    plain_names = {name.replace("_", ""): name for name in hints}
    given: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            msg = f"{word[:60]!r} is not KEY=VALUE."
            raise click.UsageError(msg)
        key = plain_names.get(key.replace("_", "").lower(), key)
        if key not in hints:
            known = ", ".join(hints) or "none"
            msg = f"{kind.name} has no field {key[:60]!r}; it has {known}."
            raise click.UsageError(msg)
        given.setdefault(key, []).append(value)
    values = {key: _value(kind, key, hints[key], each) for key, each in given.items()}
    missing = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in values]
    if missing:
        msg = f"{kind.name} needs {', '.join(missing)}: 'allmysms api {kind.name} --fields' says what it takes."
        raise click.UsageError(msg)
    try:
        return kind(**values)
    except TypeError as error:
        raise InvalidRequest(f"{kind.name}: {plain(str(error))}; nothing was sent.") from None


def _hints(kind: type[Operation[Any]]) -> dict[str, Any]:
    """Return the type of each field of an operation."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _value(kind: type[Operation[Any]], key: str, hint: Any, given: Sequence[str]) -> object:
    """Return a field's value.

    Raises:
        UsageError: It is not of the field's type.
    """
    kinds = _kinds(hint)
    if Secret in kinds:
        return _secret(kind, key, given)
    several = any(isinstance(each, type) and issubclass(each, Sequence) and each is not str for each in kinds)
    read: list[object] = []
    for word in given:
        try:
            value: Any = msgspec.json.decode(word) if word[:1] in {"[", "{"} and str not in kinds else word
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            msg = f"{kind.name}: {key} is no JSON."
            raise click.UsageError(msg) from None
        read += cast("list[object]", value) if isinstance(value, list) and several else [value]
    if not several and len(read) > 1:
        msg = f"{kind.name}: {key} is given {len(read)} times."
        raise click.UsageError(msg)
    if several:
        read = [{"phone": each} if isinstance(each, str) and _of_people(hint) else each for each in read]
    if datetime in kinds:
        read = [_moment(kind, key, str(each)) for each in read]
    try:
        return msgspec.convert(read if several else read[0], hint, strict=False)
    except msgspec.ValidationError as error:
        msg = f"{kind.name}: {key} cannot be this: {plain(str(error))}. It is {_words(hint)}."
        raise click.UsageError(msg) from None


def _secret(kind: type[Operation[Any]], key: str, given: Sequence[str]) -> Secret:
    """Return what no list of processes may show."""
    if list(given) != ["-"]:
        msg = f"{kind.name}: a process list shows {key}: write {key}=- and be asked, or give it on standard input."
        raise click.UsageError(msg)
    if screen.stdin_is_terminal():
        return Secret(login.ask(key, hidden=True).strip())
    with at_once():
        return Secret((sys.stdin.readline(1000) if sys.stdin else "").rstrip("\r\n"))


def _moment(kind: type[Operation[Any]], key: str, text: str) -> datetime:
    """Return a moment; without a zone it is Paris's."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{kind.name}: {key} is not a date and time such as 2027-03-02T10:00."
        raise click.UsageError(msg) from None
    return read if read.tzinfo else read.replace(tzinfo=PARIS)


def _kinds(hint: Any) -> set[Any]:
    """Return the classes that a value may be of, those of a list's elements not among them."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(hint)[0])
    if origin in {typing.Union, types.UnionType}:
        return set[Any]().union(*(_kinds(each) for each in typing.get_args(hint)))
    return {origin or hint}


def _of_people(hint: Any) -> bool:
    """Tell whether a list is one of people."""
    return any(each in _PEOPLE or _of_people(each) for each in typing.get_args(hint))


def _words(hint: Any) -> str:
    """Return a type in words."""
    names = {str: "a text", int: "a whole number", Decimal: "a number", bool: "true or false", datetime: "a moment"}
    found = [names.get(each, getattr(each, "__name__", str(each)).lower()) for each in _kinds(hint)]
    return " or ".join(sorted(each for each in found if each != "nonetype"))
