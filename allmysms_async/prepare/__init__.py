"""What is asked of the service, as callers give it: looked at, and made ready to be sent.

Whatever cannot be right is refused here, before anything is sent.
"""

from __future__ import annotations

from allmysms_async.prepare.asking import attempts_of, check_operation, contacts_added, contacts_removed
from allmysms_async.prepare.campaign import engine_options
from allmysms_async.prepare.marketing import lawful_campaign
from allmysms_async.prepare.message import iterable
from allmysms_async.prepare.opt_outs import opt_outs_of
from allmysms_async.prepare.receipt import receipt_of
from allmysms_async.prepare.send import dated_within_hours, send_request, within_hours

__all__ = [
    "attempts_of",
    "check_operation",
    "contacts_added",
    "contacts_removed",
    "dated_within_hours",
    "engine_options",
    "iterable",
    "lawful_campaign",
    "opt_outs_of",
    "receipt_of",
    "send_request",
    "within_hours",
]
