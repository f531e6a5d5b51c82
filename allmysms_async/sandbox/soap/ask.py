"""Everything but sending: reports, replies, opt-outs, the account, sub-accounts, cancelling.

Source: SOAP API, B, C (getAck, getPull, getInfo, deleteCampaign, getStop, subAccount) and annexes 2 to 5.
"""

import re

from allmysms_async.sandbox.state import Account, World, wall

from .parse import Call, fields, word
from .render import Answer
from .status import ACK_COMMENTS, ACTIVE, AVAILABLE, INACTIVE, NONE

__all__ = ["create_sub_account", "delete_campaign", "get_acks", "get_info", "get_pull", "get_stop"]

_REQUIRED = ("firstName", "lastName", "society", "mobile", "email", "login", "password")
_FORMATS = (
    ("firstName", re.compile(r"[^\d<>]{2,50}"), "bad FIRSTNAME format"),
    ("lastName", re.compile(r"[^\d<>]{2,50}"), "bad LASTNAME format"),
    ("login", re.compile(r"[A-Za-z0-9_.@-]{3,50}"), "bad LOGIN format"),
    ("password", re.compile(r"\S{6,50}"), "bad PASSWORD format"),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"), "bad EMAIL format"),
)


def get_acks(world: World, account: Account, call: Call) -> Answer:
    """List the reports of a campaign; one that is not the account's has none."""
    now = world.settle()
    campaign = world.campaign_of(account, call.word("campId"))
    acks = (
        []
        if campaign is None
        else [
            {
                "phoneNumber": ack.phone,
                "status": int(ack.status),
                "comment": ACK_COMMENTS[ack.status],
                "receptionDate": wall(ack.at),
            }
            for ack in campaign.acks(now)
        ]
    )
    client_id = campaign.client_message_id if campaign else ""
    return {"status": AVAILABLE if acks else NONE, "acks": acks, "cliMsgId": client_id}


def get_pull(world: World, account: Account, call: Call) -> Answer:
    """List the replies to a campaign, beside a `pulls` that is always empty, as it is printed."""
    world.settle()
    campaign = world.campaign_of(account, call.word("campId"))
    replies = world.replies.to(campaign) if campaign else []
    listed = [
        {
            "id": "",
            "campaignId": reply.campaign.id,
            "message": reply.text,
            "receptionDate": wall(reply.at),
            "phoneNumber": reply.phone,
        }
        for reply in replies
    ]
    client_id = campaign.client_message_id if campaign else ""
    return {"status": AVAILABLE if listed else NONE, "pulls": None, "answer": listed, "cliMsgId": client_id}


def get_info(world: World, account: Account, call: Call) -> Answer:
    """Describe the account."""
    return {"status": ACTIVE if account.active else INACTIVE, "credits": f"{account.credits:.0f}"}


def delete_campaign(world: World, account: Account, call: Call) -> Answer:
    """Cancel a scheduled campaign, and refund it."""
    world.settle()
    campaign = world.campaign_of(account, call.word("campId"))
    if campaign is None:
        return {"status": "CAMPNOTFOUND"}
    if not campaign.scheduled:
        return {"status": "BADCAMPAIGNSENDINGTYPE"}
    if campaign.cancelled:
        return {"status": "CAMPAIGNALREADYDELETED"}
    if campaign.delivered:
        return {"status": "CAMPALREADYSENT"}
    world.cancel(campaign)
    return {"status": "OK"}


def get_stop(world: World, account: Account, call: Call) -> Answer:
    """List the numbers that opted out."""
    world.settle()
    return {
        "answer": [
            {"phoneNumber": entry.phone, "comment": "stop", "receptionDate": wall(entry.at)}
            for entry in world.opt_outs.of(account.login)
            if entry.reason == "blacklist_stop"
        ]
    }


def create_sub_account(world: World, account: Account, call: Call) -> Answer:
    """Create a sub-account, without credits."""
    asked = {name: word(value) for name, value in fields(call.arguments.get("subAccount")).items()}
    problem = _problem(world, asked)
    if problem:
        return {"status": "0", "text": problem}
    world.accounts[asked["login"]] = Account(
        login=asked["login"],
        api_key=f"{asked['login']}-key",
        pass_code=asked["password"],
        credits=0,
        first_name=asked["firstName"],
        last_name=asked["lastName"],
        society=asked["society"],
        email=asked["email"],
        master=account.login,
        post_paid=account.post_paid and asked.get("postPaid") == "1",
        details={name: value for name, value in asked.items() if name != "password"},
    )
    return {"status": "1", "text": "Sub-account successfully created"}


def _problem(world: World, asked: dict[str, str]) -> str | None:
    """Return what is wrong with a sub-account, in the words of annex 5."""
    if not all(asked.get(name, "").strip() for name in _REQUIRED):
        return "bad parameters"
    for name, pattern, problem in _FORMATS:
        if not pattern.fullmatch(asked[name]):
            return problem
    return "The login already exists" if asked["login"] in world.accounts else None
