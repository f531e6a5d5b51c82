"""Signals that end a command: Ctrl-C, a request to terminate, and a terminal that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from types import FrameType

from allmysms_async.cli.writer import hurry

__all__ = ["at_once", "like_ctrl_c", "on_signals", "settle"]

# Windows has no terminal that goes away.
_HANG_UP: int | None = getattr(signal, "SIGHUP", None)

# Seconds: nobody waits longer for a signal, and a process that waits for a person does nothing much.
_BEAT = 0.25

# The signals that `settle` may take, while a command runs.
_taken: list[int] = []


def _numbers() -> list[int]:
    """Return the signals to take, but for those that somebody had ignored.

    nohup does so with a hang-up, and a shell with Ctrl-C for what it starts in the background.
    """
    every = [signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])]
    ignored = (signal.SIG_IGN, _passed_over)
    return [number for number in every if number == signal.SIGTERM or signal.getsignal(number) not in ignored]


@contextlib.contextmanager
def on_signals(action: Callable[[], object], *, last: bool = False) -> Generator[None, None, None]:
    """Call a function on Ctrl-C, on a request to terminate and when the terminal goes away, instead of the usual.

    A terminal that goes away is told of by both the system and the shell: only one is heard, and only as the first.

    Args:
        action: The function.
        last: Whether nothing comes afterwards that could still be stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        # There Ctrl-C cancels the task, which stops the run as well.
        yield
        return
    loop = asyncio.get_running_loop()
    heard = False
    gone: set[int] = set()

    def hear(number: int) -> None:
        nonlocal heard
        hurry()
        if number == _HANG_UP:
            gone.add(number)
        if number != _HANG_UP or not heard:
            heard = True
            action()

    def wake(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hear, number)

    # A loop's own handlers fall back to the system's action before they give way to others: what comes in between ends
    # the process. One handler takes the place of another in one step.
    before = {number: signal.getsignal(number) for number in _numbers()}
    for number in before:
        signal.signal(number, wake)
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, _passed_over if number in gone else usual or signal.SIG_DFL)
        if last:
            settle()


def _passed_over(number: int, frame: FrameType | None) -> None:
    """Do nothing: the terminal is gone already."""


@contextlib.contextmanager
def like_ctrl_c(*, leaving: bool = False) -> Generator[None, None, None]:
    """Let a request to terminate and a terminal that goes away do what Ctrl-C does at that moment.

    Args:
        leaving: Whether the process ends afterwards: no signal changes its exit code any more. Else all is as before.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        hurry()
        if number == _HANG_UP:
            signal.signal(number, _passed_over)
        usual = signal.getsignal(signal.SIGINT)
        (usual if callable(usual) else signal.default_int_handler)(signal.SIGINT, frame)

    before = {
        number: signal.getsignal(number)
        for number in _numbers()
        if number == signal.SIGINT or signal.getsignal(number) is signal.SIG_DFL
    }
    for number in before:
        if number != signal.SIGINT:
            signal.signal(number, interrupt)
    _taken[:] = before
    try:
        yield
    finally:
        _taken.clear()
        for number, usual in before.items():
            if leaving:
                with _held_back([number]):
                    signal.signal(number, signal.SIG_IGN)
            elif signal.getsignal(number) in {interrupt, _settled}:
                signal.signal(number, usual)


@contextlib.contextmanager
def _held_back(numbers: Iterable[int]) -> Generator[None, None, None]:
    """Hold signals back while they are set to be ignored; Python says so on stderr of one that comes in between."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settled(number: int, frame: FrameType | None) -> None:
    """Change nothing any more, but wait for no reader without end."""
    hurry()


def settle() -> None:
    """Say that the exit code is known: a signal from now on does not change it."""
    if threading.current_thread() is threading.main_thread():
        for number in _taken:
            if signal.getsignal(number) not in (signal.SIG_IGN, _passed_over):
                signal.signal(number, _settled)


@contextlib.contextmanager
def at_once() -> Generator[None, None, None]:
    """Have Ctrl-C end what is read from a person or a pipe, where an event loop would first wait for its end.

    A signal that comes between Python's last look for one and its read would wait for the read: while this lasts a beat
    interrupts the read, and Python looks again.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _beating():
            yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextlib.contextmanager
def _beating() -> Generator[None, None, None]:
    """Interrupt the main thread's system calls every now and then; nobody else's alarm is touched."""
    if not hasattr(signal, "setitimer") or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGALRM, _nothing)
    signal.setitimer(signal.ITIMER_REAL, _BEAT, _BEAT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Only be called: what was to be looked for is looked for before."""
