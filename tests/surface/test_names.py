"""Where a user finds what the library has: the root for what a program needs, public modules for the rest."""

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import allmysms_async
from allmysms_async import backend, errors, hooks, transports
from allmysms_async.cli.handbook import pages
from allmysms_async.errors import AllMySmsError
from allmysms_async.protocols import rest
from allmysms_async.protocols.operation import Method
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.service import SmsService

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PAGES = "\n".join(page.path.read_text("utf-8") for page in pages() if not page.name.startswith("reference/"))


def errors_of_the_library() -> set[type[AllMySmsError]]:
    """Return every error that any module of the library defines, found by importing all of them."""
    for module in pkgutil.walk_packages(allmysms_async.__path__, "allmysms_async."):
        if module.name != "allmysms_async.__main__":
            importlib.import_module(module.name)

    def below(kind: type[AllMySmsError]) -> Iterator[type[AllMySmsError]]:
        yield kind
        for lower in kind.__subclasses__():
            yield from below(lower)

    return {kind for kind in below(AllMySmsError) if kind.__module__.startswith("allmysms_async.")}


def test_every_error_that_can_be_raised_can_be_imported() -> None:
    """Whatever module defines an error, ``allmysms_async.errors`` exports it, and its tree names it."""
    found = errors_of_the_library()
    assert {kind.__name__ for kind in found} == set(errors.__all__)
    assert all(getattr(errors, kind.__name__) is kind for kind in found)
    tree = errors.__doc__ or ""
    assert [name for name in errors.__all__ if not re.search(rf"\b{name}\b", tree)] == []


def words_of_the_service() -> str:
    """Return all that the docstrings of the service's methods say."""
    methods = [getattr(SmsService, name) for name in dir(SmsService) if not name.startswith("_")]
    return "\n".join(inspect.getdoc(method) or "" for method in methods)


@pytest.mark.parametrize("words", [README + PAGES, words_of_the_service()], ids=["handbook", "service"])
def test_what_a_user_catches_is_in_the_root(words: str) -> None:
    """Each error that the handbook or a method of the service speaks of is imported from ``allmysms_async`` itself."""
    named = {name for name in errors.__all__ if re.search(rf"\b{name}\b", words)}
    assert len(named) > 9
    assert named <= set(allmysms_async.__all__)


def test_the_root_has_what_a_program_needs_and_no_more() -> None:
    """About sixty names, in order, each the very thing that its public module has."""
    names = allmysms_async.__all__
    assert len(names) == len(set(names)) <= 70
    assert all(getattr(allmysms_async, name) is not None for name in names)
    assert {"RunOptions", "HttpTransport", "SmsService", "RestBackend"} <= set(names)
    assert allmysms_async.HttpTransport is transports.HttpTransport


def test_each_capability_is_exported() -> None:
    """What a backend can be asked is exported as a Protocol from ``allmysms_async.backend``."""
    assert {kind.__name__ for kind in backend.CAPABILITIES} <= set(backend.__all__)


def test_all_that_a_hook_is_told_is_exported() -> None:
    """A hook, and each note that it may be given, are exported from ``allmysms_async.hooks``."""
    assert {note.__name__ for note in typing.get_args(hooks.Note)} | {"Hook", "Note"} == set(hooks.__all__)


def test_all_that_a_transport_is_made_of_is_exported() -> None:
    """What a transport of one's own takes and gives is exported beside its Protocol."""
    for protocol in (transports.HttpTransport, transports.MailTransport):
        told = typing.get_type_hints(protocol.send)
        assert {kind.__name__ for kind in told.values()} | {protocol.__name__} <= set(transports.__all__)


def operations() -> Iterator[tuple[str, type, type]]:
    """Return each method of the API by name, with its operation and its result."""
    for resource in vars(RestApi(None)).values():  # type: ignore[arg-type]  # nothing is sent
        for name, method in inspect.getmembers(type(resource), lambda value: isinstance(value, Method)):
            yield name, method.operation, method.operation.result_type()


def test_each_operation_and_its_result_is_exported() -> None:
    """What ``sms.call`` is given, and what it returns, are exported from ``allmysms_async.protocols.rest``."""
    found = list(operations())
    assert len(found) == 38
    for _, operation, result in found:
        assert getattr(rest, operation.__name__) is operation
        assert getattr(rest, result.__name__) is result
        assert {operation.__name__, result.__name__} <= set(rest.__all__)
