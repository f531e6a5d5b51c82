"""Delivery reports and statistics.

Source: HTTPS API v9, §9 (getAcks), §10 (getAckBySmsId), §11 (getCampaignStats) and annex 3.
"""

from collections import Counter

from allmysms_async.sandbox.state import Campaign, wall

from .call import Call
from .status import Answer

__all__ = ["asked_campaign", "get_ack_by_sms_id", "get_acks", "get_campaign_stats", "unknown_campaign"]

_COMMENTS = {"1": "Delivered", "2": "Undelivered", "3": "Transmitted", "4": "Rejected", "5": "Unknown subscriber"}


def asked_campaign(call: Call, name: str = "campaignId") -> Campaign | None:
    """Return the campaign that a call is about, if the account has it and it is of the kind asked for."""
    campaign = call.world.campaign_of(call.account, call.form.word(name))
    vocal = call.form.word("type").lower() == "vocal"
    return campaign if campaign is not None and campaign.vocal is vocal else None


def unknown_campaign() -> Answer:
    """Return what stands in place of the data of a campaign that the account does not have."""
    return {"error": "Campaign not found"}


def get_acks(call: Call) -> Answer:
    """List the reports of a campaign; a message without one is with the operator."""
    now = call.world.settle()
    campaign = asked_campaign(call, "campId")
    if campaign is None:
        return unknown_campaign()
    acks = [
        {
            "phoneNumber": ack.phone,
            "statut": ack.status,
            "comment": _COMMENTS[ack.status],
            "receptionDate": wall(ack.at),
        }
        for ack in campaign.acks(now)
    ]
    return {"acks": acks, "cliMsgId": campaign.client_message_id}


def get_ack_by_sms_id(call: Call) -> Answer:
    """Give the report of one message; before its date there is none."""
    now = call.world.settle()
    place = call.world.message_of(call.account, call.form.word("smsId"))
    if place is None:
        return {"error": "SMS not found"}
    campaign, index = place
    if not campaign.delivered:
        return {"error": "No ack available"}
    ack = campaign.ack(index, now)
    return {
        "phoneNumber": ack.phone,
        "status": ack.status,
        "comment": _COMMENTS[ack.status],
        "receptionDate": wall(ack.at),
    }


def get_campaign_stats(call: Call) -> Answer:
    """Count the fates of a campaign's messages, and list them on request."""
    now = call.world.settle()
    campaign = asked_campaign(call)
    if campaign is None:
        return unknown_campaign()
    counts = Counter(ack.status for ack in campaign.acks(now))
    stats: Answer = {
        "campaignId": campaign.id,
        "campaignName": campaign.name,
        "dateCommand": wall(campaign.ordered_at),
        "dateSent": wall(campaign.send_at),
        "status": campaign.status,
        "message": campaign.template,
        "nbSms": campaign.parts,
        "nbContacts": len(campaign.phones),
        "usedLists": "",
        "tpoa": campaign.sender,
        "delivered": counts["1"],
        "undelivered": counts["2"],
        "pending": counts["3"] if campaign.delivered else len(campaign.phones),
        "error": counts["4"] + counts["5"],
        "invalid": campaign.invalid,
        "stop": campaign.opted_out,
        "mo": len(call.world.replies.to(campaign)),
        "click": 0,
        "tracking": campaign.tracking,
        "trackedLink": "",
        "uniqueClick": 0,
    }
    if call.form.word("msisdnList") == "1":
        stats["msisdnList"] = _messages(campaign, now)
    return {"campaign": stats}


def _messages(campaign: Campaign, now: float) -> list[Answer]:
    """List a campaign's messages; one that waits for its report has status 0 and no date."""
    messages: list[Answer] = []
    for index, (phone, sms_id) in enumerate(zip(campaign.phones, campaign.sms_ids(), strict=True)):
        message: Answer = {"msisdn": phone, "status": "0"}
        ack = campaign.ack(index, now)
        if campaign.delivered and not ack.pending:
            message["status"] = ack.status
            message["dateReceived"] = wall(ack.at)
        message["smsId"] = sms_id
        message["clicks"] = 0
        messages.append(message)
    return messages
