"""The commands that ask the gateway one thing, and their options."""

from __future__ import annotations

import asyncio

import click

from allmysms_async.cli import option
from allmysms_async.cli.option_group import as_json_option

__all__ = ["COMMANDS"]

_campaign_id = click.argument("campaign_id", callback=option.unlike_nothing)
_whole = click.option("--whole", is_flag=True, help="Whole numbers; without it they are masked. --json has them whole.")


@click.command("account")
@as_json_option
def account(as_json: bool) -> int:
    """Show the account's state, credits and balance."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.account(machine=as_json))


@click.command("reports")
@_campaign_id
@_whole
@as_json_option
def reports(campaign_id: str, whole: bool, as_json: bool) -> int:
    """List the delivery reports of the send CAMPAIGN_ID; they may change for 72 hours."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.reports(campaign_id, whole=whole, machine=as_json))


@click.command("replies")
@_campaign_id
@_whole
@as_json_option
def replies(campaign_id: str, whole: bool, as_json: bool) -> int:
    """List what people answered to the send CAMPAIGN_ID.

    Answers to all sends, each of which the gateway hands out once only, are for a receiver or a journal:
    'allmysms webhooks listen', or watch_replies of the library.
    """
    from allmysms_async.cli import ask

    return asyncio.run(ask.replies(campaign_id, whole=whole, machine=as_json))


@click.command("cancel")
@_campaign_id
@as_json_option
def cancel(campaign_id: str, as_json: bool) -> int:
    """Cancel the scheduled send CAMPAIGN_ID."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.cancel(campaign_id, machine=as_json))


@click.command("sub-accounts")
@as_json_option
def sub_accounts(as_json: bool) -> int:
    """List the sub-accounts."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.sub_accounts(machine=as_json))


@click.command("lists")
@as_json_option
def lists(as_json: bool) -> int:
    """List the contact lists that the gateway keeps."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.lists(machine=as_json))


@click.command("prices")
@click.option("--country", callback=option.unlike_nothing, metavar="ISO", help="Of one country, such as FR.")
@as_json_option
def prices(country: str | None, as_json: bool) -> int:
    """List what one text part and one call cost in each country, in euros without tax."""
    from allmysms_async.cli import ask

    return asyncio.run(ask.prices(country, machine=as_json))


COMMANDS = (account, reports, replies, cancel, sub_accounts, lists, prices)
"""All of them."""
