"""Sending, statistics, cancelling, and what people answered.

Source: Envoyer SMS Pro, "Fonction nouveau message" and the four after it that are about messages.
"""

import re

from allmysms_async.sandbox.alphabet import parts
from allmysms_async.sandbox.exchange import Reply
from allmysms_async.sandbox.numbering import canonical
from allmysms_async.sandbox.state import Order, Reason, Refused, wall
from allmysms_async.sandbox.state.account import FRENCH_CREDITS

from .answer import BAD_PARAMETER, MISSING, Failed, Field, success
from .call import Call
from .ledger import Message

__all__ = ["cancel", "responses", "send", "stats"]

_GET_RECIPIENTS, _POST_RECIPIENTS = 100, 1000
_SINGLE, _LONG_PARTS = 160, 3
_STOP = "\nSTOP SMS au 36111"
_PAGE = 50
_NUMBER = re.compile(r"[1-9][0-9]{7,14}", re.ASCII)
_SENDER = re.compile(r"[A-Za-z0-9 ]+", re.ASCII)
_STATUS = {"1": 1, "2": 2, "3": 3, "4": 2, "5": 2}


def send(call: Call) -> Reply:
    """Send a text."""
    recipients = _recipients(call)
    text = _text(call)
    sender = _sender(call)
    date = _date(call)
    tag = call.form.text("tag")
    if tag and len(tag) > 20:
        raise Failed(BAD_PARAMETER, "Tag must must be shorter than 21 characters.")
    wrong = [number for number in recipients if not _is_mobile(number)]
    if wrong and not call.switched_on("allnumberallowed"):
        raise Failed(BAD_PARAMETER, f"Wrong numbers : {','.join(wrong)}")
    good = [number for number in recipients if _is_mobile(number)]
    if not good:
        raise Failed(BAD_PARAMETER, "No number found")
    each = parts(text, unicode=False)
    lost = len(wrong) * each
    if call.holder.sms < len(recipients) * each:
        raise Failed(5)
    order = Order(
        protocol="envoyersmspro",
        method="message/send",
        text=text,
        phones=good,
        sender=sender,
        date=date,
        name=tag,
        credits_per_part=FRENCH_CREDITS,
        repeatable=True,
        any_sender=True,
    )
    try:
        sending = call.world.submit(call.holder.account, order)
    except Refused as refused:
        details = {
            Reason.BAD_DATE: "Unrecognized date",
            Reason.NO_VALID_NUMBER: "No number found",
            Reason.EMPTY_TEXT: "No message found",
        }
        raise Failed(BAD_PARAMETER, details[refused.reason]) from None
    call.holder.add(-lost)  # malformed numbers are billed where they are allowed
    campaign = sending.campaign
    message_id = str(campaign.number + 1)
    stopped = tuple(discard.number for discard in sending.discards)
    call.ledger.messages[message_id] = Message(campaign, stopped, call.switched_on("responsestatusid"))
    fields: list[Field] = [
        ("message_id", message_id),
        ("sms_sent", campaign.parts + lost),
        ("sms_remaing", call.holder.sms),
    ]
    return success(("message", fields))


def _is_mobile(number: str) -> bool:
    """Say whether a number is one that can be texted, country code and all."""
    return bool(_NUMBER.fullmatch(number)) and canonical(number) is not None


def _recipients(call: Call) -> list[str]:
    listed = call.form.text("recipients")
    if not listed.strip():
        raise Failed(MISSING, "Recipients are missing")
    numbers = [number.strip() for number in listed.split(",") if number.strip()]
    if not numbers:
        raise Failed(BAD_PARAMETER, "No number found")
    if len(numbers) > (_POST_RECIPIENTS if call.posted else _GET_RECIPIENTS):
        raise Failed(BAD_PARAMETER, "Too many recipients")
    return list(dict.fromkeys(numbers)) if call.switched_on("dedupe") else numbers


def _text(call: Call) -> str:
    """Return the text as it leaves, with its STOP."""
    text = call.form.text("text")
    if not text:
        raise Failed(MISSING, "Text is missing")
    if not text.strip():
        raise Failed(BAD_PARAMETER, "No message found")
    stop = _STOP if call.switched_on("stopsms") else ""
    if call.switched_on("longmessageallowed"):
        if len(text) > 2000 or parts(text + stop, unicode=False) > _LONG_PARTS:
            raise Failed(4)
    elif len(text) > _SINGLE or parts(text + stop, unicode=False) > 1:
        if not call.switched_on("messagetruncationallowed"):
            raise Failed(4)
        while len(text) > _SINGLE or parts(text + stop, unicode=False) > 1:
            text = text[: min(len(text) - 1, _SINGLE)]
    return text + stop


def _sender(call: Call) -> str:
    if not call.form.text("sendername"):
        raise Failed(MISSING, "Sendername is missing")
    sender = call.form.word("sendername")
    faults = {
        "No sendername found": not sender,
        "Sendername must be longer than 2 characters": len(sender) < 3,
        "Sendername must be shorter than 12 characters": len(sender) > 11,
        "Sendername cannot be a number": sender.isdigit(),
        "Sendername cannot contain special characters": not _SENDER.fullmatch(sender),
    }
    for words, strikes in faults.items():
        if strikes:
            raise Failed(BAD_PARAMETER, words)
    return sender


def _date(call: Call) -> str:
    """Return when to send, in the words of the common state; empty for now."""
    date, time = call.form.word("senddate"), call.form.word("sendtime")
    if not date and not time:
        return ""
    if not date:
        raise Failed(MISSING, "Senddate is missing")
    if not time:
        raise Failed(MISSING, "Sendtime is missing")
    if not re.fullmatch(r"[0-9]{8}", date, re.ASCII):
        raise Failed(BAD_PARAMETER, "Senddate must contains 8 digits")
    if not re.fullmatch(r"[0-9]{4}", time, re.ASCII):
        raise Failed(BAD_PARAMETER, "Sendtime must contains 4 digits")
    if int(time[:2]) > 23:
        raise Failed(BAD_PARAMETER, "Bad hour value for sendtime")
    if int(time[2:]) > 59:
        raise Failed(BAD_PARAMETER, "Bad minute value for sendtime")
    return f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:]}:00"


def _message(call: Call) -> Message:
    call.world.settle()
    message = call.ledger.messages.get(call.required("messageid"))
    if message is None or message.campaign.login != call.holder.account.login:
        raise Failed(7)
    return message


def stats(call: Call) -> Reply:
    """Say what became of each recipient."""
    message = _message(call)
    if not message.campaign.delivered:
        raise Failed(8)
    now = call.world.clock.now()
    entries: list[tuple[str, str, int]] = []
    for ack in message.campaign.acks(now):
        status = _STATUS[ack.status]
        entries.append((ack.phone, wall(ack.at) if status == 1 else "", status))
    entries += [(phone, "", 5) for phone in message.stopped]
    counts: list[Field] = [
        (f"number_status_{status}", sum(entry[2] == status for entry in entries)) for status in range(1, 6)
    ]
    recipients: list[Field] = [
        ("recipient", [("mobile_number", phone), ("delivered_date", date), ("status_id", status)])
        for phone, date, status in entries
    ]
    return success(("stats", counts + recipients))


def cancel(call: Call) -> Reply:
    """Cancel a message that waits for its date, and give its SMS back."""
    message = _message(call)
    campaign = message.campaign
    if campaign.cancelled:
        raise Failed(11)
    if campaign.delivered:
        raise Failed(10)
    call.world.cancel(campaign)
    fields: list[Field] = [
        ("message_id", call.form.word("messageid")),
        ("recredited_sms", campaign.parts),
        ("sms_remaing", call.holder.sms),
    ]
    return success(("message", fields))


def responses(call: Call) -> Reply:
    """Hand out answers, 50 at most."""
    message = _message(call)
    if not message.takes_responses:
        raise Failed(12)
    offset = call.form.word("offset") or "0"
    if not (offset.isascii() and offset.isdigit()):
        raise Failed(BAD_PARAMETER, "Offset should be an integer")
    if int(offset) > len(message.responses):
        raise Failed(BAD_PARAMETER, "Offset cannot be bigger than the number of response")
    page = message.responses[int(offset) : int(offset) + _PAGE]
    listed: list[Field] = [
        ("response", [("mobile_number", entry.phone), ("date", entry.at), ("content", entry.text)]) for entry in page
    ]
    return success(("responses", [("number_of_response", len(message.responses)), *listed]))
