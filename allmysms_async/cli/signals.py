"""Signals that end a command: Ctrl-C, a request to terminate, and a terminal that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from types import FrameType

from allmysms_async.cli.outlet import hurry

__all__ = ["like_ctrl_c", "on_signals"]

# Windows has no terminal that goes away.
_HANG_UP: int | None = getattr(signal, "SIGHUP", None)


def _numbers() -> list[int]:
    """Return the signals to take, but for those that somebody had ignored.

    nohup does so with a hang-up, and a shell with Ctrl-C for what it starts in the background.
    """
    every = [signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])]
    return [number for number in every if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN]


@contextlib.contextmanager
def on_signals(action: Callable[[], None]) -> Generator[None, None, None]:
    """Call a function on Ctrl-C, on a request to terminate and when the terminal goes away, instead of the usual.

    A terminal that goes away is told of by both the system and the shell: only one is heard, and only as the first.
    """
    loop = asyncio.get_running_loop()
    heard = False
    gone: set[int] = set()
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def hear(number: int) -> None:
        nonlocal heard
        hurry()
        if number == _HANG_UP:
            gone.add(number)
        if number != _HANG_UP or not heard:
            heard = True
            action()

    # Not on Windows, nor outside the main thread: there Ctrl-C cancels the task, which stops the run as well.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in _numbers():
            usual = signal.getsignal(number)
            loop.add_signal_handler(number, hear, number)
            before[number] = usual
    try:
        yield
    finally:
        if before:  # on no machine without masks; one that comes in between would end the process
            signal.pthread_sigmask(signal.SIG_BLOCK, before)
        for number, usual in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN if number in gone else usual or signal.SIG_DFL)
        if before:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, before)


@contextlib.contextmanager
def like_ctrl_c() -> Generator[None, None, None]:
    """Let a request to terminate and a terminal that goes away do what Ctrl-C does at that moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        hurry()
        if number == _HANG_UP:
            signal.signal(number, signal.SIG_IGN)
        usual = signal.getsignal(signal.SIGINT)
        (usual if callable(usual) else signal.default_int_handler)(signal.SIGINT, frame)

    before = {
        number: signal.signal(number, interrupt)
        for number in _numbers()
        if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, usual in before.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, usual)
