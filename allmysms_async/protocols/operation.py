"""What the protocols' operations have in common: an operation class becomes a method of a resource, fully typed."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, overload

from allmysms_async.backend import Replay
from allmysms_async.border import border
from allmysms_async.redaction import Discreet, Shown

__all__ = ["BaseOperation", "BaseRoute", "Method", "Resource"]

R = TypeVar("R")
P = ParamSpec("P")


class BaseRoute(Shown, frozen=True):
    """How an operation is called; each protocol's own route says more.

    Attributes:
        name: Its name on the wire, and in errors.
        replay: Whether it may be repeated when its outcome is not known; only what changes nothing says ``safe``.
    """

    name: str
    replay: Replay


class BaseOperation(Discreet, Generic[R], frozen=True):
    """Base of every protocol's operations; R is the type of the result.

    Class attributes:
        name: Its route's.
        replay: Its route's.
    """

    name: ClassVar[str]
    replay: ClassVar[Replay] = "never"

    def __init_subclass__(cls, **options: Any) -> None:
        """Give an operation the name and the class of replay of its ``route``."""
        super().__init_subclass__(**options)
        route = vars(cls).get("route")
        if isinstance(route, BaseRoute):
            cls.name, cls.replay = route.name, route.replay

    @classmethod
    def result_type(cls) -> type[R]:
        """Return the class that the answer is read as."""
        for base in getattr(cls, "__orig_bases__", ()):
            if isinstance(kind := typing.get_origin(base), type) and issubclass(kind, BaseOperation):
                return typing.cast("type[R]", typing.get_args(base)[0])
        msg = f"{cls.__name__} does not say its result, as in Operation[Result]."
        raise TypeError(msg)


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


@functools.cache
def _shown(operation: type[BaseOperation[Any]]) -> tuple[inspect.Signature, dict[str, Any]]:
    """Return the signature and the annotations of an operation's method, with types in place of their names."""
    hints = typing.get_type_hints(operation)
    parameters = inspect.signature(operation).parameters.values()
    result: Any = Awaitable[operation.result_type()]  # type: ignore[misc]  # it is known at run time alone
    signature = inspect.Signature(
        [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters], return_annotation=result
    )
    return signature, {parameter.name: hints[parameter.name] for parameter in parameters} | {"return": result}


class Method(Generic[P, R]):
    """Makes an operation class a method of a resource, with the class's own arguments and result type.

    Args:
        operation: The operation class.
    """

    def __init__(self, operation: Callable[P, BaseOperation[R]]) -> None:
        self.operation = operation
        self.__doc__ = operation.__doc__

    def __set_name__(self, owner: type[Resource], name: str) -> None:
        """Learn the method's name."""
        self._name, self._owner = name, owner.__qualname__

    @overload
    def __get__(self, resource: None, owner: type[Resource]) -> Method[P, R]: ...
    @overload
    def __get__(self, resource: Resource, owner: type[Resource]) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, resource: Resource | None, owner: type[Resource]) -> Method[P, R] | Callable[P, Awaitable[R]]:
        """Return the bound method; on the class, the description itself."""
        if resource is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
            return resource.call(self.operation(*args, **kwargs))

        bound: Any = border(method)
        del bound.__wrapped__  # it takes any arguments, which is not what whoever inspects the method shall find
        bound.__signature__, annotations = _shown(typing.cast("type[BaseOperation[R]]", self.operation))
        bound.__annotations__ = dict(annotations)
        bound.__name__, bound.__qualname__ = self._name, f"{self._owner}.{self._name}"
        bound.__module__, bound.__doc__ = self.operation.__module__, self.__doc__
        return typing.cast("Callable[P, Awaitable[R]]", bound)
