"""Where the login, the key and the server's address come from: the environment or a prompt, never an option."""

from __future__ import annotations

import os
import sys

import click

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.cli import screen
from allmysms_async.cli.ending import say
from allmysms_async.cli.logs import is_quiet
from allmysms_async.cli.outlet import patient
from allmysms_async.cli.profile import beaten, settings
from allmysms_async.cli.signals import at_once
from allmysms_async.environment import API_KEY, BASE_URL, LOGIN
from allmysms_async.service import SmsService

__all__ = ["CAMPAIGN_POLICY", "SEND_POLICY", "ask", "service"]

CAMPAIGN_POLICY = RetryPolicy(attempts=8, deadline=120.0, cap=20.0)
"""Somebody watches: two minutes of trying each request are enough."""

SEND_POLICY = RetryPolicy(attempts=5, deadline=60.0, cap=8.0)
"""For ``send``."""

# The terminal's own error is none of the system's; Windows has no such module.
_GONE = (OSError, getattr(sys.modules.get("termios"), "error", OSError))


def service() -> SmsService:
    """Return the service for the account of the environment or a profile, asking a person for what is missing.

    Raises:
        InvalidRequest: A variable is missing, and nobody is there to be asked, or it cannot be right.
    """
    found = settings()
    if not is_quiet():
        for warning in beaten(found):
            say(warning)
    asked = {
        LOGIN: _value(found[LOGIN].value, "Login", hidden=False),
        API_KEY: _value(found[API_KEY].value, "API key", hidden=True),
        BASE_URL: found[BASE_URL].value,
    }
    return SmsService.from_env(os.environ | asked, policy=CAMPAIGN_POLICY, send_policy=SEND_POLICY, grace=10.0)


def _value(value: str, label: str, *, hidden: bool) -> str:
    """Return a value that there is, or what a person types."""
    return value if value or not screen.stdin_is_terminal() else ask(label, hidden=hidden).strip()


def ask(label: str, *, hidden: bool) -> str:
    """Return what a person types at a terminal.

    Args:
        label: What is asked for.
        hidden: Whether it is not shown.

    Raises:
        Abort: The person leaves, or the terminal is gone.
    """
    try:
        with patient(), at_once():
            return str(click.prompt(label, hide_input=True, err=True)) if hidden else _line(label)
    except _GONE:  # the terminal went away
        raise click.Abort from None


def _line(label: str) -> str:
    """Return a line that a person types; Python's own ``input`` loses a signal that comes just before it reads.

    Raises:
        Abort: There is none.
    """
    value = ""
    while not value:
        click.echo(f"{label}: ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        value = line.strip()
    return value
