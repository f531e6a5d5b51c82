"""``allmysms config show``: what the command line is told of the account, and by whom."""

from __future__ import annotations

import click

from allmysms_async.cli.ending import ExitCode, say
from allmysms_async.cli.profile import config_path, settings
from allmysms_async.cli.show import as_json, print_rows
from allmysms_async.environment import API_KEY

__all__ = ["show"]

_NAMES = {"ALLMYSMS_LOGIN": "login", "ALLMYSMS_API_KEY": "api_key", "ALLMYSMS_BASE_URL": "base_url"}


def show(*, machine: bool) -> int:
    """Print login, key and address with their sources; return the exit code."""
    found = settings()
    told = {
        _NAMES[variable]: {
            "value": ("…" if each.value else None) if variable == API_KEY else each.value or None,
            "source": each.source,
        }
        for variable, each in found.items()
    }
    for variable, each in found.items():
        if each.beaten:
            say(f"{variable} of the environment takes the place of what {each.beaten} says.")
    if machine:
        click.echo(as_json(told | {"file": str(config_path())}))
        return ExitCode.ALL_ACCEPTED
    print_rows(
        ("name", "value", "from"),
        [(name, each["value"] or "none", each["source"]) for name, each in told.items()],
        nothing="",
    )
    return ExitCode.ALL_ACCEPTED
