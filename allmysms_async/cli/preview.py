"""``allmysms preview``: what a campaign would be, before it is sent."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import cast

import click
import msgspec

from allmysms_async.cli import freeze, login
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.file import check_places, journal_file
from allmysms_async.cli.html_preview import write_preview
from allmysms_async.cli.preview_table import print_preview
from allmysms_async.cli.recipients import ListOptions, check_params, form_read, how_read, opened
from allmysms_async.model import Campaign, QuietHours, SmsMessage
from allmysms_async.numbers import mask
from allmysms_async.options import RunOptions
from allmysms_async.preview import Preview, Simulation

__all__ = ["PreviewOptions", "as_fields", "preview_file"]


class PreviewOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of ``preview`` say.

    Attributes:
        recipients: The file, and how it is read.
        message: What would be sent.
        name: The campaign's name, or None for the file's.
        exclude_opt_outs: As for ``campaign run``.
        quiet_hours: As for ``campaign run``.
        sending: How it would be sent, and where that would be recorded.
        simulate: Whether the gateway is asked about each request.
        html: Where to write a page to look at.
        as_json: Whether a machine reads the result.
    """

    recipients: ListOptions
    message: SmsMessage
    name: str | None
    exclude_opt_outs: bool | None
    quiet_hours: QuietHours | None
    sending: RunOptions
    simulate: bool
    html: Path | None
    as_json: bool


def preview_file(options: PreviewOptions) -> int:
    """Say what a campaign would be; return 0 if all of its rows would be sent to, 1 if some would not.

    3 stands for a run that would be refused for quiet hours.
    """
    check_params(options.recipients, options.message.text)
    file = options.recipients.file
    journal = cast("str | None", options.sending.get("journal"))
    check_places({"--html": options.html}, source=file, journal=journal_file(journal))
    source = opened(options.recipients)
    name = file.stem if options.name is None else options.name
    campaign = Campaign(name, options.message, source, options.exclude_opt_outs, options.quiet_hours)
    freeze()

    async def look() -> Preview:
        async with login.service() as sms:
            preview = await sms.preview(campaign, simulate=options.simulate, **options.sending)
        if options.html is not None:
            await write_preview(options.html, preview)
        return preview

    preview = asyncio.run(look())
    if options.as_json:
        click.echo(json.dumps(form_read(source) | as_fields(preview)))
    elif options.html is None:
        print_preview(preview, how_read(source, options.message))
    if preview.begins_at is not None:
        return ExitCode.STOPPED
    return ExitCode.ALL_ACCEPTED if preview.rows and preview.recipients == preview.rows else ExitCode.SOME_NOT


def as_fields(preview: Preview) -> dict[str, object]:
    """Return a preview for machines; numbers are masked."""
    account = preview.account
    return {
        "rows": preview.rows,
        "recipients": preview.recipients,
        "requests": preview.requests,
        "parts": preview.parts,
        "least_parts": min(preview.histogram, default=0),
        "most_parts": max(preview.histogram, default=0),
        "histogram": {str(parts): count for parts, count in preview.histogram.items()},
        "longest": [
            {
                "line": each.line,
                "row": each.row,
                "phone": mask(each.phone),
                "parts": each.parts,
                "units": each.units,
                "encoding": each.coding.name.lower(),
            }
            for each in preview.longest
        ],
        "duplicates": preview.duplicates,
        "rejections": {reason.value: count for reason, count in preview.rejections.items()},
        "lines": {
            reason.value: [each.row if each.line is None else each.line for each in outcomes]
            for reason, outcomes in preview.first_rejected.items()
        },
        "unicode": {
            "recipients": preview.unicode_recipients,
            "parts": preview.unicode_parts,
            "savable_parts": preview.savable_parts,
            "lossless_parts": preview.lossless_parts,
            "chosen_parts": preview.chosen_parts,
            "characters": [msgspec.structs.asdict(each) for each in preview.characters],
            "more_characters": preview.more_characters,
        },
        "countries": [
            {name: _figure(value) for name, value in msgspec.structs.asdict(each).items()} for each in preview.countries
        ],
        "hours": [msgspec.structs.asdict(each) | {"next_legal": each.next_legal.isoformat()} for each in preview.hours],
        "may_send": preview.may_send,
        "begins_at": None if preview.begins_at is None else preview.begins_at.isoformat(),
        "cost": _figure(preview.cost),
        "unpriced_parts": preview.unpriced_parts,
        "credits": None if account is None else _figure(account.credits),
        "balance": None if account is None else _figure(account.balance),
        "affordable": preview.affordable,
        "least_seconds": preview.least_seconds,
        "simulation": None if preview.simulation is None else _simulated(preview.simulation),
        "notes": list(preview.notes),
    }


def _figure(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _simulated(simulation: Simulation) -> dict[str, object]:
    """Return the gateway's own answer for machines."""
    return {
        "requests": simulation.requests,
        "recipients": simulation.recipients,
        "parts": simulation.parts,
        "cost": _figure(simulation.cost),
        "rejections": {reason.value: count for reason, count in simulation.rejections.items()},
        "refused": dict(simulation.refused),
        "differences": [
            {name: _figure(value) for name, value in msgspec.structs.asdict(each).items()}
            for each in simulation.differences
        ],
    }
