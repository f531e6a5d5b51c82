"""A program of its own that uses one service from several event loops, threads or processes, as it is told to.

It prints, as JSON, how each send ended, and whatever Python warned of or could not raise goes to standard error.
"""

import asyncio
import faulthandler
import gc
import json
import multiprocessing
import ssl
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from allmysms_async import (
    AllMySmsError,
    EnvoyerSmsProBackend,
    Mail2SmsBackend,
    MmsBackend,
    RestBackend,
    RetryPolicy,
    SmsService,
    SoapBackend,
)
from allmysms_async.transports.smtp import SmtpTransport

TO_THE_END = True
"""Whether Python takes its modules apart at the end: what it could not raise then is told of, too."""

_FORK = multiprocessing.get_context("fork")


def backend(wire: str, http_url: str, smtp_port: int, authority: str, limit_path: str) -> Any:
    """Return a backend on a gateway; mail is encrypted where an authority is to be trusted."""
    if wire == "rest":
        return RestBackend("demo", "demo-key", base_url=http_url, timeout=30)
    if wire == "soap":
        return SoapBackend("demo", "demo-pass", endpoint=f"{http_url}/soap/server.php", timeout=30)
    if wire == "mms":
        return MmsBackend("demo", "demo-pass", base_url=http_url, timeout=30)
    if wire == "mail2sms":
        transport = SmtpTransport(
            "127.0.0.1",
            smtp_port,
            security="starttls" if authority else "plain",
            ssl_context=ssl.create_default_context(cafile=authority) if authority else None,
        )
        mail = Mail2SmsBackend("demo", "demo-key", mail_from="s@example.com", timeout=30, transport=transport)
        mail.aclose = transport.aclose  # type: ignore[method-assign]
        return mail
    return EnvoyerSmsProBackend(
        "demo", "demo-pass", default_sender="MAG", base_url=http_url, limit_path=limit_path, timeout=30
    )


class Sender:
    """Sends from wherever it is asked, in one attempt each, to a number of its own each time."""

    def __init__(self, *place: Any, first: int = 0) -> None:
        """Make the service, where no event loop runs yet."""
        self._first = first
        self.service = SmsService(backend(*place), send_policy=RetryPolicy(attempts=1))

    async def send(self, *numbers: int) -> list[str]:
        """Send one text to each, one after the other; return how each ended."""
        ends = []
        for number in numbers:
            try:
                await self.service.send("Bonjour", f"33612{self._first + number:06d}")
                ends.append("ok")
            except (AllMySmsError, RuntimeError) as error:
                ends.append(f"{type(error).__name__}: {error}")
        return ends


def in_turn(sender: Sender) -> list[str]:
    """Send from three event loops, each closed before the next begins, and close the service in a fourth."""
    ends = [end for first in (0, 10, 20) for end in asyncio.run(sender.send(first, first + 1))]
    asyncio.run(sender.service.aclose())
    return ends


def closed_by_hand(sender: Sender) -> list[str]:
    """Send from event loops that end no generators before they close, as older programs have them."""
    ends = []
    for first in (0, 10, 20):
        loop = asyncio.new_event_loop()
        ends += loop.run_until_complete(sender.send(first, first + 1))
        loop.close()
    asyncio.run(sender.service.aclose())
    return ends


def left_open(sender: Sender) -> list[str]:
    """Send from two event loops, and end the program without closing the service."""
    return [end for first in (0, 10) for end in asyncio.run(sender.send(first, first + 1))]


def at_the_same_time(sender: Sender) -> list[str]:
    """Send 45 texts from 8 threads, each with its own event loop, all beginning at once; close from yet another."""
    ends: list[str] = []
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        start.wait()
        ends.extend(asyncio.run(sender.send(*range(thread, 45, 8))))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(sender.service.aclose())
    return ends


def _child(sender: Sender, first: int, ends: Any) -> None:
    """Send in a process that was forked off, and close the service there."""

    async def work() -> list[str]:
        told = await sender.send(*range(first, first + 3))
        await sender.service.aclose()
        return told

    ends.put(asyncio.run(work()))


def in_processes(sender: Sender) -> list[str]:
    """Send, fork, and send on in the parent while three children send."""

    async def parent() -> list[str]:
        told = await sender.send(0, 1)
        for child in children:
            child.start()
        told += await sender.send(*range(2, 8))
        await asyncio.to_thread(lambda: [child.join() for child in children])
        return told + await sender.send(8, 9)

    ends = _FORK.SimpleQueue()
    children = [_FORK.Process(target=_child, args=(sender, 10 * number, ends)) for number in (1, 2, 3)]
    told = asyncio.run(parent())
    return told + [end for _ in children for end in ends.get()]


def closed_from_another(sender: Sender) -> list[str]:
    """Send in a thread, close from another event loop while that one goes on, and send again there."""
    sent, closed, ends = threading.Event(), threading.Event(), []

    async def work() -> None:
        ends.extend(await sender.send(0))
        sent.set()
        await asyncio.to_thread(closed.wait)
        ends.extend(await sender.send(1))

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    sent.wait()
    asyncio.run(sender.service.aclose())
    closed.set()
    thread.join()
    return ends


WAYS: dict[str, Callable[[Sender], list[str]]] = {
    "in turn": in_turn,
    "closed by hand": closed_by_hand,
    "left open": left_open,
    "at the same time": at_the_same_time,
    "in processes": in_processes,
    "closed from another": closed_from_another,
}

LATER = (
    "allmysms_async.protocols.envoyersmspro.window",
    "allmysms_async.protocols.soap.envelope",
    "allmysms_async.transports.h11",
    "allmysms_async.transports.smtp",
    "email.policy",
    "encodings.idna",
)
"""What is imported only once it is needed."""


def work(task: str) -> None:
    """Use a service in the ways of a task; any warning is an error."""
    faulthandler.enable()
    warnings.simplefilter("error")
    ways, wire, http_url, smtp_port, *files = json.loads(task)
    ended = []
    for number, way in enumerate(ways.split(", ")):
        ended += WAYS[way](Sender(wire, http_url, int(smtp_port), *files, first=1000 * number))
        gc.collect()
    sys.stdout.write(json.dumps(ended))
