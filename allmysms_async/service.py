"""``SmsService``: the one interface over every backend."""

from __future__ import annotations

import contextlib
import functools
import os
import random
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import msgspec

from allmysms_async import argument
from allmysms_async.backend import (
    ActsForSubAccounts,
    AddsOptOuts,
    Backend,
    Calls,
    Cancels,
    ChecksOptOuts,
    CreatesSubAccounts,
    DescribesAccount,
    KeepsLists,
    LimitsByMessage,
    ListsCampaigns,
    ListsOptOuts,
    ListsSubAccounts,
    Question,
    ReceivesReplies,
    RemovesOptOuts,
    ReportsDelivery,
    Sends,
    Simulates,
    capable,
    limits_by_message,
)
from allmysms_async.batch.policy import RetryPolicy, deliver, repeat
from allmysms_async.batch.run import CampaignRun, EngineOptions
from allmysms_async.border import bordered
from allmysms_async.campaign import Begun, Work, import_journal, journal_sink, stored_campaign
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.contact_lists import change_list
from allmysms_async.environment import backend_of_environment
from allmysms_async.model import (
    Account,
    Campaign,
    CampaignResult,
    CampaignSummary,
    Contact,
    DeliveryReport,
    Estimate,
    ListChange,
    MmsMessage,
    NewSubAccount,
    OptOut,
    Recipient,
    Reply,
    SendReceipt,
    SmsMessage,
    SubAccount,
    check_campaign,
)
from allmysms_async.numbers import canonical_number
from allmysms_async.options import RunOptions, SendOptions, ServiceSettings, check_settings, checked_journal
from allmysms_async.prepare import (
    attempts_of,
    check_operation,
    contacts_added,
    contacts_removed,
    engine_options,
    iterable,
    opt_outs_of,
    receipt_of,
    send_request,
)

if TYPE_CHECKING:
    from types import TracebackType

    from allmysms_async.watch import Watched, Watcher, WatchOptions

__all__ = ["SEND_POLICY", "SmsService"]

SEND_POLICY = RetryPolicy(attempts=5, deadline=60.0, cap=8.0)
"""For ``send``: somebody waits for a one-time code, so it gives up within a minute."""

B = TypeVar("B", bound=Backend)
R = TypeVar("R")


@bordered
class SmsService:
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
        check_settings(policy, send_policy, concurrency, grace, clock, rng)
        self.backend = backend
        # Looked up once: what a backend can do does not change, and asking is a good part of a send's own time.
        self._sends = backend if isinstance(backend, Sends) else None
        self._limits_of = backend.limits_of if isinstance(backend, LimitsByMessage) else None
        self._usual = EngineOptions(chunk_size=0, concurrency=concurrency, policy=policy or RetryPolicy(), grace=grace)
        self._send_policy = send_policy
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret
        self._work = Work(self)
        self._watcher: Watcher | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Unpack[ServiceSettings]) -> Self:
        """Return a service over the HTTPS API v9 for the account in the environment, as the command line has it.

        ``ALLMYSMS_LOGIN`` and ``ALLMYSMS_API_KEY`` must be set; ``ALLMYSMS_BASE_URL`` names another server.

        Args:
            environ: The variables; the process's own by default.
            settings: As the class has them.

        Raises:
            InvalidRequest: Naming the variable that is not set or cannot be right, never its value.
        """
        return cls(backend_of_environment(environ), **settings)

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
        try:
            await self._work.aclose()
        finally:
            await self.backend.aclose()

    def capable(self, capability: type[B]) -> B:
        """Return the backend as one that can do what is asked, or raise ``UnsupportedFeature``."""
        return capable(self.backend, capability)

    # -- one text -----------------------------------------------------------------------------------------------------

    async def send(
        self,
        message: SmsMessage | MmsMessage | str,
        to: str | Recipient | Iterable[str | Recipient],
        *,
        sender: str | None = None,
        idempotency_key: str | None = None,
        name: str | None = None,
        timeout: float | None = None,
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
            timeout: Seconds for each attempt, from the wait for a connection to the last byte of the answer; the
                backend's own by default. How long the whole call may take, ``send_policy.deadline`` says: after it no
                attempt is begun.

        Returns:
            What became of each recipient; one of them at least was accepted, or its outcome is not confirmed.

        Raises:
            InvalidRequest: A number, the text, the sender or the date cannot be right; nothing was sent.
            UnsupportedFeature: The backend cannot send this kind of message, or lacks an option that it asks for.
            OutcomeUnknown: It may have been sent; ``idempotency_key`` is in the error. Repeat the call with it within
                23 hours to learn what happened without texting twice.
            NotSent: No connection, after all attempts; nothing was sent. ``CannotPass`` after one where no other would
                help: a certificate that is refused, a service that is closed.
            NoValidNumber: The gateway refused every number; nothing was sent.
            GatewayError: The gateway refused; its class says why.
        """
        backend = self._sends
        if backend is None or backend is not self.backend:
            backend = self.capable(Sends)
        request = send_request(
            *(backend, message, to),
            sender=sender,
            limits_of=self._limits_of if backend is self._sends else limits_by_message(backend),
            clock=self._clock,
            key=idempotency_key,
            name=name,
            timeout=timeout,
        )
        delivery = await deliver(
            functools.partial(backend.send, request),
            keyed=request.idempotency_key is not None,
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )
        return receipt_of(delivery, request.idempotency_key)

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
            ``JournalError`` if the journal is of another campaign or cannot be opened, ``InvalidRequest`` if its URL
            cannot be right and its libraries were not imported when this was called.

        Raises:
            InvalidRequest: The text, the sender, the date or a number of the call cannot be right; nothing was sent.
            UnsupportedFeature: ``max_cost`` on a protocol that reports no cost.
        """
        check_campaign(campaign)
        backend, journal = self.capable(Sends), checked_journal(options.get("journal"))
        iterable(campaign.recipients)
        begun = Begun.of(campaign, backend, journal)
        # What was begun may be continued after its date, if only to learn what became of it.
        clock = self._clock if journal is None and not begun.sink.accounted else None
        checked = engine_options(backend, campaign, options, self._usual, clock=clock)
        checked = self._without_opt_outs(checked, campaign, journal)
        lease = options.get("lease")
        sink = begun.sink if journal is None else journal_sink(journal, campaign, backend, self._clock, lease)
        run = CampaignRun(backend, campaign, begun.intake, sink, checked, self._clock, self._rng)
        return self._work.add(run, begun)

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
        path = checked_journal(journal) or ""
        await import_journal(path)
        campaign = await stored_campaign(path, name)
        backend = self.capable(Sends)
        checked = engine_options(backend, campaign, options, self._usual, clock=None)
        checked = self._without_opt_outs(checked, campaign, path)
        sink = journal_sink(journal, campaign, backend, self._clock, options.get("lease"))
        return self._work.add(CampaignRun(backend, campaign, None, sink, checked, self._clock, self._rng))

    def _without_opt_outs(
        self, options: EngineOptions, campaign: Campaign, journal: str | os.PathLike[str] | None
    ) -> EngineOptions:
        """Return how a campaign is sent to all but those who opted out, if it leaves them out."""
        opt_outs = opt_outs_of(self.backend, campaign, journal, policy=options.policy, clock=self._clock, rng=self._rng)
        return msgspec.structs.replace(options, opt_outs=opt_outs)

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
        if (journal := checked_journal(options.get("journal"))) is not None:
            await import_journal(journal)
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
            policy=self._usual.policy,
            send_policy=self._send_policy,
            concurrency=self._usual.concurrency,
            grace=self._usual.grace,
            clock=self._clock,
            rng=self._rng,
        )

    async def call(
        self,
        operation: Question[R],
        *,
        attempts: int | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> R:
        """Ask one of the protocol's own operations, repeated where its class of replay allows that.

        ``safe`` ones are repeated after a lost answer, ``key`` ones only if they carry their identifier, and ``never``
        ones not at all. ``RestBackend.api`` has the same operations in one attempt each.

        Args:
            operation: Such as ``GetAcks(camp_id)`` of the backend's protocol.
            attempts: Attempts at most, the first included; those of ``send_policy`` by default.
            timeout: Seconds for each attempt, as for ``send``.
            retries: ``attempts`` without the first: its former name, for one more version.

        Raises:
            InvalidRequest: Several attempts are asked for of an operation that is never repeated; nothing was sent.
            UnsupportedFeature: The backend has no operations of its own.
            AllMySmsError: As the operation says.
        """
        backend = self.capable(Calls)
        check_operation(operation)
        if timeout is not None:
            argument.seconds("timeout", timeout)
        return await repeat(
            lambda: backend.call(operation, timeout=timeout),
            replay=operation.replay,
            key=operation.idempotency_key,
            attempts=attempts_of(attempts, retries),
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
        request = send_request(sends, message, to, limits_of=limits_by_message(sends), clock=self._clock)
        return await backend.simulate(request)

    # -- campaigns and reports ----------------------------------------------------------------------------------------

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Args:
            campaign_id: As in ``SendReceipt.campaign_id`` or ``CampaignResult.campaign_ids``.

        Raises:
            CampaignNotFound: The gateway does not know it.
            CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
        """
        await self.capable(Cancels).cancel(argument.text("campaign_id", campaign_id))

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the delivery reports of one send; they may change for 72 hours."""
        return await self.capable(ReportsDelivery).delivery_reports(argument.text("campaign_id", campaign_id))

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Fetch the delivery report of one text; it may change for 72 hours."""
        return await self.capable(ReportsDelivery).delivery_report(argument.text("sms_id", sms_id))

    async def account(self) -> Account:
        """Fetch the account's state and credits."""
        return await self.capable(DescribesAccount).account()

    def campaigns(self, start: datetime, end: datetime, *, search: str | None = None) -> AsyncIterator[CampaignSummary]:
        """Iterate over the sends of a period that the gateway knows, lazily.

        Args:
            start: Start of the period, aware.
            end: End of the period, aware.
            search: Text to look for in names and messages.
        """
        argument.moment("start", start)
        argument.moment("end", end)
        if search is not None:
            argument.text("search", search)
        return self.capable(ListsCampaigns).campaigns(start, end, search=search)

    def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over what people answered, lazily.

        Some protocols hand each new answer out once only: keep it safe before doing anything else with it.

        Args:
            campaign_id: The answers to one send; None for those not fetched before.

        Raises:
            InvalidRequest: The protocol needs a campaign id.
        """
        if campaign_id is not None:
            argument.text("campaign_id", campaign_id)
        return self.capable(ReceivesReplies).replies(campaign_id)

    def watch_reports(self, sends: Watched, **options: Unpack[WatchOptions]) -> AsyncIterator[DeliveryReport]:
        """Iterate over delivery reports as they come, asked for at growing intervals, for services without a webhook.

        Each change is handed out once: a text that is handed to the operator and then delivered, twice. It ends when
        nothing can change any more, where the number of texts is known, and after 72 hours.

        Args:
            sends: The identifier of a send, several, a receipt or a campaign's result.
            options: As ``WatchOptions`` has them: ``journal``, ``pace``, ``until``.

        Raises:
            InvalidRequest: No send is named.
            UnsupportedFeature: The backend has no delivery reports.
            AllMySmsError: While iterating: the login is refused, or the journal cannot be used. What passes is asked
                again in the next round.
        """
        from allmysms_async.watch import checked, sends_of

        backend = self.capable(ReportsDelivery)
        return self._watching().reports(backend, *sends_of(sends), checked(options))

    def watch_replies(self, sends: Watched | None = None, **options: Unpack[WatchOptions]) -> AsyncIterator[Reply]:
        """Iterate over what people answer as it comes, asked for at growing intervals, for services without a webhook.

        Each answer is handed out once. Where the gateway does so too, for the whole account, none is lost all the same:
        with a journal it is durable before it is handed out, and after a question whose answer did not come the
        replies of all sends of the last 72 hours are read again. It ends when the caller breaks, or at ``until``.

        Args:
            sends: As for ``watch_reports``; None for whatever is new, on protocols that have that.
            options: As ``WatchOptions`` has them: ``journal``, ``pace``, ``until``.

        Raises:
            InvalidRequest: No send is named, and the protocol needs them.
            UnsupportedFeature: The backend has no replies.
            AllMySmsError: As for ``watch_reports``.
        """
        from allmysms_async.watch import checked, sends_for_replies

        backend = self.capable(ReceivesReplies)
        return self._watching().replies(backend, sends_for_replies(backend, sends), checked(options))

    def _watching(self) -> Watcher:
        """Return what watches for this service; it is imported by those who watch."""
        if self._watcher is None:
            from allmysms_async.watch import Watcher

            self._watcher = Watcher(self._clock)
        return self._watcher

    # -- opt-outs and sub-accounts ------------------------------------------------------------------------------------

    def opt_outs(self) -> AsyncIterator[OptOut]:
        """Iterate over the numbers that the gateway does not text any more."""
        return self.capable(ListsOptOuts).opt_outs()

    async def opted_out(self, phone: str) -> bool:
        """Tell whether a number opted out."""
        return await self.capable(ChecksOptOuts).opted_out(canonical_number(phone))

    async def add_opt_out(self, phone: str) -> None:
        """Bar a number from being texted."""
        await self.capable(AddsOptOuts).add_opt_out(canonical_number(phone))

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again; only its owner may ask for that."""
        await self.capable(RemovesOptOuts).remove_opt_out(canonical_number(phone))

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create a sub-account, in one attempt; return what names it in later calls.

        Raises:
            InvalidRequest: Something that the protocol needs is missing.
            OutcomeUnknown: It may have been created.
        """
        argument.given("account", account, NewSubAccount, "a NewSubAccount")
        return await self.capable(CreatesSubAccounts).create_sub_account(account)

    def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the sub-accounts."""
        return self.capable(ListsSubAccounts).sub_accounts()

    # -- contact lists ------------------------------------------------------------------------------------------------

    async def populate_list(
        self,
        name: str,
        contacts: Iterable[Contact | str] | AsyncIterable[Contact | str],
        *,
        chunk_size: int = 500,
    ) -> ListChange:
        """Insert contacts into a list that the gateway keeps, some in a request, however many there are.

        No request is ever made twice. Whether a number is one, the gateway says: it ignores those that are not.

        Args:
            name: The list's name; it must be there, with the columns that the contacts have.
            contacts: Any iterable or async iterable of contacts or bare numbers; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Returns:
            The gateway's counts, summed up.

        Raises:
            ListStopped: A request failed, or the source did. It says how many rows were answered for, and how many
                after them may have been taken; go on from there.
        """
        add = contacts_added(self.capable(KeepsLists), argument.text("name", name))
        return await change_list(add, contacts, chunk_size=chunk_size)

    async def delete_contacts(
        self, name: str, phones: Iterable[Contact | str] | AsyncIterable[Contact | str], *, chunk_size: int = 500
    ) -> ListChange:
        """Delete contacts from a list that the gateway keeps; the twin of ``populate_list``.

        Args:
            name: The list's name.
            phones: Any iterable or async iterable of numbers or contacts; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Raises:
            ListStopped: As for ``populate_list``.
        """
        remove = contacts_removed(self.capable(KeepsLists), argument.text("name", name))
        return await change_list(remove, phones, chunk_size=chunk_size)
