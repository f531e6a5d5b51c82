"""``allmysms demo``: a sample campaign to a sandbox whose network has a bad day, and a check of every row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec
from rich.console import Console

from allmysms_async.backend import ReportsDelivery
from allmysms_async.cli.demo.check import differences
from allmysms_async.cli.demo.protocol import PROTOCOLS, DemoProtocol, expected_rows
from allmysms_async.cli.demo.sample import PARAM_COLUMN, PHONE_COLUMN, TEXT, SampleRow, read_sample, sample_path
from allmysms_async.cli.demo.view import handset, side_by_side, states
from allmysms_async.cli.drive import Drive, drive
from allmysms_async.cli.ending import ExitCode, say, sentence
from allmysms_async.cli.report import Examples, all_as_json, as_json, closing_table, side_by_side_table
from allmysms_async.cli.screen import Display, error_console, number, output_console
from allmysms_async.clock import SYSTEM, SystemClock
from allmysms_async.model import Campaign, DeliveryReport, Outcome
from allmysms_async.sandbox import HandsetMessage, Sandbox
from allmysms_async.service import SmsService
from allmysms_async.source import read_csv

__all__ = ["SandboxClock", "run_demo"]

_CONCURRENCY = 4
_REPORTS_IN = 60.0
_SHOWN_DIFFERENCES = 10


class SandboxClock(SystemClock):
    """The sandbox's clock as the library asks for it, so that night and Sunday change nothing.

    Args:
        sandbox: Whose clock it is.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def now(self) -> datetime:
        """Return the sandbox's moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the sample campaign ended over one protocol.

    Attributes:
        drive: How its run ended.
        examples: The first rejected rows of each reason.
        differences: What is not as it must be.
        reports: The delivery reports, or None if the protocol has none.
        inbox: The messages of one handset.
        seconds: How long it took.
    """

    drive: Drive
    examples: Examples
    differences: list[str]
    reports: list[DeliveryReport] | None
    inbox: list[HandsetMessage]
    seconds: float


async def run_demo(*, protocol: str, machine: bool) -> int:
    """Run the demo; return the exit code.

    Args:
        protocol: The one to use, or ``all``.
        machine: Whether a machine reads the result: one line of JSON on standard output, the rest on the other.
    """
    sample = read_sample()
    talk = error_console() if machine else output_console()
    talk.print(f"To the {number(len(sample))} rows of a customer file: [cyan]{TEXT}[/]")
    names = list(PROTOCOLS) if protocol == "all" else [protocol]
    ends: dict[str, Ended] = {}
    for name in names:
        ends[name] = await _over(name, sample, talk)
        if ends[name].drive.interrupted:
            break
    results = {name: ended.drive.result for name, ended in ends.items()}
    if machine:
        click.echo(as_json(results[protocol]) if protocol != "all" else all_as_json(results))
    elif protocol == "all":
        talk.print(side_by_side_table({name: (ended.drive.result, ended.seconds) for name, ended in ends.items()}))
    else:
        _show(talk, ends[protocol])
    return max(_verdict(talk, name, ended, len(sample)) for name, ended in ends.items())


async def _over(name: str, sample: Sequence[SampleRow], talk: Console) -> Ended:
    """Send the sample over one protocol, to a sandbox of its own, and check every row."""
    protocol = PROTOCOLS[name]
    rows = expected_rows(sample, protocol)
    examples, outcomes = Examples(), list[Outcome]()
    started = SYSTEM.monotonic()
    async with Sandbox() as sandbox:
        for row in rows:
            if row.opt_out is not None:
                sandbox.opt_out(row.phone, row.opt_out)
        talk.print(f"The [bold]sandbox[/] for {name} is at {sandbox.http_url}; its network has a bad day.")
        end, reports = await _send(sandbox, protocol, examples, outcomes)
        inboxes = [(message["phone"], message["text"]) for message in sandbox.all_messages()]
        return Ended(
            drive=end,
            examples=examples,
            differences=[] if end.code is ExitCode.STOPPED else differences(rows, outcomes, inboxes, reports),
            reports=reports,
            inbox=sandbox.messages(_somebody(rows).phone),
            seconds=SYSTEM.monotonic() - started,
        )


async def _send(
    sandbox: Sandbox, protocol: DemoProtocol, examples: Examples, outcomes: list[Outcome]
) -> tuple[Drive, list[DeliveryReport] | None]:
    """Send the sample, then let a minute pass and ask for the delivery reports."""
    sandbox.faults(protocol.bad_day)
    async with (
        protocol.open(sandbox) as backend,
        SmsService(backend, clock=SandboxClock(sandbox), concurrency=_CONCURRENCY) as sms,
    ):
        with sample_path() as path:
            source = read_csv(path, phone=PHONE_COLUMN, params=[PARAM_COLUMN])
            # The gateway itself is seen to refuse whoever opted out, by each protocol as it does.
            # Nobody is there to be woken, and the sample has people of many a time zone.
            campaign = Campaign("demo", protocol.message, source, exclude_opt_outs=False, quiet_hours="ignore")
            run = sms.stream(campaign, chunk_size=protocol.chunk)
            with Display(error_console()) as display:
                end = await drive(run, display, examples.collect, outcomes.extend)
        sandbox.faults([])
        sandbox.advance(_REPORTS_IN)
        if end.code is ExitCode.STOPPED or not isinstance(backend, ReportsDelivery):
            return end, None
        ids = end.result.campaign_ids
        return end, [report for one in ids for report in await sms.delivery_reports(one)]


def _somebody(rows: Sequence[SampleRow]) -> SampleRow:
    """Return a French handset to show, with a name that GSM-7 cannot spell if there is one."""
    french = [row for row in rows if row.expected == "accepted" and row.received and row.phone.startswith("33")]
    return next((row for row in french if "ç" in row.text), french[0])


def _show(talk: Console, ended: Ended) -> None:
    """Show the closing table, a handset and the delivery states."""
    talk.print(closing_table(ended.drive.result, ended.examples, width=talk.width))
    if not ended.inbox:
        return
    phone = handset(ended.inbox)
    talk.print(phone if ended.reports is None else side_by_side(phone, states(ended.reports), talk.width))


def _verdict(talk: Console, name: str, ended: Ended, total: int) -> ExitCode:
    """Say whether everything is as it must be; return the exit code."""
    if ended.drive.code is ExitCode.STOPPED:
        error = ended.drive.error
        say(f"Error: {name}: {sentence(error)}" if error else f"{name}: stopped on request.")
        return ExitCode.STOPPED
    if not ended.differences:
        talk.print(f"{name}: [bold green]every one of {total} rows ended as it must.[/]")
        return ExitCode.ALL_ACCEPTED
    talk.print(f"{name}: [bold red]{len(ended.differences)} differences from what must be; the first of them:[/]")
    for line in ended.differences[:_SHOWN_DIFFERENCES]:
        talk.print(f"  {line}", markup=False)
    return ExitCode.SOME_NOT
