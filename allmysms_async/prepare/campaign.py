"""A campaign: how it is sent."""

from __future__ import annotations

import msgspec

from allmysms_async import argument
from allmysms_async.backend import Sends, limits_of
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.limits import StopConditions
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.wording import template_of
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.law import ZONES
from allmysms_async.model import Campaign, SmsMessage, as_sms, quiet_hours_of
from allmysms_async.options import SendOptions, check_options
from allmysms_async.prepare.marketing import lacks_stop
from allmysms_async.prepare.message import check_fields

__all__ = ["engine_options"]

_MAX_NAME = 100


def engine_options(
    backend: Sends, campaign: Campaign, options: SendOptions, usual: EngineOptions, *, clock: Clock, begins: bool
) -> EngineOptions:
    """Return how a campaign is sent.

    Args:
        backend: What is to send it.
        campaign: The campaign.
        options: What the caller asks for.
        usual: What the service does where the caller asks for nothing.
        clock: Where the time comes from.
        begins: Whether it begins now, so that its date must lie ahead.

    Raises:
        InvalidRequest: Something cannot be right.
        UnsupportedFeature: The backend lacks what is asked for.
    """
    check_options(options)
    message, name = campaign.message, campaign.name
    if message.purpose is None:
        msg = "A campaign must say its purpose: marketing, transactional or otp; nothing was sent."
        raise InvalidRequest(msg)
    if not name.strip() or not name.isprintable() or len(name) > _MAX_NAME:
        msg = f"A campaign's name must be 1 to {_MAX_NAME} printable characters; nothing was sent."
        raise InvalidRequest(msg)
    check_fields(backend, message, clock if begins else None)
    limits = limits_of(backend, message)
    template_of(as_sms(message), limits)
    if isinstance(message, SmsMessage):
        backend.check(message)
    size = options.get("chunk_size")
    size = limits.recipients if size is None else size
    if not 1 <= argument.count("chunk_size", size, least=0) <= limits.max_recipients:
        msg = f"chunk_size is {size}; with {backend.name} it must be 1 to {limits.max_recipients}."
        raise InvalidRequest(msg)
    workers = options.get("concurrency")
    workers = usual.concurrency if workers is None else workers
    argument.count("concurrency", workers)
    stop = StopConditions(
        max_cost=options.get("max_cost"),
        max_parts=options.get("max_parts"),
        max_failure_rate=options.get("max_failure_rate"),
    )
    stop.check(backend)
    quiet = quiet_hours_of(message.purpose, campaign.quiet_hours)
    schedules = backend.limits.schedules
    hours = None if quiet is None else Hours(quiet, clock=clock, send_at=message.send_at, schedules=schedules)
    return msgspec.structs.replace(
        usual,
        chunk_size=size,
        concurrency=workers,
        max_duration=options.get("max_duration"),
        limits=stop,
        hours=hours,
        without_stop=frozenset(ZONES) if lacks_stop(backend, message) else frozenset(),
    )
