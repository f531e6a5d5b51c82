"""What is printed, logged and listed while texts are sent holds no secret, on any backend."""

import asyncio
import importlib
import logging
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import allmysms_async
from allmysms_async import Campaign, CampaignStopped, Outcome, Recipient, SmsMessage
from allmysms_async.exchange import HttpResponse, MailReceipt
from allmysms_async.transports import AiohttpTransport, HttpxTransport

from . import conftest as here


class Keeping:
    """A transport that keeps what it is given, and answers with it."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.kept: list[Any] = []

    async def send(self, request: Any) -> Any:
        """Keep a request, and say that it was taken."""
        self.kept.append(request)
        if not hasattr(request, "headers"):
            answer: Any = MailReceipt(code=250, text="fine")
        else:
            answer = HttpResponse(status=200, headers={"x-echo": here.KEY}, body=request.body)
        self.kept.append(answer)
        return answer

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("show", here.PRINTED.values(), ids=here.PRINTED)
async def test_printing_shows_no_secret(protocol: str, show: Callable[[object], str]) -> None:
    """A backend, a service, a message, a recipient, a campaign, a request and an answer are printed without secrets."""
    transport = Keeping()
    backend = here.backend(protocol, 1, transport=transport)
    service = here.service(backend)
    message, recipient = SmsMessage(here.TEXT, purpose="otp"), Recipient(here.NUMBER, (here.NAME,))
    campaign = Campaign("soldes", message, [recipient])
    run = service.stream(campaign)
    outcomes: list[Outcome] = []
    results: list[Any] = []
    try:
        async for progress in run:
            outcomes.extend(progress.outcomes)
            results.append(progress)
    except CampaignStopped as stopped:
        results.append(stopped)

    assert len(transport.kept) >= 2
    assert outcomes
    for value in (
        backend,
        service,
        message,
        recipient,
        campaign,
        run,
        run.result,
        *transport.kept,
        *outcomes,
        *results,
    ):
        here.check(show(value), type(value).__name__)
    for value in (backend, *results):
        here.check(show(vars(value) if hasattr(value, "__dict__") else value), type(value).__name__)


def test_whoever_prints_a_struct_shows_what_repr_shows() -> None:
    """No struct of the library tells rich its fields, unless it has nothing to hide from anybody."""
    for module in pkgutil.walk_packages(allmysms_async.__path__, "allmysms_async."):
        if not module.name.startswith(("allmysms_async.sandbox", "allmysms_async.cli")):
            importlib.import_module(module.name)
    kinds = [msgspec.Struct]
    seen = set()
    while kinds:
        for kind in kinds.pop().__subclasses__():
            kinds.append(kind)
            if kind.__module__.startswith("allmysms_async.") and ".cli" not in kind.__module__:
                seen.add(kind)
                assert not hasattr(kind, "__rich_repr__") or kind.__repr__ is msgspec.Struct.__repr__, kind
    assert Recipient in seen


async def exchanges(protocol: str) -> None:
    """Send with every end that a send can have, over every transport that there is."""
    overs = (None,) if protocol == "mail2sms" else (None, HttpxTransport, AiohttpTransport)
    for over in overs:
        transport = None if over is None else over()
        await ends_over(protocol, transport)
        if transport is not None:
            await transport.aclose()


async def ends_over(protocol: str, transport: Any) -> None:
    """Send with every end that a send can have, over one transport; None for the usual one."""
    ends: list[here.Answer | None] = [
        lambda _: here.http(200, here.REFUSED.get(protocol, b"")),
        lambda request: here.http(200, request),
        lambda request: here.http(500, request),
        lambda _: b"",
    ]
    for end, step in zip(ends, (b"250 %s", b"550 %s", b"451 %s", b"\r\n"), strict=True):
        async with here.listening(protocol) as server:
            server.answer, server.steps = end, {b"RCPT": step}
            await here.send(here.backend(protocol, server.port, transport=transport))


def recorded(record: logging.LogRecord) -> str:
    """Return all that a record tells; how long something took, in fewer digits than any secret has."""
    args: object = record.args
    if isinstance(args, tuple):
        args = tuple(round(one, 3) if isinstance(one, float) else one for one in args)
    return f"{record.getMessage()} {args!r} {record.exc_text}"


@pytest.mark.slow
async def test_logs_hold_no_secret(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG and the event loop in debug mode, where all that takes time is logged, none is."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    await exchanges(protocol)  # so that every logger is there
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, logger=name)

    await exchanges(protocol)

    names = {record.name.partition(".")[0] for record in caplog.records}
    assert "asyncio" in names
    assert protocol == "mail2sms" or "httpcore" in names
    for record in caplog.records:
        here.check(recorded(record), record.name)


@pytest.mark.slow
async def test_logs_of_a_campaign_with_a_journal_hold_no_secret(
    protocol: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for a campaign that is recorded, the database's libraries included."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    message = SmsMessage(here.TEXT, purpose="otp")
    for name in ("first", "second"):
        async with here.listening(protocol) as server:
            server.answer = lambda _: here.http(500, b"")
            one = here.service(here.backend(protocol, server.port))
            campaign = Campaign(name, message, [Recipient(here.NUMBER, (here.NAME,)), "0612345678#"])
            try:
                await one.run(campaign, journal=tmp_path / "journal.db")
            except CampaignStopped as stopped:
                for way, show in here.ERRORS.items():
                    here.check(show(stopped), way)
            await one.aclose()
        caplog.set_level(logging.DEBUG)
        for logger in logging.root.manager.loggerDict:
            if not logger.startswith("sqlalchemy.engine.Engine."):
                caplog.set_level(logging.DEBUG, logger=logger)

    assert caplog.records
    for record in caplog.records:
        here.check(recorded(record), record.name)


on_proc = os.path.exists("/proc/self/cmdline")


def listed() -> str:
    """Return what the process list shows of this process, its threads and its children."""
    own, shown = str(os.getpid()), ""
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
            if own in {process, parent}:
                shown += Path(f"/proc/{process}/cmdline").read_bytes().decode("utf-8", "replace")
                threads = os.listdir(f"/proc/{process}/task")
                shown += "".join(Path(f"/proc/{process}/task/{thread}/comm").read_text() for thread in threads)
        except OSError:  # it ended meanwhile
            continue
    assert "allmysms" in shown or "python" in shown
    return shown


async def test_the_process_list_shows_no_secret(protocol: str, machine_lacks: Callable[[str], None]) -> None:
    """While a request is under way, neither this process, its threads nor its children have a secret in their names."""
    if not on_proc:
        machine_lacks("/proc, to read the process list in")
    async with here.listening(protocol) as server:
        server.answer, server.steps = None, {b"DOT": b""}
        task = asyncio.create_task(here.send(here.backend(protocol, server.port)))
        await server.asked.wait()
        here.check(await asyncio.to_thread(listed))
        task.cancel()
        assert await task is not None
