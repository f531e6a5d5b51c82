"""``allmysms worker`` and ``allmysms campaign submit | pause | stop``: one campaign over many machines."""

from __future__ import annotations

from typing import Any

import click

from allmysms_async.cli import option
from allmysms_async.cli.option_group import (
    JOURNAL,
    as_json_option,
    campaign_options,
    list_options,
    quiet_hours_options,
    sender_options,
    sending_options,
    wording_options,
)

__all__ = ["pause", "stop", "submit", "worker"]

_journal = click.argument("journal", envvar=JOURNAL, callback=option.place)
_name = click.option("--name", help="The campaign's; needed if several are placed.")


@click.command()
@list_options
@wording_options
@sender_options
@campaign_options
@quiet_hours_options
@sending_options
@click.option("--priority", type=click.IntRange(-1000, 1000), default=0, help="Those with a higher one are sent first.")
@as_json_option
def submit(priority: int, **words: Any) -> int:
    """Place a text to everybody in FILE, for 'allmysms worker' to send, on as many machines as there are.

    The journal is a postgresql:// URL. After whatever ended it the same command goes on; nobody is placed twice.
    """
    from allmysms_async.cli.campaign import options_of
    from allmysms_async.cli.workers import submit_file

    return submit_file(options_of(words), priority)


@click.command()
@click.option(
    "--journal",
    required=True,
    envvar=JOURNAL,
    show_envvar=True,
    callback=option.place,
    help="postgresql:// URL that campaigns are placed in.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=8, show_default=True, help="Requests in flight here."
)
@click.option(
    "--max-in-flight", type=click.IntRange(0, 100_000), help="Over all machines, from now on; 0 for any number."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 100_000),
    callback=option.share,
    help="Requests a second over all machines, from now on; 0 for any number.",
)
@click.option("--until-idle", is_flag=True, help="End once no campaign is open or paused.")
@click.option("--health-port", type=click.IntRange(0, 65535), help="Serve /live, /ready and /metrics there.")
@click.option("--health-host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 in a container.")
def worker(journal: str, **options: Any) -> int:
    """Send what is placed in the journal for this account, beside as many other workers as there are.

    It ends on Ctrl-C or SIGTERM: what is in flight is answered first. Start it again, or elsewhere, at any time.
    """
    from allmysms_async.cli.workers import work

    return work(journal, **options)


@click.command()
@_journal
@_name
@as_json_option
def pause(journal: str, name: str | None, as_json: bool) -> int:
    """Have every worker leave the campaign in JOURNAL alone, until 'campaign resume'."""
    from allmysms_async.cli.workers import changed

    return changed(journal, name, "paused", machine=as_json)


@click.command()
@_journal
@_name
@as_json_option
def stop(journal: str, name: str | None, as_json: bool) -> int:
    """Have every worker stop the campaign in JOURNAL; the rest stays pending, and 'campaign resume' opens it again."""
    from allmysms_async.cli.workers import changed

    return changed(journal, name, "stopped", machine=as_json)
