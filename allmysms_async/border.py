"""The border between this library and its user: an error that crosses it tells where it came from, and no variables.

Whoever shows an error with the variables of its frames (rich's tracebacks, ``capture_locals``, services that collect
errors) would show numbers, texts and keys, of this library's frames and of those of the libraries below. So each entry
of a traceback is told again, by a frame that has the same file, line and function, and no variables. The frames of
whoever calls are added above, as ever, and are theirs.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, TypeVar, cast

__all__ = ["border", "bordered", "retell"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

# Of the methods that Python calls by itself, those whose arguments or errors are a user's business.
_CROSSED = frozenset({"__init__", "__post_init__", "__aenter__", "__aexit__", "__aiter__", "__call__"})


def _nothing() -> Iterator[None]:
    """Be the code of a frame that never runs: only a generator has one before it begins."""
    yield


# Every instruction on the function's first line, and no columns: the format of PEP 626's successor, since Python 3.11.
_ONE_LINE = bytes([0x80 | 13 << 3 | 7, 0])


def _without_columns() -> tuple[CodeType, int]:
    """Return the code of such a frame, and which instruction a traceback's entry is to name.

    The columns of another line would underline nonsense; -1 says that there are none, which prints a blank line.
    """
    code = _nothing.__code__.replace(co_linetable=_ONE_LINE)
    first = code.co_firstlineno
    if next(iter(code.co_positions()), None) == (first, first, None, None):
        return code, 0
    return _nothing.__code__, -1


_CODE, _INSTRUCTION = _without_columns()


def _bare(frame: FrameType, line: int) -> FrameType:
    """Return a frame with the same file, function and line as another, that holds nothing."""
    told = frame.f_code
    code = _CODE.replace(
        co_filename=told.co_filename, co_name=told.co_name, co_qualname=told.co_qualname, co_firstlineno=line
    )
    # What the source lines are found by, for whoever prints them.
    known = {name: frame.f_globals.get(name) for name in ("__name__", "__loader__")}
    generator = FunctionType(code, known)()
    return cast("FrameType", generator.gi_frame)


def _retold(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback of the same places, without variables; this module's own are left out."""
    places: list[tuple[FrameType, int]] = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            places.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    told: TracebackType | None = None
    for frame, line in reversed(places):
        told = TracebackType(told, _bare(frame, line), _INSTRUCTION, line)
    return told


def _is_quoting(error: BaseException | None) -> bool:
    """Tell whether an error holds the very text or bytes that it is about."""
    return isinstance(error, UnicodeError)


def retell(error: BaseException, outer: BaseException | None = None) -> None:
    """Take the variables out of an error's traceback, and out of those of whatever led to it.

    What is not shown anyway (``from None``), or quotes what it is about, is let go of.

    Args:
        error: The error; it is changed, so that ``raise`` goes on with it.
        outer: What the caller was handling already: it, and whatever led to it, is the caller's.
    """
    seen = {id(outer)}
    waiting: list[BaseException] = [error]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        # Set as the interpreter does: a class of the user's may forbid that its errors are changed.
        _set(one, "__traceback__", _retold(one.__traceback__))
        if _is_quoting(one.__cause__):
            _set(one, "__cause__", None)
        hidden = one.__suppress_context__ and one.__context__ is not one.__cause__
        if one.__context__ is not outer and (hidden or _is_quoting(one.__context__)):
            _set(one, "__context__", None)
        led = [one.__cause__, one.__context__, *vars(one).values()]
        if isinstance(one, BaseExceptionGroup):
            led.extend(cast("Any", one).exceptions)
        waiting.extend(before for before in led if isinstance(before, BaseException))


def _set(error: BaseException, name: str, value: object) -> None:
    """Set what every error has."""
    vars(BaseException)[name].__set__(error, value)


def border(function: F) -> F:
    """Return a function whose errors tell no variables: for what users call, be it a coroutine function or not."""
    crossing: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def later(*args: Any, **kwargs: Any) -> Any:
            outer = sys.exception()
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                retell(error, outer)
                raise

        crossing = later

    elif inspect.isasyncgenfunction(function):

        async def each_later(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            outer = sys.exception()
            try:
                async with aclosing(cast("AsyncGenerator[Any, None]", function(*args, **kwargs))) as items:
                    async for item in items:
                        yield item
            except BaseException as error:
                retell(error, outer)
                raise

        crossing = each_later

    elif inspect.isgeneratorfunction(function):

        def each(*args: Any, **kwargs: Any) -> Iterator[Any]:
            outer = sys.exception()
            try:
                yield from function(*args, **kwargs)
            except BaseException as error:
                retell(error, outer)
                raise

        crossing = each

    else:

        def plain(*args: Any, **kwargs: Any) -> Any:
            outer = sys.exception()
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                retell(error, outer)
                raise

        crossing = plain

    return cast("F", functools.wraps(function)(crossing))


def bordered(cls: type[T]) -> type[T]:
    """Make every method of a class that users call a border."""
    for name, method in list(vars(cls).items()):
        if name.startswith("_") and name not in _CROSSED:
            continue
        if inspect.isfunction(method):
            setattr(cls, name, border(method))
        elif isinstance(method, classmethod | staticmethod):
            made = cast("Any", method)
            setattr(cls, name, type(made)(border(made.__func__)))
    return cls
