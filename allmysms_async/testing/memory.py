"""A backend that sends to a list, for unit tests that want no socket."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import datetime

from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.errors import OutcomeUnknown
from allmysms_async.model import AllAccepted, MmsMessage, SendReceipt, SmsMessage
from allmysms_async.redaction import Discreet
from allmysms_async.text import MAX_PARTS

__all__ = ["MemoryBackend", "SentText"]


class SentText(Discreet, frozen=True, kw_only=True):
    """One text that was taken.

    Attributes:
        phone: The canonical number, ``33612345678``.
        text: The text as the person reads it, with the values of personalised ones filled in.
        sender: The sender that was asked for, or None.
        purpose: As the message says it.
        send_at: When it is to be sent, or None for at once.
        campaign_id: The identifier that the receipt has.
    """

    phone: str
    text: str
    sender: str | None
    purpose: str | None
    send_at: datetime | None
    campaign_id: str


class MemoryBackend:
    """Takes every text and keeps it; the same idempotency key is taken once, as at the gateway.

    .. code-block:: python

        from allmysms_async import SmsService
        from allmysms_async.testing import MemoryBackend

        backend = MemoryBackend()
        async with SmsService(backend) as sms:
            await sms.send("Votre code est 4821", to="0612345678")
        assert [text.text for text in backend.sent] == ["Votre code est 4821"]

    It knows nothing of the gateway's rules: the sandbox does. It may be used from any thread and event loop.

    Attributes:
        sent: What was taken, in order.
        failures: Errors to raise, one for each of the next attempts, in order: an ``OutcomeUnknown`` after the texts
            were taken, as an answer that is lost, any other in place of it.
    """

    name = "memory"
    limits = SendLimits(
        recipients=1000,
        max_recipients=2000,
        max_gsm_units=1224,
        max_ucs2_units=536,
        max_parts=MAX_PARTS,
        personalises=False,
        idempotent=True,
        schedules=True,
    )

    def __init__(self, *, failures: Sequence[Exception] = ()) -> None:
        self.sent: list[SentText] = []
        self.failures = list(failures)
        self._identity = identity(self.name, secrets.token_hex(8))
        self._answers: dict[str, SendReceipt] = {}
        self._lock = threading.Lock()

    @property
    def identity(self) -> str:
        """Tells backends apart: each is an account of its own."""
        return self._identity

    def check(self, message: SmsMessage) -> None:
        """Refuse nothing."""

    def check_mms(self, message: MmsMessage) -> None:
        """Refuse nothing."""

    async def send(self, request: SendRequest) -> SendReceipt:
        """Take a request, or fail as was asked for.

        Raises:
            Exception: The next of ``failures``.
        """
        with self._lock:
            failure = self.failures.pop(0) if self.failures else None
            if failure is not None and not isinstance(failure, OutcomeUnknown):
                raise failure
            key = request.idempotency_key
            receipt = self._answers.get(key or "") or self._take(request)
            if key is not None:
                self._answers[key] = receipt
        if failure is not None:
            raise failure
        return receipt

    def _take(self, request: SendRequest) -> SendReceipt:
        """Keep the texts of a request."""
        phones = tuple(request.phones)
        campaign_id = f"memory-{len(self.sent)}"
        message = request.mms or request.message
        self.sent += [
            SentText(
                phone=phone,
                text=request.text,
                sender=request.message.sender,
                purpose=message.purpose,
                send_at=message.send_at,
                campaign_id=campaign_id,
            )
            for phone in phones
        ]
        return SendReceipt(
            campaign_id=campaign_id,
            results=AllAccepted(phones),
            parts=request.parts,
            scheduled=message.send_at is not None,
            idempotency_key=request.idempotency_key,
        )

    async def aclose(self) -> None:
        """Keep what there is: it may be looked at afterwards."""
