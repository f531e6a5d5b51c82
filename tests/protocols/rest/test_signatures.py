"""What an interactive user and an editor are shown of a method: its own name, arguments, types and words."""

import importlib
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from allmysms_async import EnvoyerSmsProBackend, Recipient, RestBackend
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest.sms import SendSmsResult
from tests.cases import each


def methods(api: object) -> Iterator[tuple[str, Callable[..., Any], Any]]:
    """Yield every operation's method of an API by resource, with its name and its class."""
    for group, resource in vars(api).items():
        if isinstance(resource, Resource):
            for name, method in vars(type(resource)).items():
                if isinstance(method, Method):
                    yield f"{group}.{name}", getattr(resource, name), method.operation


REST = list(methods(RestBackend("demo", "key").api))
EVERY = [*REST, *methods(EnvoyerSmsProBackend("33612345678", "password").api)]
EACH = each(("name", "method", "kind"), EVERY, ids=[name for name, _, _ in EVERY])


def leaves(hint: Any) -> Iterator[Any]:
    """Yield the classes that a type is made of."""
    if typing.get_origin(hint) is Literal:
        return
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if not inner:
        yield hint
    elif origin not in {typing.Union, types.UnionType}:
        yield origin
    for one in inner:
        if one is not Ellipsis:
            yield from leaves(one)


def is_public(kind: Any) -> bool:
    """Tell whether a class is one that a user can import by the name that is shown."""
    if kind is types.NoneType:
        return True
    module = importlib.import_module(kind.__module__)
    return not kind.__name__.startswith("_") and kind.__name__ in getattr(module, "__all__", vars(module))


def test_every_operation_is_looked_at() -> None:
    """The API has its 38 methods, the other provider's its 12."""
    assert len(REST) == 38
    assert len(EVERY) == 38 + 12


@EACH
def test_signature_names_each_argument(name: str, method: Callable[..., Any], kind: Any) -> None:
    """`inspect.signature` shows the class's own arguments with their defaults, and nothing that swallows others."""
    parameters = inspect.signature(method).parameters
    assert set(parameters) == set(kind.__struct_fields__)
    for parameter in parameters.values():
        assert parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    for argument, parameter in parameters.items():
        required = parameter.default is parameter.empty
        assert defaults[argument] is (msgspec.NODEFAULT if required else parameter.default)


@EACH
def test_types_are_plain_and_public(name: str, method: Callable[..., Any], kind: Any) -> None:
    """Each type resolves, to classes that a user can import, and the result is the operation's."""
    hints = typing.get_type_hints(method, include_extras=True)
    signature = inspect.signature(method)
    assert {argument: parameter.annotation for argument, parameter in signature.parameters.items()} | {
        "return": signature.return_annotation
    } == hints
    assert [leaf for hint in hints.values() for leaf in leaves(hint) if not is_public(leaf)] == []
    assert typing.get_origin(hints["return"]) is Awaitable
    assert typing.get_args(hints["return"]) == (kind.result_type(),)


@EACH
def test_method_has_its_own_name_and_words(name: str, method: Callable[..., Any], kind: Any) -> None:
    """`help` shows the method by the name it is called by, with the words of its class."""
    assert method.__name__ == name.partition(".")[2]
    assert method.__qualname__.endswith(f".{method.__name__}")
    assert (method.__module__, method.__doc__) == (kind.__module__, kind.__doc__)


def test_send_sms_is_shown_as_it_is_written() -> None:
    """What the manual's main method takes, and gives, is to be read from it."""
    assert typing.get_type_hints(RestBackend("demo", "key").api.sms.send_sms) == {
        "message": str,
        "recipients": Sequence[Recipient],
        "dynamic": int,
        "campaign_name": str | None,
        "date": datetime | None,
        "tpoa": str | None,
        "cli_msg_id": str | None,
        "tracking": bool | None,
        "coding": int | None,
        "alerting": bool | None,
        "verbose": bool | None,
        "unique_identifier": str | None,
        "return": Awaitable[SendSmsResult],
    }
