"""A caller's own idempotency key."""

import asyncio
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, RestBackend, SmsService
from allmysms_async.errors import DuplicateRequest
from allmysms_async.sandbox import Sandbox

PHONE = "33612345678"


async def test_own_key_is_not_taken_for_a_repeat(sandbox: Sandbox, sms: SmsService) -> None:
    """121 on a key's first attempt means that another identical request did it: it is told, and not sent later."""
    await sms.send("Bonjour", PHONE)

    with pytest.raises(DuplicateRequest):
        await sms.send("Bonjour", PHONE, idempotency_key="commande-2")

    assert len(sandbox.messages(PHONE)) == 1


async def test_wrong_login_with_an_own_key_is_a_wrong_login(sandbox: Sandbox) -> None:
    """An own key does not turn a clear refusal into an open question."""
    async with SmsService(RestBackend("demo", "wrong", base_url=sandbox.http_url)) as sms:
        with pytest.raises(AuthenticationFailed):
            await sms.send("Bonjour", PHONE, idempotency_key="commande-3")


async def test_cancelled_send_is_asked_about_with_its_own_key(sandbox: Sandbox, service: Any, until: Any) -> None:
    """A send that was cancelled after it left can be repeated with its key: the answer comes, and no second text."""
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    sms = service()

    sending = asyncio.create_task(sms.send("Votre code est 4821", PHONE, idempotency_key="code-17"))
    await until(lambda: sandbox.messages(PHONE))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    receipt = await sms.send("Votre code est 4821", PHONE, idempotency_key="code-17")

    assert (receipt.replayed, len(receipt.accepted)) == (True, 1)
    assert len(sandbox.messages(PHONE)) == 1


async def test_number_of_nine_digits_is_not_taken_for_a_french_one(sandbox: Sandbox, sms: SmsService) -> None:
    """New Caledonia's +687 75 12 34 reaches that number, and not 06 87 75 12 34 without its 0."""
    receipt = await sms.send("Bonjour", "+687 75 12 34")

    assert [accepted.phone for accepted in receipt.accepted] == ["687751234"]
    assert [message["phone"] for message in sandbox.messages()] == ["687751234"]
