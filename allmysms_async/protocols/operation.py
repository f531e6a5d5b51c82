"""What the protocols' operations have in common: an operation class becomes a method of a resource, fully typed."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, overload

from allmysms_async.backend import Replay
from allmysms_async.border import border
from allmysms_async.redaction import Discreet

__all__ = ["BaseOperation", "Method", "Resource"]

R = TypeVar("R")
P = ParamSpec("P")


class BaseOperation(Discreet, Generic[R], frozen=True):
    """Base of every protocol's operations; R is the type of the result.

    Class attributes:
        replay: Whether it may be repeated when its outcome is not known; only what changes nothing says ``safe``.
    """

    replay: ClassVar[Replay] = "never"


class Resource:
    """A group of operations on one kind of thing.

    Args:
        call: What sends an operation and reads its answer.
    """

    def __init__(self, call: Callable[[Any], Awaitable[Any]]) -> None:
        self._call = call

    @property
    def call(self) -> Callable[[Any], Awaitable[Any]]:
        """What sends an operation and reads its answer."""
        return self._call


class Method(Generic[P, R]):
    """Makes an operation class a method of a resource, with the class's own arguments and result type.

    Args:
        operation: The operation class.
    """

    def __init__(self, operation: Callable[P, BaseOperation[R]]) -> None:
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

        @border
        @functools.wraps(self.operation, updated=())
        def method(*args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
            return resource.call(self.operation(*args, **kwargs))

        return method
