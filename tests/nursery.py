"""A process that has imported what others need, and forks one whenever it is asked to.

Who is killed a hundred times would else import the same modules a hundred times, which costs more than what it does.
Nothing is opened here and no thread is started, so that a process has of its parent what it would have imported.

Its one argument is the socket on which it is asked, in lines of JSON: ``{"module": …, "task": …}`` with the process's
streams and a pipe for its end, or ``{"signal": …, "pid": …}``. The answer to either is a line with the process, or 0.
A module is imported when it is first asked for; what it names as ``LATER``, too.

A process that is forked does at its end what Python does there: it waits for its threads, runs what was registered, has
its garbage speak up, and writes out its streams. It does not take its modules apart as well, which takes three times as
long as a short life, unless its module says ``TO_THE_END``.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType


def imported(place: str) -> ModuleType:
    """Return a module of the tests, with what it imports only once that is needed."""
    path = Path(place)
    sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))
    for name in getattr(module, "LATER", ()):
        importlib.import_module(name)
    # Who is forked neither looks through it for garbage nor, by doing so, copies it.
    gc.freeze()
    return module


def reap(ends: dict[int, int]) -> None:
    """Tell how those ended that have."""
    while ends:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = ends.pop(pid)
        os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(end)


def live(module: ModuleType, task: str, codes: list[int]) -> object:
    """Do a task, and return its exit code, with which the process may leave."""
    code = module.work(task)
    if not getattr(module, "TO_THE_END", False):
        codes.append(code or 0)
    return code


def leave(code: int) -> None:
    """End here, unless Python has to say that the streams cannot be written, or coverage writes what it measured."""
    if "coverage" in sys.modules:
        return
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def serve(door: socket.socket, codes: list[int]) -> Callable[[], object] | None:
    """Fork until nobody asks any more; return the work of a process that was forked, and None in the one that forks.

    Args:
        door: Where it is asked.
        codes: Where a process that was forked notes the code that it may leave with.
    """
    ends: dict[int, int] = {}
    bell, rope = os.pipe()
    for each in (bell, rope):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(rope)
    # Ctrl-C in a terminal is for whoever runs the tests: this process ends with its socket.
    usual = {
        signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda *_: None),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
    }
    while True:
        if bell in select.select([door, bell], [], [])[0]:
            os.read(bell, 4096)
            reap(ends)
            continue
        line, files, *_ = socket.recv_fds(door, 1 << 16, 4)
        if not line:
            return None
        while not line.endswith(b"\n"):
            line += door.recv(1 << 16)
        asked = json.loads(line)
        if "signal" in asked:
            # Only one that was not waited for has its number for sure.
            pid = asked["pid"] if asked["pid"] in ends else 0
            if pid:
                os.kill(pid, asked["signal"])
        else:
            *streams, end = files
            module = imported(asked["module"])
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for number, handler in usual.items():
                    signal.signal(number, handler)
                for number, each in zip(asked["streams"], streams, strict=True):
                    os.dup2(each, number)
                for each in (*streams, bell, rope, end, *ends.values()):
                    os.close(each)
                door.close()
                os.environ.clear()
                os.environ.update(asked["environment"])
                return functools.partial(live, module, asked["task"], codes)
            for each in streams:
                os.close(each)
            ends[pid] = end
        door.sendall(b"%d\n" % pid)


if __name__ == "__main__":
    codes: list[int] = []
    # What is registered first runs last.
    atexit.register(lambda: [leave(code) for code in codes])
    with socket.socket(fileno=int(sys.argv[1])) as given:
        wanted = serve(given, codes)
    if wanted is not None:
        sys.exit(wanted())
