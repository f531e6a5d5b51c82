"""What ``allmysms worker`` and ``allmysms campaign submit | pause | resume | stop`` do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

import click

from allmysms_async.cli import freeze, login
from allmysms_async.cli.campaign import CampaignOptions, message_of, prepared
from allmysms_async.cli.ending import ExitCode, say
from allmysms_async.cli.report import as_json
from allmysms_async.cli.screen import number
from allmysms_async.cli.signals import on_signals
from allmysms_async.errors import CampaignStopped, InvalidRequest
from allmysms_async.model import Campaign, QuietHours
from allmysms_async.options import SendOptions
from allmysms_async.runner import Submission, Worker, store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.health import Health

__all__ = ["changed", "reopened", "submit_file", "work"]

T = TypeVar("T")


def _quieten() -> None:
    """Have what goes wrong with the engine told once and in words: by this library."""
    for name in ("procrastinate", "psycopg", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def submit_file(options: CampaignOptions, priority: int) -> int:
    """Place a campaign, and say what is placed; return the exit code."""
    journal = cast("str | None", options.sending.get("journal"))
    if journal is None:
        msg = "Say --journal postgresql://…: workers find the campaign there."
        raise click.UsageError(msg)
    _quieten()
    ready = prepared(options, message_of(options))
    freeze()
    for line in ready.told:
        say(line)
    _say_whose(options.sending)
    return asyncio.run(_place(journal, ready.campaign, options, priority))


async def _place(journal: str, campaign: Campaign, options: CampaignOptions, priority: int) -> int:
    sending = cast("SendOptions", {name: value for name, value in options.sending.items() if name != "journal"})
    async with login.service() as sms:
        submission = Submission(campaign, journal=journal, backend=sms.backend, priority=priority, **sending)
        error: CampaignStopped | None = None
        with on_signals(submission.stop, last=True):
            try:
                await submission.run()
            except CampaignStopped as stopped:
                error = stopped
    result = submission.result
    if options.as_json:
        click.echo(as_json(result))
    whole = "" if result.complete else " The file was not read to its end: the same command goes on."
    held = "" if submission.status == "open" else f" It is {submission.status}, until 'allmysms campaign resume'."
    say(
        f"Placed: {number(result.rows)} rows read, {number(result.rejected)} refused, {number(result.pending)} wait "
        f"for 'allmysms worker'.{whole}{held}"
    )
    if error is not None:
        raise error
    return ExitCode.ALL_ACCEPTED if result.complete else ExitCode.STOPPED


def work(journal: str, *, until_idle: bool, health_port: int | None, health_host: str, **options: Any) -> int:
    """Work until asked to stop; return the exit code."""
    _quieten()
    freeze()
    service = login.service()
    worker = Worker(
        lambda: service.backend,
        journal=journal,
        policy=login.CAMPAIGN_POLICY,
        grace=20.0,
        until_idle=until_idle,
        **options,
    )

    async def run() -> None:
        with on_signals(worker.stop, last=True):
            if health_port is None:
                await worker.run()
                return
            async with Health(worker, health_host, health_port) as health:
                say(f"Health: http://{health_host}:{health.port}/live, /ready and /metrics.")
                await worker.run()

    asyncio.run(run())
    if until_idle and worker.stats.stopped:
        say("A campaign was stopped because of an error: 'allmysms campaign status' tells why.")
        return ExitCode.STOPPED
    return ExitCode.ALL_ACCEPTED


async def _with_control(journal: str, act: Callable[[Control | None], Awaitable[T]]) -> T:
    """Do something with the runner's tables of a journal, or with None if it has none: they are not made for that."""
    database = await opened_database(journal, create=False)
    control = Control(database)
    try:
        if not await database.read(store.has_placed):
            return await act(None)
        await control.open()
        return await act(control)
    finally:
        await control.aclose()
        await database.close()


def changed(journal: str, name: str | None, status: Literal["paused", "stopped"], *, machine: bool) -> int:
    """Have every worker pause or stop a campaign; return the exit code."""

    async def act(control: Control | None) -> tuple[store.Placed, bool]:
        placed = None if control is None else await store.placed_as(control, name)
        if control is None or placed is None:
            msg = "No campaign of this name was placed by 'campaign submit'; one that a command runs stops on Ctrl-C."
            raise InvalidRequest(msg)
        reason = f"{status} by an operator"
        if await store.change(control, placed.campaign, status, reason, by_operator=True):
            return placed, True
        return await store.placed_as(control, placed.name) or placed, False  # it may have ended between the two

    placed, done = asyncio.run(_with_control(journal, act))
    if machine:
        told = {"campaign": placed.name, "status": status if done else placed.status, "changed": done}
        click.echo(json.dumps(told))
    else:
        say(
            f"{placed.name} is {status}."
            if done
            else f"{placed.name} was {placed.status} already; nothing was changed."
        )
    return ExitCode.ALL_ACCEPTED


def reopened(
    journal: str, name: str | None, options: SendOptions, *, quiet_hours: QuietHours | None, machine: bool
) -> bool:
    """Open a campaign again that was placed for workers; return whether there is such a one.

    Raises:
        UsageError: There is, and its quiet hours are to be others: it keeps those that it was placed with.
    """
    if not journal.startswith(("postgresql", "postgres")):
        return False

    async def act(control: Control | None) -> store.Placed | None:
        placed = None if control is None else await store.placed_as(control, name)
        if control is None or placed is None:
            return None
        if quiet_hours is not None:
            msg = "Workers keep the quiet hours that a campaign was placed with: say others with 'campaign submit'."
            raise click.UsageError(msg)
        await store.reopen(control, placed, options)
        return placed

    placed = asyncio.run(_with_control(journal, act))
    if placed is not None:
        _say_whose(options)
    if placed is not None and not machine:
        say(f"{placed.name} is open for workers again.")
    return placed is not None


def _say_whose(options: SendOptions) -> None:
    """Say which option changes nothing, because it is each worker's own."""
    if options.get("concurrency") is not None:
        say("--concurrency is each worker's own, and changes nothing here: say it to 'allmysms worker'.")
