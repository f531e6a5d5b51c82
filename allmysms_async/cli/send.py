"""``allmysms send``: one text to one person or a few."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence

import click

from allmysms_async.cli import login
from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.report import money
from allmysms_async.cli.screen import Display, error_console, output_console
from allmysms_async.cli.signals import on_signals
from allmysms_async.cli.wording import needed
from allmysms_async.model import QuietHours, SendReceipt, SmsMessage
from allmysms_async.numbers import mask

__all__ = ["send_text"]


async def send_text(
    message: SmsMessage, numbers: Sequence[str], *, key: str | None, quiet_hours: QuietHours | None, as_json: bool
) -> int:
    """Send a text, having said which coding it needs, and say what became of it; return the exit code."""
    # Drawn here, so that it is known however the call ends.
    key = secrets.token_hex(16) if key is None else key
    async with login.service() as sms:
        task = asyncio.current_task()
        # Told to the loop: an exception out of a signal's handler could come anywhere, and the key would not be told.
        with Display(error_console()) as display, on_signals(lambda: task.cancel() if task else None, last=True):
            for line in needed(message):
                display.note(line)
            try:
                receipt = await sms.send(message, to=numbers, idempotency_key=key, quiet_hours=quiet_hours)
            except asyncio.CancelledError:
                say(
                    "The text may have been sent: its answer was not waited for. Run the same command again with "
                    f"--idempotency-key {key} within 23 hours: it tells what happened, without texting twice."
                )
                raise click.Abort from None
    if as_json:
        click.echo(_json(receipt))
    else:
        _print(receipt)
    return ExitCode.ALL_ACCEPTED if len(receipt.accepted) == len(receipt.results) else ExitCode.SOME_NOT


def _json(receipt: SendReceipt) -> str:
    """Return the answer as one line of JSON."""
    return json.dumps(
        {
            "campaign_id": receipt.campaign_id,
            "accepted": [{"phone": one.phone, "sms_id": one.sms_id} for one in receipt.accepted],
            "rejected": [{"phone": one.phone, "reason": one.reason.value} for one in receipt.rejected],
            "unknown": [{"phone": one.phone} for one in receipt.unconfirmed],
            "parts": receipt.parts,
            "cost": None if receipt.cost is None else float(receipt.cost),
            "scheduled": receipt.scheduled,
            "replayed": receipt.replayed,
            "idempotency_key": receipt.idempotency_key,
        }
    )


def _print(receipt: SendReceipt) -> None:
    """Say what became of each number."""
    console = output_console()
    for accepted in receipt.accepted:
        console.print(f"[green]accepted[/]  {mask(accepted.phone)}")
    for rejected in receipt.rejected:
        console.print(f"[yellow]rejected[/]  {mask(rejected.phone)}  {rejected.reason.value.replace('_', ' ')}")
    for unknown in receipt.unconfirmed:
        console.print(f"[red]unknown[/]   {mask(unknown.phone)}  the answer does not say; it may have been sent")
    facts = [f"{receipt.parts} part{'s' if receipt.parts != 1 else ''}"] if receipt.parts is not None else []
    if receipt.cost is not None:
        facts.append(f"{money(receipt.cost)} without tax")
    if receipt.campaign_id:
        facts.append(f"campaign {receipt.campaign_id}")
    if receipt.replayed:
        facts.append("the answer to the earlier request with this key")
    console.print(plain(", ".join(facts)), style="dim", markup=False, soft_wrap=True)
