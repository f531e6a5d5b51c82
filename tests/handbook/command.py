"""The command line in a process that is forked, at a moment that it is told."""

import json
import sys
from datetime import UTC, datetime

from cli.command_line import LATER as _COMMANDS

from allmysms_async.cli import console
from allmysms_async.clock import SystemClock

LATER = (
    *_COMMANDS,
    "allmysms_async.cli.stand_in",
    "allmysms_async.cli.workers",
    "asyncpg",
    "procrastinate",
    "procrastinate.builtin_tasks",
    "procrastinate.periodic",
)
"""What is imported only once it is needed."""


def work(task: str) -> int:
    """Do what a console script does with these words, and return its exit code."""
    asked = json.loads(task)
    moment = datetime.fromtimestamp(asked["now"], UTC)
    SystemClock.now = lambda _: moment  # type: ignore[method-assign]
    sys.argv = ["allmysms", *asked["words"]]
    return console()
