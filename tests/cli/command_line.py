"""The command line in a process that is forked from one that has imported it."""

import json
import sys

from allmysms_async.cli import console

LATER = (
    "allmysms_async.cli.campaign",
    "allmysms_async.cli.command",
    "allmysms_async.cli.ending",
    "allmysms_async.cli.login",
    "allmysms_async.cli.send",
    "allmysms_async.journal",
    "allmysms_async.journal.sqlite",
    "allmysms_async.protocols.rest",
    "allmysms_async.sandbox",
    "allmysms_async.transports.h11",
    "encodings.idna",
    "sqlalchemy.dialects.sqlite",
    "uvicorn",
)
"""What is imported only once it is needed."""


def work(task: str) -> int:
    """Do what a console script does with these words, and return its exit code."""
    sys.argv = ["allmysms", *json.loads(task)]
    return console()
