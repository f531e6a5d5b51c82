"""A process of its own has the garbage collector pass over what it imported; a program that goes on is left alone."""

import gc
import subprocess
import sys

import allmysms_async.cli

COUNT = """
import gc, sys
import allmysms_async.cli as cli
from allmysms_async.cli import command
before = gc.get_freeze_count()  # some Pythons begin with a few
cli._run = lambda args, leaving: cli.freeze() or gc.get_freeze_count()
assert (cli.main() == before) and (cli.console() > 10_000), gc.get_freeze_count()
"""


def test_own_process_freezes_what_it_imported():
    """Only ``console``, which no program calls that goes on, freezes."""
    ended = subprocess.run([sys.executable, "-c", COUNT], check=False, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_program_that_goes_on_is_not_frozen():
    """Whoever calls ``main`` keeps its objects looked after."""
    before = gc.get_freeze_count()
    allmysms_async.cli.freeze()
    assert gc.get_freeze_count() == before
