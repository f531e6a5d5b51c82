"""A process that has imported what a worker needs, and forks one whenever it is asked to.

Who is killed a hundred times would else import the same modules a hundred times, which costs more than what it does.
Nothing is opened here and no thread is started, so that a worker has of its parent what it would have imported.

Its one argument is the socket on which it is asked, in lines of JSON: ``{"task": …}`` with the worker's standard output
and a pipe for its end, or ``{"signal": …, "pid": …}``. The answer to either is a line with the process, or with 0.
"""

import importlib
import json
import os
import select
import signal
import socket
import sys

import worker

_LATER = (
    "allmysms_async.journal",
    "allmysms_async.protocols.envoyersmspro.window",
    "allmysms_async.protocols.soap.envelope",
    "allmysms_async.transports.h11",
    "allmysms_async.transports.smtp",
    "asyncpg",
    "email.policy",
    "encodings.idna",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite",
)
"""What is imported only once it is needed."""


def reap(ends: dict[int, int]) -> None:
    """Tell how those ended that have."""
    while ends:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = ends.pop(pid)
        os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(end)


def serve(door: socket.socket) -> str | None:
    """Fork until nobody asks any more; return the task in a process that was forked, and None in the one that forks."""
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
        line, files, *_ = socket.recv_fds(door, 1 << 16, 2)
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
            output, end = files
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for number, handler in usual.items():
                    signal.signal(number, handler)
                os.dup2(output, 1)
                for each in (output, bell, rope, end, *ends.values()):
                    os.close(each)
                door.close()
                os.environ.clear()
                os.environ.update(asked["environment"])
                return json.dumps(asked["task"])
            os.close(output)
            ends[pid] = end
        door.sendall(b"%d\n" % pid)


if __name__ == "__main__":
    for name in _LATER:
        importlib.import_module(name)
    with socket.socket(fileno=int(sys.argv[1])) as given:
        wanted = serve(given)
    if wanted is not None:
        worker.work(wanted)
