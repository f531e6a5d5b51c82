"""Sending and simulating.

Source: HTTPS API v9, §6 (simple send), §7 (sendSms), §8 (simulateCampaign), §36 (simpleVocal), §37 (sendVocal).
"""

from collections.abc import Callable

from allmysms_async.sandbox.exchange import Pause
from allmysms_async.sandbox.form import Form
from allmysms_async.sandbox.state import Discard, InProgress, Order, Reason, Refused, Sending, euros, wall

from . import voice
from .call import Call
from .flow import parse_flow
from .status import PROGRAMMED, SENT, Answer, refusal, status_text

__all__ = ["SEND_SMS", "SIMPLE_SEND", "amount", "send", "simulate"]

SIMPLE_SEND = "send"
SEND_SMS = "sendSms"

_REPLAYED = "ALREADY_TREATED"


async def send(call: Call, method: str, pause: Pause) -> Answer:
    """Carry out a simple send, a sendSms or one of the two for voice messages.

    An identifier is looked up before anything else in the request is judged; what is not accepted leaves no trace,
    so that the same identifier may be used again.
    """
    identifier, read_order = _asked(call, method)
    spoken = method in voice.VOICE
    known = call.world.identifiers
    key = (call.account.login, method, identifier)
    if identifier:
        try:
            sending = known.find(key, call.world.settle())
        except InProgress:
            raise Refused(Reason.IDENTIFIER_IN_PROGRESS) from None
        if sending is not None:
            return _accepted(sending) | {"treatmentStatus": _REPLAYED}
        known.begin(key)
    try:
        await pause()
        order = read_order()
        try:
            sending = call.world.submit(call.account, order)
        except Refused as refused:
            return _refused(refused, verbose=order.verbose, spoken=spoken)
        if identifier:
            known.keep(key, sending, call.world.clock.now())
    finally:
        known.end(key)
    return _accepted(sending)


def _asked(call: Call, method: str) -> tuple[str, Callable[[], Order]]:
    """Return the identifier of a request to send, and what reads the rest of it.

    Raises:
        Refused: Its flow cannot be read.
    """
    if method in voice.VOICE:
        data = voice.record(call, method)
        return data.word("UNIQUEIDENTIFIER"), lambda: voice.order(call, method, data)
    if method == SIMPLE_SEND:
        return call.form.word("uniqueidentifier"), lambda: _simple_order(call.form)
    flow = parse_flow(call.form.raw("smsData"))
    return flow.identifier, lambda: flow.order(method)


def simulate(call: Call) -> Answer:
    """Tell what a sendSms would do; the account's credits play no part."""
    order = parse_flow(call.form.raw("smsData")).order("simulateCampaign")
    try:
        planned = call.world.simulate(call.account, order)
    except Refused as refused:
        return _refused(refused, verbose=order.verbose)
    answer: Answer = {
        "status": SENT,
        "statusText": status_text(SENT),
        "invalidNumbers": _joined(planned.discards),
        "nbCredits": planned.credits,
        "nbContacts": len(planned.phones),
        "nbSms": planned.parts,
        "balance": amount(euros(call.account.credits, 2)),
        "cost": amount(euros(planned.credits, 3)),
    }
    return answer | _details(planned.discards, verbose=order.verbose)


def amount(value: float) -> float:
    """Return a number as printed: whole ones without a decimal point."""
    return int(value) if value == int(value) else value


def _simple_order(form: Form) -> Order:
    return Order(
        protocol="v9",
        method=SIMPLE_SEND,
        text=form.text("message"),
        phones=[number for part in form.text("mobile").split(";") if (number := part.strip())],
        sender=form.word("tpoa"),
        unicode=form.word("coding") == "2",
        date=form.word("date"),
        name=form.word("campaign"),
    )


def _accepted(sending: Sending) -> Answer:
    """Return the answer to an accepted request, in the fields of the method that sent it."""
    campaign = sending.campaign
    status = PROGRAMMED if campaign.scheduled else SENT
    # The manual's own word, which its authors took from another method.
    refused = "invalidEmails" if sending.method == voice.SEND_VOCAL else "invalidNumbers"
    answer: Answer = {
        "status": status,
        "statusText": status_text(status),
        refused: _joined(sending.discards),
        "campaignId": campaign.id,
        "credits": amount(sending.credits_left),
    }
    if sending.method == SEND_SMS:
        answer["creditsUsed"] = campaign.credits
        answer["nbContacts"] = len(campaign.phones)
        answer["nbSms"] = campaign.parts
        answer["smsIds"] = [
            {"phoneNumber": phone, "smsId": sms_id}
            for phone, sms_id in zip(campaign.phones, campaign.sms_ids(), strict=True)
        ]
    answer["balance"] = amount(euros(sending.credits_left, 2))
    answer["cost"] = amount(euros(campaign.credits, 3))
    return answer | _details(sending.discards, verbose=sending.verbose)


def _refused(refused: Refused, *, verbose: bool, spoken: bool = False) -> Answer:
    """Return the answer to a refused order; with no valid number it lists the invalid ones."""
    answer = refusal(refused, voice=spoken)
    if refused.reason is Reason.NO_VALID_NUMBER:
        answer["invalidNumbers"] = _joined(refused.discards)
        answer |= _details(refused.discards, verbose=verbose)
    return answer


def _joined(discards: tuple[Discard, ...]) -> str:
    """Return the refused numbers as one string, each followed by a bar."""
    return "".join([f"{discard.number}|" for discard in discards])


def _details(discards: tuple[Discard, ...], *, verbose: bool) -> Answer:
    """Return the reasons, where they were asked for and there are any; only opt-outs have a date."""
    if not verbose or not discards:
        return {}
    details: list[Answer] = []
    for discard in discards:
        detail: Answer = {"number": discard.number, "reason": discard.reason}
        if discard.at is not None:
            detail["date"] = wall(discard.at)
        details.append(detail)
    return {"discardedNumbersDetails": details}
