"""The command line: ``allmysms demo | sandbox | send | campaign run``.

Exit codes: 0 everybody accepted, 1 some not, 2 bad usage, 3 stopped (credits, login, Ctrl-C), 4 a file that was asked
for could not be written, 70 a defect. What is printed and not read changes none of them.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Generator, Sequence

from allmysms_async.cli.outlet import sheltered
from allmysms_async.cli.signals import like_ctrl_c

__all__ = ["console", "freeze", "main"]

_EXTRA = {"click", "rich"}
_freezes = False


def console() -> int:
    """Run the command line as a process of its own, and return its exit code, which no signal changes any more."""
    global _freezes
    _freezes = True
    return _run(None, leaving=True)


def freeze() -> None:
    """Let the garbage collector pass over what was imported, in a process of one's own: a full pass holds everything.

    A program that goes on has objects of its own, and decides for itself.
    """
    if _freezes:
        gc.collect()
        gc.freeze()


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line in a program that goes on, and return its exit code.

    Args:
        args: The words after ``allmysms``; those of the process by default.
    """
    return _run(args, leaving=False)


@contextlib.contextmanager
def _imports_that_stay() -> Generator[None, None, None]:
    """Have the garbage collector pass over what is imported now or was before, which stays until the process ends.

    Looking through it while it is imported, and once more at the exit, takes a tenth of the time that a start does.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _run(args: Sequence[str] | None, *, leaving: bool) -> int:
    with like_ctrl_c(leaving=leaving), sheltered():
        try:
            with _imports_that_stay() if leaving else contextlib.nullcontext():
                from allmysms_async.cli.command import allmysms
                from allmysms_async.cli.ending import guarded
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA:
                raise
            sys.stderr.write(f'The command line needs {error.name}: run pip install "allmysms_async[cli]".\n')
            return 2
        except KeyboardInterrupt:
            return 3
        return guarded(allmysms, args)
