"""CPU time of the parts that do no I/O, for each recipient of a chunk of 1,000."""

from __future__ import annotations

import time
from collections.abc import Callable

from load import campaign_of, recipients_of
from server import answer

from allmysms_async import RestBackend, SmsMessage
from allmysms_async.backend import SendRequest
from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.verdict import Delivery
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import SendReceipt
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sms import SendSms

__all__ = ["SIZE", "pure_parts"]

SIZE = 1000


class _Caught(Exception):
    """Carries the request that was made out of the backend."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.name)
        self.request = request


class _Catching:
    """A transport that hands back what it is given."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send nothing."""
        raise _Caught(request)

    async def aclose(self) -> None:
        """Close nothing."""


def _encoded(backend: RestBackend, request: SendRequest) -> HttpRequest:
    """Return the HTTP request that the backend makes of a request to send."""
    sending = backend.send(request)
    try:
        sending.send(None)
    except _Caught as caught:
        return caught.request
    finally:
        sending.close()
    msg = "The backend waited for something before it sent."
    raise RuntimeError(msg)


def _microseconds(work: Callable[[], object], seconds: float) -> float:
    """Return the least CPU time that a call took, for each recipient, in microseconds."""
    best = float("inf")
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or best == float("inf"):
        before = time.thread_time()
        work()
        best = min(best, time.thread_time() - before)
    return 1e6 * best / SIZE


def pure_parts(seconds: float) -> dict[str, float]:
    """Return microseconds of CPU for each recipient, by part; each part is tried for so long."""
    recipients = recipients_of(SIZE)
    message: SmsMessage = campaign_of(recipients).message
    backend = RestBackend("demo", "demo-key", base_url="http://127.0.0.1", transport=_Catching())

    def plan() -> Chunk:
        sink = MemorySink()
        planner = Planner(message, backend.limits, chunk_size=SIZE, seen=sink.seen, accounted=sink.accounted)
        for row, recipient in enumerate(recipients, 1):
            planner.add(row, recipient)
        (chunk,) = planner.flush()
        return chunk

    chunk = plan()
    key = idempotency_key("0" * 32, chunk, message)
    request = SendRequest(
        message=message,
        text=chunk.text,
        coding=chunk.coding,
        params=chunk.params,
        recipients=chunk.recipients,
        parts=chunk.parts,
        campaign_name="speed [00000000/1]",
        idempotency_key=key,
    )
    wire = _encoded(backend, request)
    response = HttpResponse(status=200, headers={}, body=answer(wire.body).partition(b"\r\n\r\n")[2])
    result = decode(SendSms, response)
    received: SendReceipt = receipt(result, chunk.recipients, chunk.parts, key)
    delivery = Delivery(receipt=received)
    parts: dict[str, Callable[[], object]] = {
        "plan": plan,
        "key": lambda: idempotency_key("0" * 32, chunk, message),
        "encode": lambda: _encoded(backend, request),
        "decode": lambda: decode(SendSms, response),
        "receipt": lambda: receipt(result, chunk.recipients, chunk.parts, key),
        "settle": lambda: settlement(chunk, delivery),
    }
    return {name: _microseconds(work, seconds) for name, work in parts.items()}
