"""A process that sends a campaign with a journal and says how far it is, a line of JSON at a time.

Its one argument is JSON: url, journal, count (recipients), and the options below.
"""

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, datetime

import msgspec

from allmysms_async import (
    AllMySmsError,
    Campaign,
    CampaignStopped,
    EnvoyerSmsProBackend,
    Mail2SmsBackend,
    MmsBackend,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.backend import Sends
from allmysms_async.clock import SystemClock
from allmysms_async.model import Purpose

LATER = (
    "allmysms_async.journal",
    "allmysms_async.protocols.envoyersmspro.window",
    "allmysms_async.protocols.soap.envelope",
    "allmysms_async.transports.h11",
    "allmysms_async.transports.smtp",
    "asyncpg",
    "email.policy",
    "encodings.idna",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite",
)
"""What is imported only once it is needed."""


class Task(msgspec.Struct, kw_only=True):
    """What is to be done."""

    url: str
    journal: str
    count: int
    start: int = 0
    chunk_size: int = 2
    concurrency: int = 4
    lease: float = 0.6
    timeout: float = 0.3
    keyed: bool = True
    protocol: str = "rest"
    smtp_port: int | None = None
    attempts: int = 6
    name: str = "chaos"
    file_bytes: int = 0
    numbers: list[str] | None = None
    quiet_hours: str = "ignore"
    began_at: float | None = None


class LaterClock(SystemClock):
    """The machine's clock, set to another moment.

    Args:
        began_at: The Unix time at which it begins.
    """

    def __init__(self, began_at: float) -> None:
        """Set it."""
        self._ahead = began_at - time.time()

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)


class Unkeyed(RestBackend):
    """The gateway as a protocol without idempotency keys would reach it."""

    limits = msgspec.structs.replace(RestBackend.limits, idempotent=False)


def backend_of(task: Task) -> Sends:
    """Return the backend of the protocol that is asked for."""
    timeout, url = task.timeout, task.url
    match task.protocol:
        case "soap":
            return SoapBackend("demo", "demo-pass", endpoint=f"{url}/soap/server.php", timeout=timeout)
        case "mms":
            return MmsBackend("demo", "demo-pass", base_url=url, timeout=timeout)
        case "envoyersmspro":
            return EnvoyerSmsProBackend(
                "demo",
                "demo-pass",
                default_sender="MAGASIN",
                base_url=url,
                timeout=timeout,
            )
        case "mail2sms":
            return Mail2SmsBackend(
                "demo",
                "demo-key",
                mail_from="shop@example.com",
                hostname="127.0.0.1",
                port=task.smtp_port,
                security="plain",
                timeout=timeout,
            )
        case _:
            kind = RestBackend if task.keyed else Unkeyed
            return kind("demo", "demo-key", base_url=url, timeout=timeout)


def say(**values: object) -> None:
    """Say something to whoever started this process."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def send(task: Task) -> None:
    """Send the campaign."""
    if task.file_bytes:
        # As if the disk were full: no file of this process may grow past that.
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.file_bytes, resource.RLIM_INFINITY))
    backend = backend_of(task)
    policy = RetryPolicy(attempts=task.attempts, deadline=30.0, base=0.005, cap=0.05)
    first = 10_000_000 + task.start
    clock = None if task.began_at is None else LaterClock(task.began_at)
    rows = [Recipient(f"06{number:08d}", (f"N{number}",)) for number in range(first, first + task.count)]
    if task.numbers is not None:
        rows = [Recipient(number, ("toi",)) for number in task.numbers]
    # Where the texts are rendered here each different one is a request of its own: one text for all, then.
    text = "Bonjour #param_1#. STOP au 36180" if backend.limits.personalises else "Bonjour. STOP au 36180"
    # Envoyer SMS Pro has words of its own to opt out by, and always a sender.
    purpose: Purpose = "transactional" if isinstance(backend, EnvoyerSmsProBackend) else "marketing"
    message = SmsMessage(text, purpose=purpose)
    async with SmsService(backend, policy=policy, concurrency=task.concurrency, clock=clock) as sms:
        run = sms.stream(
            Campaign(task.name, message, rows, exclude_opt_outs=False, quiet_hours=task.quiet_hours),
            journal=task.journal,
            chunk_size=task.chunk_size,
            lease=task.lease,
        )
        say(started=True)
        error = None
        try:
            async for progress in run:
                say(accepted=progress.accepted, unknown=progress.unknown)
        except CampaignStopped as stopped:
            error = f"{type(stopped.reason).__name__}: {stopped.reason}"
        except AllMySmsError as refused:
            error = f"{type(refused).__name__}: {refused}"
        result = run.result
        states = ("rows", "accepted", "rejected", "failed", "unknown", "pending", "complete")
        say(error=error, cost=str(result.cost), **{state: getattr(result, state) for state in states})


def work(task: str) -> None:
    """Send the campaign of a task in JSON."""
    asyncio.run(send(msgspec.json.decode(task.encode(), type=Task)))


if __name__ == "__main__":
    work(sys.argv[1])
