"""Handing out what people answered.

Source: HTTPS API v9, §14 (getPulls), §15 (getPull), §16 (getPullBySmsId).
"""

from allmysms_async.sandbox.state import Reply, wall

from .call import Call
from .report import unknown_campaign
from .status import Answer

__all__ = ["get_pull", "get_pull_by_sms_id", "get_pulls"]

_DEFAULT_LIMIT = 1000


def get_pulls(call: Call) -> Answer:
    """Hand out the answers that were not handed out before, each once."""
    limit = call.form.word("limit")
    if limit and not limit.isdecimal():
        return {"error": "Invalid parameter: limit"}
    call.world.settle()
    replies = call.world.replies.take_new(call.account.login, int(limit or _DEFAULT_LIMIT))
    return {"mos": [_answer(reply) for reply in replies]}


def get_pull(call: Call) -> Answer:
    """List the answers to a campaign, those handed out before included."""
    campaign = call.world.campaign_of(call.account, call.form.word("campId"))
    if campaign is None:
        return unknown_campaign()
    replies = call.world.replies.to(campaign)
    return {"mos": [_answer(reply) for reply in replies], "cliMsgId": campaign.client_message_id}


def get_pull_by_sms_id(call: Call) -> Answer:
    """Give the answer to one message."""
    place = call.world.message_of(call.account, call.form.word("smsId"))
    if place is None:
        return {"error": "SMS not found"}
    reply = call.world.replies.to_message(*place)
    if reply is None:
        return {"error": "No answer available"}
    answer = _answer(reply)
    del answer["id"]
    return answer


def _answer(reply: Reply) -> Answer:
    """Describe one answer; its number is printed as a text."""
    return {
        "phoneNumber": reply.phone,
        "id": str(reply.id),
        "campaignId": reply.campaign.id,
        "message": reply.text,
        "receptionDate": wall(reply.at),
    }
