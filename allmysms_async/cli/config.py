"""``allmysms config show``: what the command line is told of the account, and by whom."""

from __future__ import annotations

import re

import click

from allmysms_async.cli.ending import ExitCode, say
from allmysms_async.cli.profile import beaten, config_path, settings
from allmysms_async.cli.show import as_json, print_rows
from allmysms_async.environment import API_KEY, BASE_URL

__all__ = ["show"]

_NAMES = {"ALLMYSMS_LOGIN": "login", "ALLMYSMS_API_KEY": "api_key", "ALLMYSMS_BASE_URL": "base_url"}


def show(*, machine: bool) -> int:
    """Print login, key and address with their sources; return the exit code."""
    found = settings()
    told = {
        _NAMES[variable]: {
            "value": _shown(variable, each.value) or None,
            "source": each.source,
        }
        for variable, each in found.items()
    }
    for warning in beaten(found):
        say(warning)
    if machine:
        path = config_path()
        click.echo(as_json(told | {"file": None if path is None else str(path)}))
        return ExitCode.ALL_ACCEPTED
    print_rows(
        ("name", "value", "from"),
        [(name, each["value"] or "none", each["source"]) for name, each in told.items()],
        nothing="",
    )
    return ExitCode.ALL_ACCEPTED


def _shown(variable: str, value: str) -> str:
    """Return a value without what is secret: the key, and credentials that somebody put into the address."""
    if variable == API_KEY:
        return "…" if value else ""
    return re.sub(r"(//)?[^/]*@", r"\1…@", value) if variable == BASE_URL else value
