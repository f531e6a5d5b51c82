"""``SmsService``: the one interface over every backend."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar, Unpack

from allmysms_async import argument
from allmysms_async.backend import (
    ActsForSubAccounts,
    Backend,
    Calls,
    Question,
    SendRequest,
    Sends,
    SendsMms,
    Simulates,
    limits_of,
)
from allmysms_async.batch.limits import StopConditions
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.plan import Planner, template_of
from allmysms_async.batch.policy import Clock, RetryPolicy, SystemClock, deliver, repeat
from allmysms_async.batch.run import CampaignRun, EngineOptions
from allmysms_async.batch.settlement import all_refused
from allmysms_async.border import bordered
from allmysms_async.campaign import (
    Begun,
    RunOptions,
    SendOptions,
    check_options,
    checked_journal,
    journal_sink,
    stored_campaign,
)
from allmysms_async.errors import (
    InvalidRequest,
    InvalidSchedule,
    UnsupportedFeature,
)
from allmysms_async.inquiry import Inquiry
from allmysms_async.loop import BriefLock
from allmysms_async.model import (
    Campaign,
    CampaignResult,
    Estimate,
    MmsMessage,
    Reason,
    Recipient,
    SendReceipt,
    SmsMessage,
    as_sms,
    check_campaign,
    check_message,
)
from allmysms_async.prepare import few, iterable, refuse, unanswered

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["SEND_POLICY", "SmsService"]

SEND_POLICY = RetryPolicy(attempts=5, deadline=60.0, cap=8.0)
"""For ``send``: somebody waits for a one-time code, so it gives up within a minute."""

_MAX_NAME = 100

R = TypeVar("R")


@bordered
class SmsService(Inquiry):
    """Sends texts and campaigns through a backend, and asks it for reports.

    It may be made once, at import, and used from any event loop, thread and process: each event loop has connections of
    its own, which close with it. Closed in one, it is closed for all event loops of the process.

    Args:
        backend: What reaches the gateway, such as ``RestBackend``; closed with the service.
        policy: How long ``run`` and ``stream`` keep trying each request.
        send_policy: The same for ``send``.
        concurrency: Requests in flight at most, in one campaign.
        grace: Seconds that a run which is stopped, or closed with the service, waits for answers to what it has sent.
        clock: Where the time comes from; the machine's own by default.
        rng: Where the jitter between attempts comes from.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        policy: RetryPolicy | None = None,
        send_policy: RetryPolicy = SEND_POLICY,
        concurrency: int = 8,
        grace: float = 30.0,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        argument.given("backend", backend, Backend, "a backend, such as RestBackend(…)")
        argument.count("concurrency", concurrency)
        argument.seconds("grace", grace, zero=True)
        argument.given("policy", policy, (RetryPolicy, type(None)), "a RetryPolicy")
        argument.given("send_policy", send_policy, RetryPolicy, "a RetryPolicy")
        argument.given("rng", rng, (random.Random, type(None)), "a random.Random")
        if clock is not None:
            argument.able("clock", clock, ("now", "monotonic", "sleep"), "a clock")
        super().__init__(backend)
        self._policy = policy or RetryPolicy()
        self._send_policy = send_policy
        self._concurrency = concurrency
        self._grace = grace
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret
        self._runs: weakref.WeakSet[CampaignRun] = weakref.WeakSet()
        self._begun: weakref.WeakSet[Begun] = weakref.WeakSet()
        self._noting = BriefLock()

    async def __aenter__(self) -> SmsService:
        """Return the service itself; connections are opened when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the service."""
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs, wait up to ``grace`` for the answers to what was sent, and close the backend."""
        with self._noting:
            runs, campaigns = list(self._runs), list(self._begun)
        try:
            await asyncio.gather(*(run.aclose() for run in runs))
            for begun in campaigns:
                if begun.service() is self:
                    await begun.intake.aclose()
        finally:
            await self.backend.aclose()

    # -- one text -----------------------------------------------------------------------------------------------------

    async def send(
        self,
        message: SmsMessage | MmsMessage | str,
        to: str | Recipient | Iterable[str | Recipient],
        *,
        sender: str | None = None,
        idempotency_key: str | None = None,
        name: str | None = None,
    ) -> SendReceipt:
        """Send one text to one person or a few, in one request.

        Without an answer it is repeated under the same idempotency key, so that nobody is texted twice; on a protocol
        without keys, an unanswered request is never repeated.

        Args:
            message: The text, or a message with its options; ``purpose`` is ``transactional`` unless it says another.
                An MMS where the backend sends MMS.
            to: One number or recipient, or some; a number that is given twice is texted once.
            sender: Sender shown, if ``message`` is a plain text.
            idempotency_key: 1 to 64 printable characters; a fresh one by default. Bring your own where the call may be
                cancelled, or to repeat a call whose outcome is unknown. Never use one for two different texts: the
                second would be answered with the first's result, and lost. After a ``GatewayError`` take a new one.
            name: Shown in the provider's back office.

        Returns:
            What became of each recipient; one of them at least was accepted, or its outcome is not confirmed.

        Raises:
            InvalidRequest: A number, the text, the sender or the date cannot be right; nothing was sent.
            UnsupportedFeature: The backend cannot send this kind of message, or lacks an option that it asks for.
            OutcomeUnknown: It may have been sent; ``idempotency_key`` is in the error. Repeat the call with it within
                23 hours to learn what happened without texting twice.
            NotSent: No connection, after all retries; nothing was sent. ``CannotPass`` at once where retries would not
                help: a certificate that is refused, a service that is closed.
            NoValidNumber: The gateway refused every number; nothing was sent.
            GatewayError: The gateway refused; its class says why.
        """
        backend = self.capable(Sends)
        if name is not None:
            argument.text("name", name)
        if isinstance(message, str):
            message = SmsMessage(message, sender=sender)
        elif sender is not None:
            msg = "Give the sender either in the message or as sender=, not both; nothing was sent."
            raise InvalidRequest(msg)
        request = self._request(backend, message, to, idempotency_key, name)
        key = request.idempotency_key
        delivery = await deliver(
            lambda: backend.send(request),
            keyed=key is not None,
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )
        if delivery.error is not None:
            if delivery.event == "lose":
                raise unanswered(delivery.error, key) from delivery.error
            raise delivery.error
        if delivery.receipt is None:  # deliver gives one or the other
            msg = "The send ended without an answer and without an error."
            raise AssertionError(msg)
        receipt = delivery.receipt
        if not receipt.accepted and not receipt.unconfirmed:
            raise all_refused(receipt)
        return receipt

    def _request(
        self,
        backend: Sends,
        message: SmsMessage | MmsMessage,
        to: str | Recipient | Iterable[str | Recipient],
        key: str | None,
        name: str | None,
    ) -> SendRequest:
        """Return the one request of a ``send``, refusing here whatever cannot be right."""
        self._check(backend, message)
        if key is not None and (not argument.text("idempotency_key", key).isprintable() or not 1 <= len(key) <= 64):
            msg = "idempotency_key must be 1 to 64 printable characters; nothing was sent."
            raise InvalidRequest(msg)
        if key is not None and not backend.limits.idempotent:
            msg = f"The backend {backend.name} has no idempotency keys; nothing was sent."
            raise UnsupportedFeature(msg, backends=("rest",))
        recipients = [to] if isinstance(to, str | Recipient) else few(to)
        if not recipients:
            msg = "There is nobody to send to; nothing was sent."
            raise InvalidRequest(msg)
        sink = MemorySink()
        limits, sms = limits_of(backend, message), as_sms(message)
        most = limits.max_recipients
        planner = Planner(sms, limits, chunk_size=most, seen=sink.seen, accounted=sink.accounted)
        for row, item in enumerate(recipients, 1):
            outcome = planner.add(row, item)
            if outcome is not None and outcome.reason is not Reason.DUPLICATE:
                refuse(row, item, outcome.reason)
        chunks = planner.flush()
        if len(chunks) > 1:
            msg = (
                f"These recipients need {len(chunks)} requests (over {most} of them, too long a list, or texts or "
                "codings that differ); nothing was sent."
            )
            raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign, or encoding='unicode'.")
        chunk = chunks[0]
        return SendRequest(
            message=sms,
            mms=message if isinstance(message, MmsMessage) else None,
            text=chunk.text,
            coding=chunk.coding,
            params=chunk.params,
            recipients=chunk.recipients,
            parts=chunk.parts,
            campaign_name=name,
            idempotency_key=(key or secrets.token_hex(16)) if backend.limits.idempotent else None,
        )

    # -- campaigns ----------------------------------------------------------------------------------------------------

    def stream(self, campaign: Campaign, **options: Unpack[RunOptions]) -> CampaignRun:
        """Send a campaign, and iterate over its progress.

        The source is read lazily, no faster than it is sent. Nobody is texted twice, whatever the source repeats. The
        same ``Campaign`` object given again, after a stop, continues, also with another service of the same account:
        what was sent stays sent, failed chunks are tried again, and unknown ones are asked about with their key. With a
        journal so does any campaign of the same name.

        Args:
            campaign: What is sent to whom; its message must say its purpose.
            options: As ``RunOptions`` has them: ``journal``, ``chunk_size``, ``concurrency``, ``max_cost``,
                ``max_parts``, ``max_failure_rate``, ``max_duration``, ``lease``.

        Returns:
            The run: ``async for progress in run``, ``run.stop()``, ``run.result``. The iteration raises
            ``CampaignStopped`` when login, permission, credit, a limit, an outage or the journal end it,
            ``EmptyCampaign`` without any row, ``CampaignTooLong`` before anything is sent, ``CampaignChanged`` and
            ``JournalError`` if the journal is of another campaign or cannot be opened.

        Raises:
            InvalidRequest: The text, the sender, the date or a number of the call cannot be right; nothing was sent.
            UnsupportedFeature: ``max_cost`` on a protocol that reports no cost.
        """
        check_campaign(campaign)
        backend, journal = self.capable(Sends), checked_journal(options.get("journal"))
        iterable(campaign.recipients)
        begun = Begun.of(campaign, backend, journal)
        # What was begun may be continued after its date, if only to learn what became of it.
        checked = self._options(campaign, options, dated=journal is None and not begun.sink.accounted)
        lease = options.get("lease")
        sink = begun.sink if journal is None else journal_sink(journal, campaign, backend, self._clock, lease)
        run = CampaignRun(backend, campaign, begun.intake, sink, checked, self._clock, self._rng)
        begun.service = weakref.ref(self)
        with self._noting:
            self._begun.add(begun)
            self._runs.add(run)
        return run

    async def resume(
        self, journal: str | os.PathLike[str], name: str | None = None, **options: Unpack[SendOptions]
    ) -> CampaignRun:
        """Continue a campaign with what its journal holds; its source is not read.

        Args:
            journal: As for ``stream``.
            name: The campaign's; needed if the journal has several.
            options: As for ``stream``.

        Returns:
            The run, as from ``stream``; ``result.complete`` is false if the source was not read to its end before.

        Raises:
            InvalidRequest: The journal has no such campaign.
            JournalError: The journal cannot be used.
        """
        campaign = await stored_campaign(checked_journal(journal) or "", name)
        checked, backend = self._options(campaign, options, dated=False), self.capable(Sends)
        sink = journal_sink(journal, campaign, backend, self._clock, options.get("lease"))
        run = CampaignRun(backend, campaign, None, sink, checked, self._clock, self._rng)
        with self._noting:
            self._runs.add(run)
        return run

    def _options(self, campaign: Campaign, options: SendOptions, *, dated: bool) -> EngineOptions:
        """Return how a campaign is sent, refusing what cannot be right."""
        backend = self.capable(Sends)
        check_options(options)
        if campaign.message.purpose is None:
            msg = "A campaign must say its purpose: marketing, transactional or otp; nothing was sent."
            raise InvalidRequest(msg)
        name = campaign.name
        if not name.strip() or not name.isprintable() or len(name) > _MAX_NAME:
            msg = f"A campaign's name must be 1 to {_MAX_NAME} printable characters; nothing was sent."
            raise InvalidRequest(msg)
        self._check(backend, campaign.message, dated=dated)
        limits, size = limits_of(backend, campaign.message), options.get("chunk_size")
        size = limits.recipients if size is None else size
        if not 1 <= argument.count("chunk_size", size, least=0) <= limits.max_recipients:
            msg = f"chunk_size is {size}; with {backend.name} it must be 1 to {limits.max_recipients}."
            raise InvalidRequest(msg)
        workers = options.get("concurrency")
        workers = self._concurrency if workers is None else workers
        argument.count("concurrency", workers)
        stop = StopConditions(
            max_cost=options.get("max_cost"),
            max_parts=options.get("max_parts"),
            max_failure_rate=options.get("max_failure_rate"),
        )
        stop.check(backend)
        return EngineOptions(
            chunk_size=size,
            concurrency=workers,
            policy=self._policy,
            grace=self._grace,
            max_duration=options.get("max_duration"),
            limits=stop,
        )

    async def run(self, campaign: Campaign, **options: Unpack[RunOptions]) -> CampaignResult:
        """Send a campaign to its end; ``stream`` without the progress.

        Raises:
            InvalidRequest: As for ``stream``.
            EmptyCampaign: The source held no row.
            CampaignStopped: Login, permission, credit, a limit or the journal ended it, or the source failed;
                ``reason`` and ``result`` say more. Run it again to continue.
            CampaignTooLong: A request limit would stretch it past ``max_duration``; nothing was sent.
            JournalError: The journal cannot be opened; nothing was sent.
        """
        run = self.stream(campaign, **options)
        async with contextlib.aclosing(run):
            async for _ in run:
                pass
        return run.result

    # -- asking -------------------------------------------------------------------------------------------------------

    def with_sub_account(self, login: str) -> SmsService:
        """Return a view of this service that acts for a sub-account; connections are shared.

        Closing the view stops what runs in it and closes nothing else; close this service as always.

        Args:
            login: The sub-account's login.

        Raises:
            InvalidRequest: The login cannot travel.
            UnsupportedFeature: The backend cannot act for a sub-account.
        """
        return SmsService(
            self.capable(ActsForSubAccounts).with_sub_account(login),
            policy=self._policy,
            send_policy=self._send_policy,
            concurrency=self._concurrency,
            grace=self._grace,
            clock=self._clock,
            rng=self._rng,
        )

    async def call(self, operation: Question[R], *, retries: int | None = None, timeout: float | None = None) -> R:
        """Ask one of the protocol's own operations, repeated where its class of replay allows that.

        ``safe`` ones are repeated after a lost answer, ``key`` ones only if they carry their identifier, and ``never``
        ones not at all. ``RestBackend.api`` has the same operations in one attempt each.

        Args:
            operation: Such as ``GetAcks(camp_id)`` of the backend's protocol.
            retries: Attempts after the first, at most; the service's policy by default.
            timeout: Seconds for each attempt; the backend's own by default.

        Raises:
            InvalidRequest: Retries are asked for of an operation that is never repeated; nothing was sent.
            UnsupportedFeature: The backend has no operations of its own.
            AllMySmsError: As the operation says.
        """
        backend = self.capable(Calls)
        if isinstance(operation, type) or not hasattr(operation, "replay"):
            msg = f"call() asks an operation of the protocol, such as GetAcks(…), not {type(operation).__name__}."
            raise InvalidRequest(msg, remedy="RestBackend.api has them all by name; nothing was sent.")
        if timeout is not None:
            argument.seconds("timeout", timeout)
        return await repeat(
            lambda: backend.call(operation, timeout=timeout),
            replay=operation.replay,
            key=operation.idempotency_key,
            retries=retries,
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )

    async def simulate(self, message: SmsMessage | str, to: str | Recipient | Iterable[str | Recipient]) -> Estimate:
        """Ask what a send would cost, without sending.

        Raises:
            InvalidRequest: As for ``send``.
            UnsupportedFeature: The backend cannot simulate.
        """
        backend = self.capable(Simulates)
        sends = self.capable(Sends)
        message = SmsMessage(message) if isinstance(message, str) else message
        return await backend.simulate(self._request(sends, message, to, None, None))

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check(self, backend: Sends, message: SmsMessage | MmsMessage, *, dated: bool = True) -> None:
        """Refuse a message whose options cannot be right; its date need not be in the future unless ``dated``."""
        check_message(message)
        if isinstance(message, MmsMessage):
            self.capable(SendsMms).check_mms(message)
        self._check_options(as_sms(message), dated=dated)
        template_of(as_sms(message), limits_of(backend, message))
        if isinstance(message, SmsMessage):
            backend.check(message)

    def _check_options(self, message: SmsMessage, *, dated: bool) -> None:
        """Refuse options that are right for no backend."""
        if message.reference is not None and (not message.reference.isprintable() or len(message.reference) > 64):
            msg = "reference must be at most 64 printable characters; nothing was sent."
            raise InvalidRequest(msg)
        when = message.send_at
        if when is not None and dated and when <= self._clock.now():
            msg = f"send_at, {when.isoformat()}, is in the past; nothing was sent."
            raise InvalidSchedule(msg)
