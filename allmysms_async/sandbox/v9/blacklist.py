"""The numbers that an account must not text.

Source: HTTPS API v9, §18 (getBlacklist), §19 (deleteblacklistentry).
"""

from allmysms_async.sandbox.numbering import canonical
from allmysms_async.sandbox.state import wall

from .call import Call
from .report import unknown_campaign
from .status import Answer, done, failed

__all__ = ["delete_entry", "get_blacklist"]

_COMMENTS = {
    "blacklist_stop": "stop",
    "blacklist_unassigned": "Refused",
    "blacklist_manual": "manual unsubscribe",
}


def get_blacklist(call: Call) -> Answer:
    """List the numbers, or those of one campaign."""
    call.world.settle()
    entries = call.world.opt_outs.of(call.account.login)
    wanted = call.form.word("campaignId")
    if wanted:
        campaign = call.world.campaign_of(call.account, wanted)
        if campaign is None:
            return unknown_campaign()
        phones = set(campaign.phones)
        entries = [entry for entry in entries if entry.phone in phones]
    return {
        "blacklist": [
            {"phoneNumber": entry.phone, "comment": _COMMENTS[entry.reason], "receptionDate": wall(entry.at)}
            for entry in entries
        ]
    }


def delete_entry(call: Call) -> Answer:
    """Take a number off the list, unless its owner asked to be on it."""
    call.world.settle()
    phone = canonical(call.form.word("phoneNumber"))
    entry = None if phone is None else call.world.opt_outs.find(call.account.login, phone)
    if entry is None:
        return failed("phone number not found")
    if entry.reason == "blacklist_stop":
        return failed("this phone number cannot be deleted")
    call.world.opt_outs.remove(call.account.login, entry.phone)
    return done("phone number successfully deleted")
