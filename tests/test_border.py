"""What an error that crosses the border tells: where it came from, and no variables."""

import asyncio
import dataclasses
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from allmysms_async.border import border, bordered

SECRET = "33612345678"


def deep(secret: str) -> None:
    """Fail with a secret at hand, because of something else."""
    try:
        secret.encode("utf-8").decode("ascii").index("x")
    except ValueError as error:
        raise RuntimeError("deep") from error


@border
def plain(secret: str) -> None:
    """Fail below."""
    deep(secret)


@border
async def later(secret: str) -> None:
    """Fail below, after a while."""
    await asyncio.sleep(0)
    deep(secret)


@border
def each(secret: str) -> Iterator[str]:
    """Give something, then fail."""
    yield "one"
    deep(secret)


@border
async def each_later(secret: str) -> AsyncIterator[str]:
    """Give something, then fail."""
    yield "one"
    deep(secret)


@bordered
class Holder:
    """Fails when it is made."""

    def __init__(self, secret: str) -> None:
        """Fail."""
        self.secret = secret
        deep(secret)


async def all_of(items: AsyncIterator[str]) -> list[str]:
    """Return what there is."""
    return [item async for item in items]


CALLS: dict[str, Callable[[], object]] = {
    "function": lambda: plain(SECRET),
    "coroutine": lambda: asyncio.run(later(SECRET)),
    "generator": lambda: list(each(SECRET)),
    "asynchronous generator": lambda: asyncio.run(all_of(each_later(SECRET))),
    "constructor": lambda: Holder(SECRET),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_error_tells_its_places_and_no_variables(call: Callable[[], object]) -> None:
    """The traceback names file, line and function of every frame, and not one variable of those below the border."""
    with pytest.raises(RuntimeError) as caught:
        call()

    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SECRET not in shown
    assert 'raise RuntimeError("deep") from error' in shown
    assert 'decode("ascii").index("x")' in shown
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [frame.f_code.co_name for frame in frames]
    assert names[-1] == "deep"
    assert not any("crossing" in name for name in names)
    assert frames[-1].f_locals == {}
    assert frames[-1].f_back is None
    assert frames[-1].f_globals["__name__"] == __name__


def test_a_line_is_underlined_nowhere_and_left_blank_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """What Python itself prints of such an error has the lines of the source, and no marks under others."""
    try:
        plain(SECRET)
    except RuntimeError as error:
        sys.__excepthook__(type(error), error, error.__traceback__)
    lines = capfd.readouterr().err.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "deep(secret)")
    assert lines[at + 1].lstrip().startswith("File ")


def test_what_the_caller_was_handling_keeps_its_variables() -> None:
    """An error that the caller was handling already is the caller's, with everything that led to it."""

    def own() -> None:
        here = "mine"
        raise KeyError(here)

    def handling() -> None:
        try:
            own()
        except KeyError:
            plain(SECRET)

    with pytest.raises(RuntimeError) as caught:
        handling()

    before = caught.value.__cause__.__context__ if caught.value.__cause__ is not None else None
    assert isinstance(before, KeyError)
    assert [frame.f_locals.get("here") for frame, _ in traceback.walk_tb(before.__traceback__)][-1] == "mine"


def test_an_error_that_quotes_what_it_is_about_is_let_go_of() -> None:
    """A UnicodeError holds the whole text: whatever it led to does not hold it."""

    @border
    def fail(text: str) -> None:
        try:
            text.encode("ascii")
        except UnicodeEncodeError as error:
            raise ValueError("no") from error

    with pytest.raises(ValueError, match="no") as caught:
        fail("é" + SECRET)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_generator_that_is_left_early_is_closed() -> None:
    """Leaving an asynchronous generator closes what is below the border at once."""
    closed = []

    @border
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    items = numbers()
    assert await anext(items) == 1
    await items.aclose()  # type: ignore[attr-defined]
    assert closed == [True]


@dataclasses.dataclass(frozen=True)
class Unchanging(Exception):
    """An error of a class that forbids to change it."""

    secret: str


def test_an_error_that_cannot_be_changed_crosses_as_it_is() -> None:
    """Whatever class the user's own error is of, it is that error which comes out, and its frames hold nothing."""

    @border
    def fail() -> None:
        own = "secret words"
        raise Unchanging(own)

    with pytest.raises(Unchanging) as caught:
        fail()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert not [frame for frame in shown.stack if frame.name == "fail" and frame.locals]


@bordered
class Maker:
    """Makes what it fails to make, without being asked for one of its own first."""

    @classmethod
    def of_class(cls, secret: str) -> None:
        """Fail."""
        deep(secret)

    @staticmethod
    def of_none(secret: str) -> None:
        """Fail."""
        deep(secret)


@pytest.mark.parametrize("make", [Maker.of_class, Maker.of_none, Maker().of_class])
def test_what_a_class_makes_crosses_the_border_too(make: Callable[[str], None]) -> None:
    """The error of a class method or a static one that users call tells no variables either."""
    with pytest.raises(RuntimeError) as caught:
        make(SECRET)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if frame.name in {"of_class", "of_none", "deep"}]
    assert len(ours) == 2
    assert not any(frame.locals for frame in ours)
