"""Looking campaigns up, and cancelling them.

Source: HTTPS API v9, §12 (getCampaignInfo), §13 (getCampaignsInfo), §20 (deleteCampaign) and annex 4.
"""

import re

from allmysms_async.sandbox.state import Campaign, parse_wall, wall

from .call import Call
from .report import asked_campaign, unknown_campaign
from .status import Answer

__all__ = ["delete_campaign", "get_campaign_info", "get_campaigns_info"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_STATUSES = ("all", "sent", "programmed", "cancelled")
_DEFAULT_LIMIT, _MAX_LIMIT = 10, 100


def get_campaign_info(call: Call) -> Answer:
    """Describe one campaign."""
    call.world.settle()
    campaign = asked_campaign(call)
    if campaign is None:
        return unknown_campaign()
    return {"campaign": _description(campaign, xml=call.xml)}


def get_campaigns_info(call: Call) -> Answer:
    """Describe the campaigns whose sending date is in a period, in the order of that date."""
    call.world.settle()
    form = call.form
    start = _bound(form.word("startDate"), "00:00:00")
    end = _bound(form.word("endDate"), "23:59:59")
    status = form.word("status").lower() or "all"
    if start is None or end is None:
        return {"error": "Invalid parameters: startDate and endDate"}
    if status not in _STATUSES:
        return {"error": "Invalid parameter: status"}
    try:
        limit = int(form.word("limit") or _DEFAULT_LIMIT)
        offset = int(form.word("offset") or 0)
    except ValueError:
        return {"error": "Invalid parameters: limit and offset"}
    if limit < 1 or offset < 0:
        return {"error": "Invalid parameters: limit and offset"}
    vocal = form.word("type").lower() == "vocal"
    search = form.word("search").lower()
    found = [
        campaign
        for campaign in call.world.by_number
        if campaign.login == call.account.login
        and campaign.vocal is vocal
        # A bound has whole seconds, and the one of the end includes all of its second.
        and start <= campaign.send_at < end + 1
        and status in ("all", campaign.status)
        and (search in campaign.template.lower() or search in campaign.name.lower())
    ]
    found.sort(key=lambda campaign: campaign.send_at)
    page = found[offset : offset + min(limit, _MAX_LIMIT)]
    return {"campaigns": [_description(campaign, xml=call.xml) for campaign in page]}


def delete_campaign(call: Call) -> Answer:
    """Cancel a scheduled campaign, and refund it."""
    call.world.settle()
    # The manual prints both names.
    wanted = call.form.word("campId") or call.form.word("camId")
    if not wanted:
        return {"status": "CAMPIDNOTFOUND"}
    campaign = call.world.campaign_of(call.account, wanted)
    if campaign is None:
        return {"status": "CAMPNOTFOUND"}
    if not campaign.scheduled:
        return {"status": "BADCAMPAIGNSENDINGTYPE"}
    if campaign.cancelled:
        return {"status": "CAMPAIGNALREADYDELETED"}
    if campaign.delivered:
        return {"status": "CAMPALREADYSENT"}
    call.world.cancel(campaign)
    return {"status": "OK"}


def _bound(text: str, time_of_day: str) -> float | None:
    """Read a bound of a period; a day alone stands for all of it."""
    return parse_wall(f"{text} {time_of_day}" if _DAY.fullmatch(text) else text)


def _description(campaign: Campaign, *, xml: bool) -> Answer:
    """Describe a campaign; JSON and XML differ in order and in the name of one field."""
    head: Answer = {"id": campaign.id, "name": campaign.name}
    dates: Answer = {"commandDate": wall(campaign.ordered_at), "sendingDate": wall(campaign.send_at)}
    counts: Answer = {"nbSms": campaign.parts, "nbContacts": len(campaign.phones)}
    status: Answer = {"status": campaign.status}
    message: Answer = {"message": campaign.template}
    sender: Answer = {"tpoa": campaign.sender}
    tracking: Answer = {"tracking": campaign.tracking}
    if xml:
        return head | dates | status | message | counts | {"lists": ""} | sender | tracking
    return head | message | sender | dates | counts | status | {"usedLists": ""} | tracking
