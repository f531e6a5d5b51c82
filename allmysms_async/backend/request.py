"""What one request to send holds, and what it can hold."""

from __future__ import annotations

from collections.abc import Sequence

from allmysms_async.model import MmsMessage, People, Recipient, SmsMessage
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.text import Coding

__all__ = ["SendLimits", "SendRequest"]


class SendLimits(Shown, frozen=True, kw_only=True):
    """What one request of a protocol can hold.

    Attributes:
        recipients: Recipients in a request by default.
        max_recipients: Recipients in a request at most.
        max_gsm_units: Length of a GSM-7 text at most, in units (an extension character is two).
        max_ucs2_units: Length of a Unicode text at most, in UTF-16 units; 0 if the protocol has no Unicode.
        personalises: Whether the protocol itself replaces ``#param_N#``.
        idempotent: Whether a request can carry an idempotency key.
        max_numbers_length: Length at most of all canonical numbers of a request, one character between each; None is
            without bound.
        metropolitan_only: Whether only mobiles of metropolitan France can be reached.
        refused_characters: Characters that the gateway would replace by others: a text that holds one is refused.
        max_parts: Parts that a text may take; None is as many as its units make. A text of as many units as are allowed
            may take one more, since no character spans two.
        reports_cost: Whether the answer to a send says what it cost, in euros.
        appended: What the provider adds to the end of each text; it counts in its length.
        schedules: Whether a request can carry the moment at which the gateway is to send it.
    """

    recipients: int
    max_recipients: int
    max_gsm_units: int
    max_ucs2_units: int
    personalises: bool
    idempotent: bool
    max_numbers_length: int | None = None
    metropolitan_only: bool = False
    refused_characters: str = ""
    max_parts: int | None = None
    reports_cost: bool = False
    appended: str = ""
    schedules: bool = False

    def max_units(self, coding: Coding) -> int:
        """Return the length of a text at most, in units of its coding."""
        return self.max_gsm_units if coding is Coding.GSM7 else self.max_ucs2_units


class SendRequest(Discreet, frozen=True, kw_only=True):
    """One request to send: one text, one coding, some recipients.

    Attributes:
        message: How it is to be sent; its text is replaced by ``text``.
        text: The text; a template when ``params`` is not 0.
        coding: The coding that every expanded text of this request is sent in.
        params: How many ``#param_N#`` the gateway is to replace.
        recipients: Canonical numbers, each once, with at least ``params`` values.
        parts: Text parts over all recipients, as measured here.
        campaign_name: Shown in the provider's back office.
        idempotency_key: The same for every attempt of the same request, or None.
        timeout: Seconds for one attempt, or None for the backend's own.
        mms: The MMS that the text belongs to, or None where a plain text is asked for.
    """

    message: SmsMessage
    text: str
    coding: Coding
    recipients: Sequence[Recipient]
    params: int = 0
    parts: int = 0
    campaign_name: str | None = None
    idempotency_key: str | None = None
    timeout: float | None = None
    mms: MmsMessage | None = None

    @property
    def phones(self) -> Sequence[str]:
        """The recipients' numbers, in their order."""
        return People.phones_of(self.recipients)
