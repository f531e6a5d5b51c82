"""Many cases in one test, where making a test of each would take longer than all of them."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["each"]


def each(
    names: str | tuple[str, ...], cases: Iterable[Any], ids: Iterable[Any] | Callable[[Any], object] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with every case, as one test; what fails does not keep the others from being run.

    It is for tests that compute a thing and leave nothing behind: the fixtures of all cases are the same objects.

    Args:
        names: The arguments that a case gives, as ``pytest.mark.parametrize`` takes them.
        cases: What they are, likewise.
        ids: What cases are called where they fail, likewise; ``pytest.param`` names its own.
    """
    given = names if isinstance(names, tuple) else tuple(name.strip() for name in names.split(","))

    listed = list(cases)
    called = [None] * len(listed) if ids is None or callable(ids) else list(ids)

    def told(case: Any, name: object) -> tuple[str, tuple[Any, ...]]:
        """Return what a case is called, and its values."""
        own = hasattr(case, "marks")
        assert not own or not case.marks, "a case has no marks of its own"
        values = tuple(case.values) if own else (case,) if len(given) == 1 else tuple(case)
        assert len(values) == len(given), values
        if own and case.id:
            name = case.id
        elif callable(ids):
            name = "-".join(str(ids(value)) for value in values)
        return str(repr(values) if name is None else name), values

    table = [told(case, name) for case, name in zip(listed, called, strict=True)]
    assert table, "no test without a case"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(**fixtures: Any) -> None:
            failed: list[Exception] = []
            for name, values in table:
                try:
                    test(**dict(zip(given, values, strict=True)), **fixtures)
                except Exception as error:
                    error.add_note(f"case: {name}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(table)} cases", failed)

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in given]
        assert len(left) + len(given) == len(signature.parameters), "each name is an argument of the test"
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorate
