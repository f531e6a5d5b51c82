"""``allmysms send --dry-run``: everything is checked and measured as if it were to be sent, and nothing is."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from allmysms_async.backend import SendRequest, Sends, capable, limits_by_message
from allmysms_async.cli import login
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.screen import Display, error_console, output_console
from allmysms_async.cli.wording import needed
from allmysms_async.clock import PARIS, SYSTEM
from allmysms_async.model import QuietHours, SmsMessage, quiet_hours_of
from allmysms_async.numbers import mask
from allmysms_async.prepare import dated_within_hours, send_request
from allmysms_async.text import Coding

__all__ = ["dry_send"]


async def dry_send(
    message: SmsMessage, numbers: Sequence[str], *, key: str | None, quiet_hours: QuietHours | None, as_json: bool
) -> int:
    """Say what one text to a few people would be; what cannot be sent is refused as by ``send``."""
    async with login.service() as sms:
        backend = capable(sms.backend, Sends)
        request = send_request(backend, message, numbers, limits_of=limits_by_message(backend), clock=SYSTEM, key=key)
        quiet = quiet_hours_of(request.message.purpose, quiet_hours)
        if quiet is not None:
            request = await dated_within_hours(backend, request, quiet, SYSTEM)
    with Display(error_console()) as display:
        for line in needed(message):
            display.note(line)
    if as_json:
        click.echo(json.dumps(_fields(request, key)))
    else:
        _print(request)
    return ExitCode.ALL_ACCEPTED


def _fields(request: SendRequest, key: str | None) -> dict[str, object]:
    """Return what would be sent for machines."""
    return {
        "dry_run": True,
        "phones": list(request.phones),
        "text": request.text,
        "coding": request.coding.name.lower(),
        "parts": request.parts,
        "send_at": None if request.message.send_at is None else request.message.send_at.isoformat(),
        "idempotency_key": key,
    }


def _print(request: SendRequest) -> None:
    """Say what would be sent to whom."""
    console = output_console()
    for phone in request.phones:
        console.print(f"would be sent  {mask(phone)}")
    parts = f"{request.parts} part{'s' if request.parts != 1 else ''}"
    coding = "GSM-7" if request.coding is Coding.GSM7 else "Unicode"
    when = request.message.send_at
    date = "" if when is None else f", at {when.astimezone(PARIS):%Y-%m-%d %H:%M %Z}"
    console.print(f"{parts} in {coding}{date}; nothing was sent", style="dim", markup=False, soft_wrap=True)
