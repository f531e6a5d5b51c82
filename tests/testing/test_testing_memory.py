"""The backend for unit tests; tests/contract holds it to what every backend promises of texts."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from allmysms_async import (
    Campaign,
    InsufficientCredit,
    MmsMessage,
    NotSent,
    OutcomeUnknown,
    RetryPolicy,
    SmsMessage,
    SmsService,
)
from allmysms_async.testing import MemoryBackend, SentText

ONCE = RetryPolicy(attempts=1)


async def test_sent_text_has_what_was_asked_for() -> None:
    """A text is kept as the person would read it, with sender, purpose and date."""
    backend = MemoryBackend()
    at = datetime(2027, 3, 2, 10, tzinfo=UTC)
    async with SmsService(backend) as sms:
        receipt = await sms.send(SmsMessage("Bonjour", sender="SHOP", purpose="otp", send_at=at), "06 12 34 56 78")
        await sms.send(MmsMessage(text="Bonjour"), "0612345678")
    (text, mms) = backend.sent
    assert (text.phone, text.text, text.sender, text.purpose) == ("33612345678", "Bonjour", "SHOP", "otp")
    assert (text.send_at, text.campaign_id) == (at, receipt.campaign_id)
    assert (receipt.scheduled, receipt.parts) == (True, 1)
    assert mms.text == "Bonjour"
    assert "0612345678" not in repr(backend.sent)
    assert "Bonjour" not in repr(backend.sent)


async def test_failure_is_raised_before_a_text_is_taken() -> None:
    """What was asked for is raised at the next attempt, and nobody is texted; then all is well again."""
    backend = MemoryBackend(failures=[NotSent("down")])
    async with SmsService(backend, send_policy=ONCE) as sms:
        with pytest.raises(NotSent):
            await sms.send("Bonjour", "0612345678")
        assert backend.sent == []
        await sms.send("Bonjour", "0612345678")
    assert len(backend.sent) == 1


async def test_lost_answer_is_found_again_by_its_key() -> None:
    """An answer that is lost leaves the text taken, and the same key tells of it without another."""
    backend = MemoryBackend(failures=[OutcomeUnknown("lost")])
    async with SmsService(backend, send_policy=ONCE) as sms:
        with pytest.raises(OutcomeUnknown) as caught:
            await sms.send("Bonjour", "0612345678")
        assert len(backend.sent) == 1
        receipt = await sms.send("Bonjour", "0612345678", idempotency_key=caught.value.idempotency_key)
    assert len(receipt.accepted) == len(backend.sent) == 1


class Slowly(list[SentText]):
    """A list that lets others run whenever it is asked for its length."""

    def __len__(self) -> int:
        """Return its length, late."""
        length = super().__len__()
        time.sleep(0.001)
        return length


def test_threads_share_one() -> None:
    """Each send of any thread has an identifier of its own, and each failure is raised once."""
    backend = MemoryBackend(failures=[NotSent("down")] * 4)
    backend.sent = Slowly()

    async def send(number: int) -> str | None:
        async with SmsService(backend, send_policy=ONCE) as sms:
            try:
                return (await sms.send(f"Bonjour {number}", "0612345678")).campaign_id
            except NotSent:
                return None

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: asyncio.run(send(number)), range(16)))
    assert told.count(None) == 4
    assert len(set(told)) == 13


async def test_campaign_stops_as_at_a_gateway() -> None:
    """A refusal of the whole request stops a campaign; the same campaign goes on afterwards and texts each once."""
    backend = MemoryBackend(failures=[InsufficientCredit("no credits", code="104")])
    campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), ["0612345678", "0698765432"])
    async with SmsService(backend) as sms:
        with pytest.raises(Exception, match="stopped"):
            await sms.run(campaign)
        result = await sms.run(campaign)
    assert (result.accepted, len(backend.sent)) == (2, 2)
