"""``allmysms demo``: a sample campaign to a sandbox whose network has a bad day, and a check of every row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from allmysms_async.cli.demo_check import differences
from allmysms_async.cli.demo_sample import PARAM_COLUMN, PHONE_COLUMN, TEXT, SampleRow, read_sample, sample_path
from allmysms_async.cli.demo_view import handset, side_by_side, states
from allmysms_async.cli.drive import Drive, drive
from allmysms_async.cli.ending import ExitCode, say, sentence
from allmysms_async.cli.report import Examples, as_json, closing_table
from allmysms_async.cli.screen import Display, error_console, number, output_console
from allmysms_async.model import Campaign, DeliveryReport, Outcome, SmsMessage
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.sandbox import Sandbox
from allmysms_async.service import SmsService
from allmysms_async.source import read_csv

__all__ = ["SandboxClock", "run_demo"]

# Answers are slow, two of them are lost after the texts went out, and twice the server is not there.
_BAD_DAY: list[dict[str, object]] = [
    {"fault": "latency", "seconds": 0.12},
    {"fault": "reset_after", "times": 2},
    {"fault": "http_503", "times": 1},
    {"fault": "reset_before", "times": 1},
]
_CHUNK, _CONCURRENCY = 100, 4
_REPORTS_IN = 60.0
_SHOWN_DIFFERENCES = 10


class SandboxClock:
    """The sandbox's clock as the library asks for it, so that night and Sunday change nothing.

    Args:
        sandbox: Whose clock it is.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def now(self) -> datetime:
        """Return the sandbox's moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def run_demo(*, machine: bool) -> int:
    """Run the demo; return the exit code.

    Args:
        machine: Whether a machine reads the result: one line of JSON on standard output, the rest on the other.
    """
    rows = read_sample()
    talk = error_console() if machine else output_console()
    outcomes: list[Outcome] = []
    examples = Examples()
    async with Sandbox() as sandbox:
        for row in rows:
            if row.opt_out is not None:
                sandbox.opt_out(row.phone, row.opt_out)
        talk.print(
            f"The [bold]sandbox[/] listens on {sandbox.http_url}; its network loses answers today.\n"
            f"To the {number(len(rows))} rows of a customer file: [cyan]{TEXT}[/]"
        )
        with sample_path() as path:
            end, reports = await _send(sandbox, path, examples, outcomes)
        if machine:
            click.echo(as_json(end.result))
        else:
            talk.print(closing_table(end.result, examples, width=talk.width))
        if end.code is ExitCode.STOPPED:
            say(f"Error: {sentence(end.error)}" if end.error else "Stopped on request.")
            return end.code
        inboxes = [(message["phone"], message["text"]) for message in sandbox.all_messages()]
        if not machine:
            talk.print(side_by_side(handset(sandbox.messages(_somebody(rows).phone)), states(reports), talk.width))
    return _verdict(talk, differences(rows, outcomes, inboxes, reports), len(rows))


async def _send(
    sandbox: Sandbox, path: Path, examples: Examples, outcomes: list[Outcome]
) -> tuple[Drive, list[DeliveryReport]]:
    """Send the sample, then let a minute pass and ask for the delivery reports."""
    sandbox.faults(_BAD_DAY)
    backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url)
    async with SmsService(backend, clock=SandboxClock(sandbox), concurrency=_CONCURRENCY) as sms:
        source = read_csv(path, phone=PHONE_COLUMN, params=[PARAM_COLUMN])
        message = SmsMessage(TEXT, sender="MAGASIN", purpose="marketing")
        run = sms.stream(Campaign("demo", message, source), chunk_size=_CHUNK)
        with Display(error_console()) as display:
            end = await drive(run, display, examples.collect, outcomes.extend)
        sandbox.faults([])
        sandbox.advance(_REPORTS_IN)
        reports: list[DeliveryReport] = []
        if end.code is not ExitCode.STOPPED:
            for campaign_id in end.result.campaign_ids:
                reports += await sms.delivery_reports(campaign_id)
    return end, reports


def _somebody(rows: Sequence[SampleRow]) -> SampleRow:
    """Return a French handset to show, with a name that GSM-7 cannot spell if there is one."""
    french = [row for row in rows if row.expected == "accepted" and row.phone.startswith("33")]
    return next((row for row in french if "ç" in row.text), french[0])


def _verdict(talk: Console, found: Sequence[str], total: int) -> int:
    """Say whether everything is as it must be; return the exit code."""
    if not found:
        talk.print(f"[bold green]every one of {total} rows ended as it must[/]")
        return ExitCode.ALL_ACCEPTED
    talk.print(f"[bold red]{len(found)} differences from what must be; the first of them:[/]")
    for line in found[:_SHOWN_DIFFERENCES]:
        talk.print(f"  {line}", markup=False)
    return ExitCode.SOME_NOT
