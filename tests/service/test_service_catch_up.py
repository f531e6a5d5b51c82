"""A receiver that was away asks for what it missed; and what is pushed and what is polled say the same."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import (
    EnvoyerSmsProBackend,
    HttpRefused,
    InvalidRequest,
    Mail2SmsBackend,
    OutcomeUnknown,
    Reply,
    SmsMessage,
    SmsService,
    SoapBackend,
    UnsupportedFeature,
)
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import FINAL, DeliveryStatus
from allmysms_async.sandbox import Sandbox
from allmysms_async.webhooks import Receiver

TOKEN = "tOkEn-0123456789_abcdef"
ENDS = {
    "33610000001": DeliveryStatus.DELIVERED,
    "33610000002": DeliveryStatus.UNDELIVERED,
    "33610000004": DeliveryStatus.REJECTED,
    "33610000005": DeliveryStatus.UNKNOWN_NUMBER,
}
DAY = 86_400
_MESSAGE = SmsMessage("Rendez-vous demain", sender=None, wants_replies=True)


class Seen:
    """The sandbox's time, which waiting does not move."""

    def __init__(self, clock: Any) -> None:
        """Follow a clock."""
        self.now = clock.now
        self.monotonic = time.monotonic
        self.sleep = asyncio.sleep


class Handled(Receiver):
    """A receiver that counts what its handlers get.

    Attributes:
        reports: Number and status.
        answers: Number and text.
    """

    def __init__(self, journal: Any, clock: Any) -> None:
        """Count from nothing on."""
        super().__init__(TOKEN, journal, clock=Seen(clock))
        self.reports: Counter[tuple[str, DeliveryStatus]] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()

        @self.on_report
        async def reported(report: Any) -> None:
            self.reports[report.phone, report.status] += 1

        @self.on_reply
        async def answered(reply: Reply) -> None:
            self.answers[reply.phone, reply.text] += 1


async def _all_handled(journal: Any) -> None:
    """Wait until nothing waits."""
    async with EventJournal(journal) as kept:
        while await kept.waiting():  # noqa: ASYNC110  # what it waits for is a row
            await asyncio.sleep(0.005)


async def test_receiver_that_was_away_for_a_day_catches_up(
    sandbox: Sandbox, sms: SmsService, journal: str, clock: Any, until: Any
) -> None:
    """What was pushed to nobody is asked for: handlers get it once, beside what had come before."""
    receiver = Handled(journal, clock)
    sandbox.push_into(receiver.asgi, f"/{TOKEN}")
    async with receiver:
        await sms.send(_MESSAGE, to=list(ENDS))
        sandbox.reply("33610000001", "oui")
        await sandbox.webhooks.settled()
        await until(lambda: receiver.answers.total() == 1)
    await sms.send(_MESSAGE, to="33610000007")
    for phone in ENDS:
        sandbox.reply(phone, "non")
    sandbox.advance(DAY)
    assert len([reply async for reply in sms.replies()]) == 5  # handed out to somebody else
    async with receiver:
        assert await receiver.catch_up(sms.backend) > 0
        await _all_handled(journal)
        assert await receiver.catch_up(sms.backend) == 0
    assert receiver.answers == Counter([("33610000001", "oui"), *((phone, "non") for phone in ENDS)])
    assert set(receiver.reports.values()) == {1}
    ends = {phone: status for phone, status in receiver.reports if status in FINAL}
    assert ends == ENDS | {"33610000007": DeliveryStatus.DELIVERED}


async def test_over_soap_sends_are_named(sandbox: Sandbox, clock: Any, tmp_path: Path) -> None:
    """It lists no sends: who names none is told so, and nothing is asked."""
    backend = SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php")
    async with SmsService(backend, clock=clock) as sms, Handled(tmp_path / "journal.db", clock) as receiver:
        receipt = await sms.send(_MESSAGE, to=list(ENDS))
        for phone in ENDS:
            sandbox.reply(phone, "oui")
        sandbox.advance(DAY)
        with pytest.raises(InvalidRequest, match="name those"):
            await receiver.catch_up(backend)
        for wrong in ([], [3], 3):
            with pytest.raises(InvalidRequest):
                await receiver.catch_up(backend, wrong)  # type: ignore[arg-type]
        assert await receiver.catch_up(backend, [str(receipt.campaign_id)]) == 2 * len(ENDS)
        assert await receiver.catch_up(backend, str(receipt.campaign_id)) == 0
        await _all_handled(tmp_path / "journal.db")
    assert receiver.answers == Counter((phone, "oui") for phone in ENDS)
    assert receiver.reports == Counter(ENDS.items())


async def test_without_a_journal_or_a_start_it_is_refused(sms: SmsService, tmp_path: Path) -> None:
    """Only a journal tells what is new; and a backend that has neither reports nor replies is told so."""
    async with Receiver(TOKEN) as receiver:
        with pytest.raises(InvalidRequest, match="journal"):
            await receiver.catch_up(sms.backend)
    receiver = Receiver(TOKEN, tmp_path / "journal.db")
    with pytest.raises(InvalidRequest, match="started"):
        await receiver.catch_up(sms.backend)
    mail = Mail2SmsBackend("demo", "demo-key", mail_from="a@example.com", hostname="mail.example.com")
    async with receiver, SmsService(mail):
        with pytest.raises(UnsupportedFeature):
            await receiver.catch_up(mail, ["ap_1"])


@pytest.mark.parametrize(("path", "error"), [("getAcks", OutcomeUnknown), ("getPull/", OutcomeUnknown)])
async def test_question_that_failed_is_told_and_costs_nothing(
    sandbox: Sandbox, sms: SmsService, tmp_path: Path, path: str, error: type[Exception]
) -> None:
    """Whoever asked knows that something is missing; asked again, the rest is found."""
    receipts = [await sms.send(_MESSAGE, to=phone) for phone in ENDS]
    ids = [str(receipt.campaign_id) for receipt in receipts]
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    sandbox.advance(DAY)
    async with Receiver(TOKEN, tmp_path / "journal.db") as receiver:
        sandbox.faults([{"fault": "http_503", "times": 1, "path": path}])
        with pytest.raises((error, HttpRefused)):
            await receiver.catch_up(sms.backend, ids)
        assert await receiver.catch_up(sms.backend, ids) == 1
        assert await receiver.catch_up(sms.backend, ids) == 0


async def _final(journal: Any, sends: Any) -> tuple[Any, list[Any]]:
    """Return what a journal says of sends in the end: counts, and the state of each text with its date."""
    async with EventJournal(journal) as record:
        states = [(state.phone, state.status, state.at) async for state in record.delivery_states(sends)]
        return await record.deliveries(sends), states


async def test_final_report_is_the_same_by_webhook_and_by_polling(
    sandbox: Sandbox, sms: SmsService, tmp_path: Path
) -> None:
    """Counts, states and dates of one campaign, pushed into one journal and asked for into another."""
    receiver = Receiver(TOKEN, tmp_path / "pushed.db")
    sandbox.push_into(receiver.asgi, f"/{TOKEN}")
    people = [f"3361000{number:04}" for number in range(60)]
    async with receiver:
        receipt = await sms.send(_MESSAGE, to=people)
        async for _ in sms.watch_reports(receipt, journal=tmp_path / "polled.db"):
            pass
        sandbox.advance(DAY)
        await sandbox.webhooks.settled()
    sends = [str(receipt.campaign_id)]
    pushed, polled = await _final(tmp_path / "pushed.db", sends), await _final(tmp_path / "polled.db", sends)
    assert pushed == polled
    assert sum(pushed[0].values()) == len(people)
    assert set(pushed[0]) >= set(ENDS.values())


_OTHERS: dict[str, Callable[[Sandbox, Any], Any]] = {
    "soap": lambda sandbox, clock: SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php"),
    "envoyersmspro": lambda sandbox, clock: EnvoyerSmsProBackend(
        "demo", "demo-pass", default_sender="MAGASIN", base_url=sandbox.http_url, clock=clock
    ),
}


@pytest.mark.parametrize("protocol", list(_OTHERS))
async def test_final_report_is_the_same_by_every_protocol(
    sandbox: Sandbox, sms: SmsService, clock: Any, tmp_path: Path, protocol: str
) -> None:
    """The same people have the same ends, in the words that the protocol has: Envoyer SMS Pro has two."""
    people = [f"3361000{number:04}" for number in range(40)]
    receipt = await sms.send(_MESSAGE, to=people)
    async for _ in sms.watch_reports(receipt, journal=tmp_path / "rest.db"):
        pass
    async with SmsService(_OTHERS[protocol](sandbox, clock), clock=clock) as other:
        # Others, since the gateway knows by now what became of those.
        again = await other.send(_MESSAGE, to=[phone.replace("3361", "3362") for phone in people])
        async for _ in other.watch_reports(again, journal=tmp_path / "other.db"):
            pass
    counts, states = await _final(tmp_path / "rest.db", [str(receipt.campaign_id)])
    found, others = await _final(tmp_path / "other.db", None)

    def said(status: DeliveryStatus) -> DeliveryStatus:
        few = protocol == "envoyersmspro" and status is not DeliveryStatus.DELIVERED
        return DeliveryStatus.UNDELIVERED if few else status

    assert [(phone.replace("3362", "3361"), status) for phone, status, _ in others] == [
        (phone, said(status)) for phone, status, _ in states
    ]
    assert Counter(found) == sum(
        (Counter({said(status): count}) for status, count in counts.items()), Counter[DeliveryStatus]()
    )
