"""``allmysms account | reports | replies | cancel | sub-accounts | lists | prices``: one question to the gateway."""

from __future__ import annotations

import click

from allmysms_async.cli import login
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.show import as_json, as_lines, print_rows
from allmysms_async.model import DeliveryReport, Reply
from allmysms_async.numbers import mask
from allmysms_async.protocols.rest import GetLists, GetPrices

__all__ = ["account", "cancel", "lists", "prices", "replies", "reports", "sub_accounts"]


async def account(*, machine: bool) -> int:
    """Print the account's state; return the exit code."""
    async with login.service() as sms:
        found = await sms.account()
    told = {name: getattr(found, name) for name in found.__struct_fields__}
    click.echo(as_json(told) if machine else as_lines({key: each for key, each in told.items() if each is not None}))
    return ExitCode.ALL_ACCEPTED


async def reports(campaign_id: str, *, whole: bool, machine: bool) -> int:
    """Print the reports of a send; return the exit code."""
    async with login.service() as sms:
        found = await sms.delivery_reports(campaign_id)
    if machine:
        click.echo(as_json([_report(each) for each in found]))
        return ExitCode.ALL_ACCEPTED
    rows = [
        (_phone(each.phone, whole=whole), each.status.value.replace("_", " "), each.received_at, each.comment)
        for each in found
    ]
    print_rows(("number", "status", "reported", "comment"), rows, nothing="There is no report of this send yet.")
    return ExitCode.ALL_ACCEPTED


async def replies(campaign_id: str, *, whole: bool, machine: bool) -> int:
    """Print the answers to a send; return the exit code."""
    async with login.service() as sms:
        found = [each async for each in sms.replies(campaign_id)]
    if machine:
        click.echo(as_json([_reply(each) for each in found]))
        return ExitCode.ALL_ACCEPTED
    rows = [(each.received_at, _phone(each.phone, whole=whole), each.text) for each in found]
    print_rows(("received", "number", "text"), rows, nothing="Nobody has answered this send.")
    return ExitCode.ALL_ACCEPTED


async def cancel(campaign_id: str, *, machine: bool) -> int:
    """Cancel a send; return the exit code."""
    async with login.service() as sms:
        await sms.cancel(campaign_id)
    click.echo(as_json({"campaign_id": campaign_id, "cancelled": True}) if machine else "Cancelled: nobody is texted.")
    return ExitCode.ALL_ACCEPTED


async def sub_accounts(*, machine: bool) -> int:
    """Print the sub-accounts; return the exit code."""
    async with login.service() as sms:
        found = [each async for each in sms.sub_accounts()]
    names = ("account_id", "name", "email", "credits", "active")
    told = [{name: getattr(each, name) for name in names} for each in found]
    if machine:
        click.echo(as_json(told))
    else:
        headers = [name.replace("_id", "") for name in names]
        print_rows(headers, [list(each.values()) for each in told], nothing="There are no sub-accounts.")
    return ExitCode.ALL_ACCEPTED


async def lists(*, machine: bool) -> int:
    """Print the contact lists; return the exit code."""
    async with login.service() as sms:
        found = await sms.call(GetLists())
    names = ("list_name", "contacts", "locked", "creation_date")
    told = [{name: getattr(each, name) for name in names} for each in found.lists]
    if machine:
        click.echo(as_json(told))
    else:
        headers = ("list", "contacts", "locked", "created")
        print_rows(headers, [list(each.values()) for each in told], nothing="There are no contact lists.")
    return ExitCode.ALL_ACCEPTED


async def prices(country: str | None, *, machine: bool) -> int:
    """Print the price list; return the exit code."""
    async with login.service() as sms:
        found = await sms.call(GetPrices(None if country is None else country.upper()))
    names = ("iso_code", "prefix", "sms", "call", "direct_deposit")
    told = [{name: getattr(each, name) for name in names} for each in found.countries]
    if machine:
        click.echo(as_json(told))
    else:
        headers = ("country", "prefix", "text part", "call", "voice mail")
        print_rows(headers, [list(each.values()) for each in told], nothing="The gateway lists no prices.")
    return ExitCode.ALL_ACCEPTED


def _phone(phone: str, *, whole: bool) -> str:
    return phone if whole else mask(phone)


def _report(report: DeliveryReport) -> dict[str, object]:
    names = ("phone", "status", "code", "comment", "received_at", "sms_id", "campaign_id")
    return {name: getattr(report, name) for name in names}


def _reply(reply: Reply) -> dict[str, object]:
    names = ("phone", "text", "received_at", "reply_id", "sms_id", "campaign_id")
    return {name: getattr(reply, name) for name in names}
