"""The commands of ``allmysms opt-outs``, and their options."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from allmysms_async.cli import option
from allmysms_async.cli.option_group import JOURNAL, as_json_option, journal_option, reading_options

__all__ = ["opt_outs"]


@click.group("opt-outs")
def opt_outs() -> None:
    """Keep a list of who may not be texted any more, in a journal.

    A campaign with that journal leaves them out. STOPs that 'webhooks listen' or a receiver takes in are on it.
    """


@opt_outs.command("import")
@reading_options
@journal_option
@as_json_option
def import_opt_outs(journal: str, as_json: bool, **reading: Any) -> int:
    """Put everybody in FILE on the list, from now on: a CSV file, or a spreadsheet's own (.xlsx, .xls, .ods).

    Whoever is on it already stays there as before. Rows whose number cannot be read are passed over and counted, with
    exit code 1.
    """
    from allmysms_async.cli import opt_out_list as commands
    from allmysms_async.cli.recipients import ListOptions

    return commands.take_in(ListOptions(params=(), **reading), journal, machine=as_json)


@opt_outs.command("export")
@click.argument("file", type=option.FilePath(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.option("--ended", is_flag=True, help="Also those that ended, by a START or a removal: they may be texted.")
@journal_option
def export_opt_outs(file: Path, ended: bool, journal: str) -> int:
    """Write the list to FILE as CSV (- or nothing: standard output), with whole numbers.

    The columns are phone, since, source, reason, ended_at. A file is its owner's alone.
    """
    from allmysms_async.cli import opt_out_list as commands

    return asyncio.run(commands.export(None if str(file) == "-" else file, journal, ended=ended))


@opt_outs.command("show")
@click.option("--number", callback=option.unlike_nothing, help="What is known of this number.")
@click.option("--gateway", is_flag=True, help="The gateway's own list, and not a journal's.")
@click.option(
    "--journal",
    envvar=JOURNAL,
    show_envvar=True,
    callback=option.place,
    help="File, or postgresql:// URL, that what comes back is kept in.",
)
@as_json_option
def show_opt_outs(number: str | None, gateway: bool, journal: str | None, as_json: bool) -> int:
    """Say how many are on the list, by what told of them and why."""
    from allmysms_async.cli import opt_out_list as commands

    if gateway:
        if number is not None:
            msg = "--gateway and --number do not go together."
            raise click.UsageError(msg)
        return asyncio.run(commands.show_gateway(machine=as_json))
    if journal is None:
        msg = f"Name a --journal, or set {JOURNAL}; --gateway asks for the gateway's own list."
        raise click.UsageError(msg)
    if number is not None:
        return asyncio.run(commands.show_one(number, journal, machine=as_json))
    return asyncio.run(commands.show(journal, machine=as_json))


@opt_outs.command("remove")
@click.argument("number")
@journal_option
def remove_opt_out(number: str, journal: str) -> int:
    """Let NUMBER be texted again, until its next STOP; only its owner may ask for that."""
    from allmysms_async.cli import opt_out_list as commands

    return asyncio.run(commands.remove(number, journal))
