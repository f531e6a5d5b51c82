"""One text to a few recipients: the request that it makes, and when it may be sent."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, NoReturn

from pyroaring import BitMap64

from allmysms_async import argument
from allmysms_async.backend import SendLimits, SendRequest, Sends
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.param import param_problem, written
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.wording import template_of
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidText, UnsupportedFeature
from allmysms_async.model import MmsMessage, QuietHours, Reason, Recipient, SendReceipt, SmsMessage
from allmysms_async.numbers import MAX_RAW_LENGTH, canonical_number, is_metropolitan_mobile, mask, usual_mobile
from allmysms_async.prepare.marketing import lawful_message
from allmysms_async.prepare.message import MAX_KEY, check_fields, iterable, text_message
from allmysms_async.prepare.schedule import check_date
from allmysms_async.text import Coding, Template, TextSize, gsm_units, plain_gsm, units

__all__ = ["dated_within_hours", "send_request", "within_hours"]

# Recipients that one send looks at, duplicates included; no protocol takes more than 2,000 in a request.
_MAX_GIVEN = 20_000
_ONE_PART = 160


def send_request(
    backend: Sends,
    message: SmsMessage | MmsMessage | str,
    to: str | Recipient | Iterable[str | Recipient],
    *,
    limits_of: Callable[[SmsMessage | MmsMessage], SendLimits] | None,
    clock: Clock,
    sender: str | None = None,
    key: str | None = None,
    name: str | None = None,
    timeout: float | None = None,
) -> SendRequest:
    """Return the one request of a ``send``.

    Args:
        backend: What is to send it.
        message: What is sent.
        to: To whom.
        limits_of: Tells what one request of the backend with the message can hold; None where that is the same for all.
        clock: Where the time comes from: the message's date must lie ahead.
        sender: Sender shown, if ``message`` is a plain text.
        key: The caller's idempotency key; a fresh one by default, where the backend has keys.
        name: The name of the send.
        timeout: Seconds for each attempt; the backend's own by default.

    Raises:
        InvalidRequest: Something cannot be right.
        UnsupportedFeature: The backend lacks what is asked for.
    """
    if name is not None:
        argument.text("name", name)
    if timeout is not None:
        argument.seconds("timeout", timeout)
    if isinstance(message, str) and sender is None:
        message = sms = SmsMessage(message)  # nothing else of it is anybody's to have wrong
    else:
        message, sms, to = _checked(backend, text_message(message, sender), to, clock)
    limits = backend.limits if limits_of is None else limits_of(message)
    parts = _one_part(sms, limits)
    template = None if parts else template_of(sms, limits)
    if isinstance(message, SmsMessage):
        backend.check(message)
    if key is not None:
        _check_key(backend, key)
    idempotency_key = (key or secrets.token_hex(16)) if backend.limits.idempotent else None
    if template is not None and template[1] is not None:
        parts, coding = template[1].parts, template[1].coding
    else:
        coding = Coding.GSM7
    phone = _one_number(to, limits) if parts else None
    if phone is None:
        chunk = _one_request(sms, template or template_of(sms, limits), limits, to)
        text, coding, params, parts = chunk.text, chunk.coding, chunk.params, chunk.parts
        recipients: Sequence[Recipient] = chunk.recipients
    else:
        text, params, recipients = sms.text, 0, (Recipient(phone),)
    return SendRequest(
        message=sms,
        mms=message if isinstance(message, MmsMessage) else None,
        text=text,
        coding=coding,
        params=params,
        recipients=recipients,
        parts=parts,
        campaign_name=name,
        timeout=timeout,
        idempotency_key=idempotency_key,
    )


def _checked(
    backend: Sends, message: SmsMessage | MmsMessage, to: str | Recipient | Iterable[str | Recipient], clock: Clock
) -> tuple[SmsMessage | MmsMessage, SmsMessage, str | Recipient | Iterable[str | Recipient]]:
    """Return a message that may be sent, its text and those to send it to, a list if they had to be looked at.

    Raises:
        InvalidRequest: Something cannot be right.
        UnsupportedFeature: The backend lacks what is asked for.
    """
    sms = check_fields(backend, message, clock)
    if sms.send_at is not None:
        check_date(sms.send_at, clock.now())
    if isinstance(message, SmsMessage) and (message.purpose == "marketing" or message.sender or message.add_stop):
        to = to if isinstance(to, str | Recipient) else _few(to)
        message = sms = lawful_message(backend, message, [to] if isinstance(to, str | Recipient) else to)
    return message, sms, to


def _one_part(sms: SmsMessage, limits: SendLimits) -> int:
    """Return 1 for a text in GSM-7 that is the same for everybody and fits one part, as most do; 0 for any other."""
    text, changed = sms.text, limits.refused_characters or limits.appended
    if "#param_" in text or sms.encoding == "unicode" or changed or not text.strip():
        return 0
    septets = len(text) if plain_gsm(text) is not None else gsm_units(text)
    return 1 if septets is not None and septets <= _ONE_PART and septets <= limits.max_gsm_units else 0


def _one_number(to: object, limits: SendLimits) -> str | None:
    """Return one number alone, or None where more is to be looked at: that is for ``_one_request``."""
    if not isinstance(to, str):
        return None
    if len(to) <= MAX_RAW_LENGTH and (mobile := usual_mobile(to.replace(" ", ""))) is not None:
        return "33" + mobile[1]
    try:
        phone = canonical_number(to)
    except InvalidNumber:
        return None
    return None if limits.metropolitan_only and not is_metropolitan_mobile(phone) else phone


def _one_request(sms: SmsMessage, template: tuple[Template, TextSize | None], limits: SendLimits, to: Any) -> Chunk:
    """Return the one chunk that some recipients make.

    Raises:
        InvalidRequest: There are none, one of them cannot be sent to, or they need several requests.
    """
    most, seen, accounted = limits.max_recipients, BitMap64(), BitMap64()
    planner = Planner(sms, limits, chunk_size=most, seen=seen, accounted=accounted, template=template)
    recipients = [to] if isinstance(to, str | Recipient) else _few(to)
    if not recipients:
        msg = "There is nobody to send to; nothing was sent."
        raise InvalidRequest(msg)
    for row, item in enumerate(recipients, 1):
        outcome = planner.add(row, item)
        if outcome is not None and outcome.reason is not Reason.DUPLICATE:
            _refuse(row, item, outcome.reason, gsm_replacements=sms.gsm_replacements)
    chunks = planner.flush()
    if len(chunks) > 1:
        msg = (
            f"These recipients need {len(chunks)} requests (over {most} of them, too long a list, or texts or "
            "codings that differ); nothing was sent."
        )
        raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign, or encoding='unicode'.")
    return chunks[0]


def _check_key(backend: Sends, key: str) -> None:
    """Refuse a key that cannot travel, or that the protocol has no field for."""
    if not argument.text("idempotency_key", key).isprintable() or not 1 <= len(key) <= MAX_KEY:
        msg = f"idempotency_key must be 1 to {MAX_KEY} printable characters; nothing was sent."
        raise InvalidRequest(msg)
    if not backend.limits.idempotent:
        msg = f"The backend {backend.name} has no idempotency keys; nothing was sent."
        raise UnsupportedFeature(msg, backends=("rest",))


def _few(to: object) -> list[Any]:
    """Return the recipients of one request, refusing a list that cannot be one: it may have no end.

    Raises:
        InvalidRequest: They are no iterable, one that is asynchronous, or too many.
    """
    if isinstance(to, AsyncIterable):
        msg = "send() takes a number, a recipient or an ordinary iterable of a few, not an asynchronous one."
        raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign; nothing was sent.")
    found: list[Any] = list(itertools.islice(iterable(to), _MAX_GIVEN + 1))
    if len(found) > _MAX_GIVEN:
        msg = f"send() takes a few recipients, and these are over {_MAX_GIVEN}; nothing was sent."
        raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign.")
    return found


def _refuse(row: int, item: str | Recipient, reason: Reason | None, *, gsm_replacements: bool) -> NoReturn:
    """Raise the error that says why a recipient of ``send`` cannot be sent to."""
    phone = item.phone if isinstance(item, Recipient) else item
    if reason is Reason.OUTSIDE_FRANCE:
        msg = f"Recipient {row} ({mask(phone)}) is not a mobile of metropolitan France (06, 07); nothing was sent."
        raise InvalidNumber(msg, reason="outside_france")
    if reason in {Reason.EMPTY, Reason.MALFORMED, Reason.AMBIGUOUS, Reason.LAND_LINE}:
        try:
            canonical_number(phone)
        except InvalidNumber as error:
            msg = f"Recipient {row}: {error} Nothing was sent."
            raise InvalidNumber(msg, reason=error.reason) from None
    why = "malformed" if reason is None else reason.value
    params: object = item.params if isinstance(item, Recipient) else ()
    problem = param_problem(params) if reason in {Reason.INVALID_PARAM, Reason.MISSING_PARAM} else None
    if problem is not None:
        msg = f"Recipient {row} ({mask(phone)}): {problem} Nothing was sent."
        raise InvalidText(msg, reason=why)
    if reason is Reason.NEEDS_UNICODE and isinstance(item, Recipient):
        try:
            units("".join(written(item.params, gsm_replacements=gsm_replacements)), Coding.GSM7)
        except InvalidText as error:
            msg = f"Recipient {row} ({mask(phone)}): {error} Nothing was sent."
            raise InvalidText(msg, reason=why) from None
    msg = f"Recipient {row} ({mask(phone)}): the text cannot be sent ({why}); nothing was sent."
    raise InvalidText(msg, reason=why)


async def within_hours(
    backend: Sends, request: SendRequest, quiet: QuietHours, clock: Clock
) -> Callable[[], Awaitable[SendReceipt]]:
    """Return what makes an attempt at a marketing send, each of them outside of everybody's quiet hours.

    Raises:
        QuietHoursError: It may not be sent now.
    """
    hours = Hours(quiet, clock=clock, send_at=request.message.send_at, schedules=backend.limits.schedules)
    await hours.load()
    zones, began = hours.zones_of(request.recipients), clock.now().timestamp()
    hours.dated(request, zones, began)

    async def attempt() -> SendReceipt:
        return await backend.send(hours.dated(request, zones, began))

    return attempt


async def dated_within_hours(backend: Sends, request: SendRequest, quiet: QuietHours, clock: Clock) -> SendRequest:
    """Return a marketing send as it would be made now, outside of everybody's quiet hours: maybe at a later date.

    Raises:
        QuietHoursError: It may not be sent now.
    """
    hours = Hours(quiet, clock=clock, send_at=request.message.send_at, schedules=backend.limits.schedules)
    await hours.load()
    return hours.dated(request, hours.zones_of(request.recipients), clock.now().timestamp())
