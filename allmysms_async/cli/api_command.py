"""The command ``allmysms api``, and its options."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from allmysms_async.cli import option
from allmysms_async.cli.option_group import as_json_option

__all__ = ["api"]


def _methods(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the methods that a word may become, for a shell."""
    from allmysms_async.cli.api import operations

    return [name for name in operations() if name.lower().startswith(incomplete.lower())]


@click.command("api")
@click.argument("method", required=False, shell_complete=_methods)
@click.argument("fields", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--list", "listed", is_flag=True, help="List the methods.")
@click.option("--fields", "described", is_flag=True, help="Say what METHOD takes, and send nothing.")
@click.option("--sub-account", callback=option.unlike_nothing, metavar="LOGIN", help="Ask in a sub-account's name.")
@click.option(
    "--output",
    type=option.FilePath(path_type=Path, dir_okay=False),
    help="File for what downloadMedia fetches.",
)
@as_json_option
def api(
    method: str | None,
    fields: tuple[str, ...],
    listed: bool,
    described: bool,
    sub_account: str | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Call METHOD of the HTTPS API v9, one attempt: 'allmysms api getCampaignInfo campaign_id=ec12…'.

    A key that is given several times is a list; what begins with [ or { is JSON; a password is given as KEY=- and asked
    for, or read from standard input. Dates are as 2027-03-02T10:00, of Paris unless they have a zone.
    """
    from allmysms_async.cli import api as commands

    if listed or method is None:
        return commands.list_methods(machine=as_json)
    if described:
        return commands.describe(method, machine=as_json)
    return asyncio.run(commands.call(method, fields, sub_account=sub_account, output=output, machine=as_json))
