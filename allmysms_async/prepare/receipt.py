"""How the send of one text to a few recipients ended: its receipt, or its error."""

from __future__ import annotations

import contextlib

import msgspec

from allmysms_async.batch.settlement import all_refused
from allmysms_async.batch.verdict import Delivery
from allmysms_async.errors import OutcomeUnknown
from allmysms_async.model import Columns, Rejected, SendReceipt

__all__ = ["receipt_of"]


def receipt_of(delivery: Delivery, key: str | None) -> SendReceipt:
    """Return the receipt of a ``send``, or raise the error that says how it ended.

    Raises:
        OutcomeUnknown: It may have been sent.
        NoValidNumber: Every number was refused.
        AllMySmsError: As the last attempt ended.
    """
    if delivery.error is not None:
        if delivery.event == "lose":
            raise _unanswered(delivery.error, key) from delivery.error
        raise delivery.error
    receipt = delivery.receipt
    if receipt is None:  # deliver gives one or the other
        msg = "The send ended without an answer and without an error."
        raise AssertionError(msg)
    for result in receipt.results:
        if not isinstance(result, Rejected):
            break
    else:
        raise all_refused(receipt)
    # Whoever asked for it looks at it, or writes it down.
    if isinstance(receipt.results, Columns):
        receipt = msgspec.structs.replace(receipt, results=tuple(receipt.results))
    if receipt.raw and type(receipt.raw) is not dict:
        with contextlib.suppress(TypeError, ValueError):  # backends are not all typed, and the text was taken
            receipt = msgspec.structs.replace(receipt, raw=dict(receipt.raw))
    return receipt


def _unanswered(error: BaseException, key: str | None) -> OutcomeUnknown:
    """Return the error of a send whose outcome is not known, naming the key to ask again with."""
    remedy = (
        f"Call again with idempotency_key={key!r} within 23 hours: it returns what happened, without texting twice."
        if key
        else "This protocol has no idempotency keys: sending again may text the same people twice."
    )
    unknown = OutcomeUnknown(
        f"No answer said what became of the text, which may have been sent. Last: {error}",
        request=getattr(error, "request", None),
        code=getattr(error, "code", None),
        remedy=remedy,
    )
    unknown.idempotency_key = key
    return unknown
