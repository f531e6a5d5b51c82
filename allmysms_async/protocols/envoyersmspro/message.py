"""Messages: sending and cancelling; what became of them is in ``stats.py``.

Source: Envoyer SMS Pro, "Fonction nouveau message" and "Fonction annulation".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from allmysms_async import argument
from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidSchedule, InvalidSender
from allmysms_async.numbers import name_shown
from allmysms_async.protocols.envoyersmspro import routes
from allmysms_async.protocols.envoyersmspro.answer import Node
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, identifier
from allmysms_async.protocols.envoyersmspro.stats import GetMessageStats
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.refusal import place_of_wrong

__all__ = [
    "LONG_PARTS",
    "LONG_UNITS",
    "MAX_RECIPIENTS",
    "SINGLE_UNITS",
    "STOP_TEXT",
    "CancelMessage",
    "CancelMessageResult",
    "Messages",
    "SendMessage",
    "SendMessageResult",
    "check_sender",
    "check_tag",
]

SINGLE_UNITS = 160
"""The longest text of one SMS; the extension characters of GSM-7 and a newline count two."""

LONG_UNITS = 459
"""The longest text with ``longmessageallowed``: two SMS up to 306, three up to 459."""

LONG_PARTS = 3
"""The most SMS of one text."""

STOP_TEXT = "\nSTOP SMS au 36111"
"""What ``stopsms`` appends: 19 of a text's units."""

MAX_RECIPIENTS = 1000
"""Recipients in one POST."""

_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9 ]{1,9})[A-Za-z0-9]", re.ASCII)
# Whether a number is one of somebody is for the provider to say: what counts here is that no other parameter is forged.
_are_digits = re.compile(r"[0-9]{1,20}(?:,[0-9]{1,20})*", re.ASCII).fullmatch
_TAG = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)


def check_sender(sender: str | None) -> str:
    """Return a sender that the provider takes.

    Raises:
        InvalidSender: There is none, or it breaks the provider's rules.
    """
    if sender is None:
        msg = "This provider requires a sender: name one in the message, or give the backend default_sender=; "
        raise InvalidSender(f"{msg}nothing was sent.")
    if not _SENDER.fullmatch(argument.text("sender", sender)):
        msg = (
            f"The sender {name_shown(sender)!r} is not 3 to 11 letters without accents, digits or spaces, with one "
            f"letter at least{place_of_wrong(sender)}; nothing was sent."
        )
        raise InvalidSender(msg)
    return sender


def check_tag(tag: str) -> str:
    """Return a tag that the provider takes.

    Raises:
        InvalidRequest: It is not 1 to 20 letters without accents and digits.
    """
    if not _TAG.fullmatch(argument.text("tag", tag)):
        msg = "tag must be 1 to 20 letters without accents and digits; nothing was sent."
        raise InvalidRequest(msg)
    return tag


class SendMessageResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendMessage``.

    Attributes:
        message_id: Identifier of the message, for statistics, replies and cancelling.
        sms_sent: SMS sent.
        sms_remaining: SMS left on the account; the provider writes ``sms_remaing``.
    """

    message_id: str
    sms_sent: int | None = None
    sms_remaining: int | None = None


class SendMessage(Operation[SendMessageResult], frozen=True):
    """Send a text to up to 1000 recipients.

    Source: Envoyer SMS Pro, "Fonction nouveau message".

    Args:
        text: The text; a newline and the extension characters of GSM-7 count two.
        recipients: Numbers with their country code and no ``+``, such as ``33600000001``.
        sender_name: 3 to 11 letters without accents, digits or spaces, not a number.
        send_at: When to send it, aware; whole minutes, rounded up. None is now.
        all_numbers_allowed: Send although the provider finds some numbers wrong; those are billed too.
        truncation_allowed: Cut a text that is too long at 160 characters.
        long_message_allowed: Allow up to 459 characters, billed as two SMS from 161 on and as three from 307 on.
        stop_sms: Append a newline and "STOP SMS au 36111", which takes 19 characters.
        tag: A label for the monthly statistics, up to 20 letters and digits.
        dedupe: Drop numbers that come twice.
        wants_replies: Let people answer (``responsestatusid``).

    Raises:
        InvalidRequest: A parameter cannot be right; nothing was sent.
        InvalidNumber: A recipient is not digits alone; nothing was sent.
        NumbersRefused: Some numbers are wrong; nothing was sent.
        TextRefused: It is too long.
        InsufficientCredit: The account has not enough SMS.
        OutcomeUnknown: It may have been sent; there is no way to ask.
    """

    text: str
    recipients: Sequence[str]
    sender_name: str
    send_at: datetime | None = None
    all_numbers_allowed: bool = False
    truncation_allowed: bool = False
    long_message_allowed: bool = False
    stop_sms: bool = False
    tag: str | None = None
    dedupe: bool = False
    wants_replies: bool = False

    route = routes.SEND_MESSAGE

    def __repr__(self) -> str:
        """Show how much is sent, and nothing of it."""
        return f"<SendMessage {len(self.text)} characters to {len(self.recipients)}>"

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        if isinstance(self.recipients, str):  # a sequence of texts to the type checker, and of digits to the wire
            msg = "recipients is one text; give a list of numbers. Nothing was sent."
            raise InvalidRequest(msg)
        count, numbers = len(self.recipients), ",".join(self.recipients)
        if count and not (_are_digits(numbers) and numbers.count(",") == count - 1):
            msg = "A recipient is not digits with the country code and no +, such as 33600000000; nothing was sent."
            raise InvalidNumber(msg, reason="malformed")
        if not 1 <= count <= MAX_RECIPIENTS:
            msg = f"A message takes 1 to {MAX_RECIPIENTS} recipients, not {count}; nothing was sent."
            raise InvalidRequest(msg)
        if not self.text.strip():
            msg = "The text is empty; nothing was sent."
            raise InvalidRequest(msg)
        fields = {
            "text": self.text,
            "recipients": numbers,
            "sendername": check_sender(self.sender_name),
        }
        if self.send_at is not None:
            fields["senddate"], fields["sendtime"] = _wall(self.send_at)
        switches = {
            "allnumberallowed": self.all_numbers_allowed,
            "messagetruncationallowed": self.truncation_allowed,
            "longmessageallowed": self.long_message_allowed,
            "stopsms": self.stop_sms,
            "dedupe": self.dedupe,
            "responsestatusid": self.wants_replies,
        }
        fields |= {name: "1" for name, on in switches.items() if on}
        if self.tag is not None:
            fields["tag"] = check_tag(self.tag)
        return fields

    @classmethod
    def read(cls, answer: Node) -> SendMessageResult:
        """Return what a successful answer says."""
        message = answer.one("message")
        return SendMessageResult(
            message_id=message.one("message_id").text,
            sms_sent=message.count("sms_sent"),
            sms_remaining=message.count("sms_remaining", "sms_remaing"),
            raw=answer.kept(),
        )


def _wall(moment: datetime) -> tuple[str, str]:
    """Return a date and time as the provider has them: wall clock of Paris, never earlier than asked."""
    if moment.tzinfo is None:
        msg = "send_at is without a time zone, so it is not known which moment is meant; nothing was sent."
        raise InvalidSchedule(msg)
    whole = moment.replace(second=0, microsecond=0)
    local = (whole if whole == moment else whole + timedelta(minutes=1)).astimezone(PARIS)
    return local.strftime("%Y%m%d"), local.strftime("%H%M")


class CancelMessageResult(Result, frozen=True, kw_only=True):
    """Answer to ``CancelMessage``.

    Attributes:
        message_id: Identifier of the message.
        recredited_sms: SMS given back.
        sms_remaining: SMS left on the account; the provider writes ``sms_remaing``.
    """

    message_id: str
    recredited_sms: int | None = None
    sms_remaining: int | None = None


class CancelMessage(Operation[CancelMessageResult], frozen=True):
    """Cancel a scheduled message. Never repeated by itself: the second answer would be that it cannot be cancelled.

    Source: Envoyer SMS Pro, "Fonction annulation d'envoi de message programmé".

    Args:
        message_id: As returned by the send.

    Raises:
        CampaignNotFound: The provider does not know it.
        CampaignNotCancellable: It is being sent, was sent, or was cancelled already.
    """

    message_id: str

    route = routes.CANCEL_MESSAGE

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return {"messageid": identifier("message_id", self.message_id)}

    @classmethod
    def read(cls, answer: Node) -> CancelMessageResult:
        """Return what a successful answer says."""
        message = answer.one("message")
        return CancelMessageResult(
            message_id=message.one("message_id").text,
            recredited_sms=message.count("recredited_sms"),
            sms_remaining=message.count("sms_remaining", "sms_remaing"),
            raw=answer.kept(),
        )


class Messages(Resource):
    """Messages."""

    send = Method(SendMessage)
    stats = Method(GetMessageStats)
    cancel = Method(CancelMessage)
