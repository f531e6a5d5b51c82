"""Where the login, the key and the server's address come from: the environment or a prompt, never an option."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import click

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.cli import screen
from allmysms_async.cli.outlet import patient
from allmysms_async.cli.signals import at_once
from allmysms_async.errors import InvalidRequest
from allmysms_async.exchange import server_root
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.service import SmsService

__all__ = ["CAMPAIGN_POLICY", "SEND_POLICY", "backend_of_environment", "service"]

CAMPAIGN_POLICY = RetryPolicy(attempts=8, deadline=120.0, cap=20.0)
"""Somebody watches: two minutes of trying each request are enough."""

SEND_POLICY = RetryPolicy(attempts=5, deadline=60.0, cap=8.0)
"""For ``send``."""

_LONGEST_ADDRESS = 2000
# The terminal's own error is none of the system's; Windows has no such module.
_GONE = (OSError, getattr(sys.modules.get("termios"), "error", OSError))


def backend_of_environment() -> RestBackend:
    """Return the backend that the environment describes, asking for what is missing if a person is there.

    Raises:
        UsageError: Something is missing, and nobody is there to be asked.
    """
    login = _value("ALLMYSMS_LOGIN", "Login", hidden=False)
    api_key = _value("ALLMYSMS_API_KEY", "API key", hidden=True)
    base_url = _address(os.environ.get("ALLMYSMS_BASE_URL", "").strip())
    return RestBackend(login, api_key, base_url=base_url) if base_url else RestBackend(login, api_key)


def _address(text: str) -> str:
    """Return an address that can be written as HTTP; what it is instead is not repeated: it may hold a password.

    Raises:
        UsageError: It cannot.
    """
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
        fits = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_ADDRESS
        fits = fits and parts.scheme in {"http", "https"} and bool(host) and port != 0
    except ValueError:
        fits = False
    if text and not fits:
        msg = "ALLMYSMS_BASE_URL is not an address such as https://api.allmysms.com; nothing was sent."
        raise click.UsageError(msg)
    try:
        return server_root(text, allow_plain_http=False) if text else text
    except InvalidRequest:
        msg = (
            "ALLMYSMS_BASE_URL must begin with https:// and hold no login, query or fragment; http:// would show the "
            "key on the way, and is for this machine alone (127.0.0.1, localhost). Nothing was sent."
        )
        raise click.UsageError(msg) from None


def service() -> SmsService:
    """Return the service for the environment's account."""
    return SmsService(backend_of_environment(), policy=CAMPAIGN_POLICY, send_policy=SEND_POLICY, grace=10.0)


def _value(name: str, label: str, *, hidden: bool) -> str:
    """Return a variable of the environment, or what a person types."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if not screen.stdin_is_terminal():
        msg = f"{name} is not set: set ALLMYSMS_LOGIN and ALLMYSMS_API_KEY in the environment."
        raise click.UsageError(msg)
    try:
        with patient(), at_once():
            return str(click.prompt(label, hide_input=True, err=True)).strip() if hidden else _line(label)
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
