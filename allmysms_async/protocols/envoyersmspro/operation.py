"""What an operation of Envoyer SMS Pro is: its parameters, its result, and how it is called.

One class is one function of the manual.
"""

from __future__ import annotations

import functools
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, overload

from allmysms_async.backend import Replay
from allmysms_async.discreet import Discreet
from allmysms_async.errors import InvalidNumber, InvalidRequest
from allmysms_async.protocols.envoyersmspro.xml import Node

__all__ = ["Method", "Operation", "Resource", "Result", "identifier", "international"]


class Result(Discreet, frozen=True, kw_only=True):
    """Base of the typed answers.

    Attributes:
        raw: The whole answer under the provider's own names.
    """

    raw: Mapping[str, object] = {}


R = TypeVar("R")
P = ParamSpec("P")


class Operation(Discreet, Generic[R], frozen=True):
    """Base of the operations.

    Class attributes:
        path: The last parts of its address, exactly as printed; also its name in errors.
        replay: Whether it may be repeated when its outcome is not known; only what changes nothing says ``safe``.
    """

    path: ClassVar[str]
    replay: ClassVar[Replay] = "never"

    @abstractmethod
    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names.

        Raises:
            InvalidRequest: One of them cannot be right.
        """

    @classmethod
    @abstractmethod
    def read(cls, answer: Node) -> R:
        """Return the result that a successful answer holds.

        Raises:
            Unreadable: It is not what the manual says.
        """


_is_identifier = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


def identifier(what: str, value: str) -> str:
    """Return an identifier of the provider's, which are all numbers.

    Raises:
        InvalidRequest: It is none.
    """
    if not _is_identifier(value):
        msg = f"{what} is not one of the provider's: they are whole numbers; nothing was sent."
        raise InvalidRequest(msg)
    return value


_is_international = re.compile(r"[1-9][0-9]{7,14}", re.ASCII).fullmatch


def international(number: str) -> str:
    """Return a number as the provider takes it.

    Raises:
        InvalidNumber: It is not digits with the country code.
    """
    if not _is_international(number):
        msg = "The number must be digits with the country code and no +, such as 33600000000; nothing was sent."
        raise InvalidNumber(msg, reason="malformed")
    return number


class Resource:
    """A group of operations on one kind of thing.

    Args:
        call: What sends an operation and reads its answer.
    """

    def __init__(self, call: Callable[[Operation[Any]], Awaitable[Any]]) -> None:
        self._call = call

    @property
    def call(self) -> Callable[[Operation[Any]], Awaitable[Any]]:
        """What sends an operation and reads its answer."""
        return self._call


class Method(Generic[P, R]):
    """Makes an operation class a method of a resource, with the class's own arguments and result type.

    Args:
        operation: The operation class.
    """

    def __init__(self, operation: Callable[P, Operation[R]]) -> None:
        self.operation = operation
        self.__doc__ = operation.__doc__

    @overload
    def __get__(self, resource: None, owner: type[Resource]) -> Method[P, R]: ...
    @overload
    def __get__(self, resource: Resource, owner: type[Resource]) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, resource: Resource | None, owner: type[Resource]) -> Method[P, R] | Callable[P, Awaitable[R]]:
        """Return the bound method; on the class, the description itself."""
        if resource is None:
            return self

        @functools.wraps(self.operation, updated=())
        def method(*args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
            return resource.call(self.operation(*args, **kwargs))

        return method
