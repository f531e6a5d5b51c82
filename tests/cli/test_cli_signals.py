"""Signals while a person is waited for."""

import asyncio
import signal
import sys

import pytest

from .conftest import finish

BETWEEN = """
import os, signal, sys, threading, time
from pathlib import Path
from allmysms_async.cli.signals import at_once, like_ctrl_c

def between():
    # The system interrupts the thread that it gives a signal to: this one. It is to the main thread as one that comes
    # after Python's last look and before the read.
    while "0x0" not in Path(f"/proc/self/task/{os.getpid()}/syscall").read_text().split()[1:2]:
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), int(sys.argv[1]))

with like_ctrl_c(), at_once():
    threading.Thread(target=between, daemon=True).start()
    try:
        sys.stdin.readline()
    except KeyboardInterrupt:
        print("interrupted")
assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signal_just_before_a_read_ends_it(number: signal.Signals) -> None:
    """A signal that comes between Python's last look for one and its read does not wait for a person to type."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BETWEEN, str(int(number)), stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 250) == b"interrupted\n"
        assert await asyncio.wait_for(process.wait(), 250) == 0
    finally:
        await finish(process)
