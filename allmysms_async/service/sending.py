"""One text to one person or a few."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable

from allmysms_async import telemetry
from allmysms_async.backend import Sends, Simulates, limits_by_message
from allmysms_async.batch.delivery import deliver
from allmysms_async.batch.verdict import Delivery
from allmysms_async.border import bordered
from allmysms_async.model import (
    Estimate,
    MmsMessage,
    QuietHours,
    QuietPolicy,
    Recipient,
    SendReceipt,
    SmsMessage,
    quiet_hours_of,
)
from allmysms_async.prepare import receipt_of, send_request, within_hours
from allmysms_async.service.core import Core

__all__ = ["Sending"]


@bordered
class Sending(Core):
    """Sends one text, and tells what it would cost."""

    async def send(
        self,
        message: SmsMessage | MmsMessage | str,
        to: str | Recipient | Iterable[str | Recipient],
        *,
        sender: str | None = None,
        idempotency_key: str | None = None,
        name: str | None = None,
        timeout: float | None = None,
        quiet_hours: QuietHours | QuietPolicy | None = None,
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
            quiet_hours: What becomes of a ``marketing`` text in its recipients' quiet hours: a ``QuietHours``, or its
                policy alone. ``refuse`` is the default, ``defer`` gives it the next legal moment of all of them as its
                date, ``ignore`` sends it now. Other purposes are never held up.

        Returns:
            What became of each recipient; one of them at least was accepted, or its outcome is not confirmed.

        Raises:
            InvalidRequest: A number, the text, the sender or the date cannot be right; nothing was sent.
            QuietHoursError: It is marketing, and somebody's quiet hours; it names the next legal moment.
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
        quiet = quiet_hours_of(request.message.purpose, quiet_hours)
        attempt: Callable[[], Awaitable[SendReceipt]] = functools.partial(backend.send, request)
        if quiet is not None:
            attempt = await within_hours(backend, request, quiet, self._clock)
        delivering: Awaitable[Delivery] = deliver(
            attempt,
            keyed=request.idempotency_key is not None,
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )
        observer = telemetry.observer
        if observer is not None:
            delivering = observer.sending(backend.name, len(request.recipients), delivering)
        return receipt_of(await delivering, request.idempotency_key)

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
