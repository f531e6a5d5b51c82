"""The whole API at a glance: how each method is called, whether it may be repeated, and what its answers mean.

Source: HTTPS API v9, §6 to §43.
"""

from __future__ import annotations

from collections.abc import Mapping

from allmysms_async.protocols.operation import BaseRoute
from allmysms_async.protocols.refusal import Meaning
from allmysms_async.protocols.rest import status
from allmysms_async.redaction import Shown


class Answers(Shown, frozen=True):
    """What the statuses of an answer mean.

    Attributes:
        statuses: The table of refusals; other statuses leave a change open.
        successes: The statuses that are success; empty if the answer has none on success.
    """

    statuses: Mapping[str, Meaning] = {}
    successes: frozenset[str] = frozenset()


class Flow(Shown, frozen=True):
    """The data flow that an operation travels in, its fields as variables in capitals.

    Attributes:
        name: Name of the form field that holds it.
        rows: The fields that the operation writes itself, and that are no variables.
        beside: The fields that travel as form fields beside the flow.
        listed: Whether the annex prints ``DATA`` as a list of one object in JSON.
        items: Name of one element of each list that XML wraps; a list that is not here repeats its own name.
    """

    name: str
    rows: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    listed: bool = False
    items: Mapping[str, str] = {}


class Route(BaseRoute, frozen=True):
    """How a method of the API is called.

    Attributes:
        answers: What the statuses of its answer mean.
        flow: Its data flow, or None if its fields travel as form fields.
        at: The last part of its address as printed, where that is not its name and a slash.
        names: The fields whose wire names follow no rule.
        json_only: Whether the gateway answers in JSON whatever is asked.
        says_error: Whether ``error`` in place of the answer is the manual's own way to refuse it.
        for_sub_account: Whether it may be asked in a sub-account's name (annex 14).
        max_response_bytes: Largest answer that makes sense, or None for the backend's own limit alone.
    """

    answers: Answers = Answers()
    flow: Flow | None = None
    at: str | None = None
    names: Mapping[str, str] = {}
    json_only: bool = False
    says_error: bool = False
    for_sub_account: bool = True
    max_response_bytes: int | None = None

    @property
    def path(self) -> str:
        """The last part of its address."""
        return f"{self.name}/" if self.at is None else self.at


_OK = frozenset({"OK"})
_SENT = Answers(status.SEND, status.SEND_SUCCESS)
_SPOKEN = Answers(status.VOICE, status.SEND_SUCCESS)
_CANCELLED = Answers(status.CANCEL, _OK)
_UNLISTED = Answers(status.UNLIST, status.DONE)
_MANAGED = Answers(status.SUB_ACCOUNT, status.DONE)
_MOVED = Answers(status.CREDITS, _OK)
_LISTED = Answers(status.LIST, status.DONE)
_FILLED = Answers(status.CONTACTS, status.DONE)
_RECORDED = Answers(status.MEDIA, status.DONE)
_HOOKED = Answers(status.WEBHOOK, status.DONE)

_SMS = Flow("smsData", rows=("recipients", "dynamic"))
_ACCOUNT = Flow("accountData", beside=("sub_account",))
_LIST = Flow("listData", rows=("structure",), items={"STRUCTURE": "FIELD"})
_POPULATE = Flow("populateData", rows=("contacts",), listed=True, items={"CONTACTS": "CONTACT"})
_DELETE = Flow("deleteData", rows=("phones",), listed=True, items={"CONTACTS": "CONTACT"})
_VOCAL = Flow("vocalData", rows=("recipients",), beside=("type",), listed=True)

# The answer to 2,000 recipients, the most that one request holds, has 120 KB.
_SMS_BYTES = 4 * 1024 * 1024

# Texts: §6 to §8.
SIMPLE_SEND = Route(
    "simpleSend",
    "key",
    _SENT,
    at="",
    names={"unique_identifier": "uniqueidentifier"},
    json_only=True,
    max_response_bytes=_SMS_BYTES,
)
SEND_SMS = Route("sendSms", "key", _SENT, _SMS, max_response_bytes=_SMS_BYTES)
SIMULATE_CAMPAIGN = Route("simulateCampaign", "safe", _SENT, _SMS, max_response_bytes=_SMS_BYTES)

# Delivery reports: §9 and §10.
GET_ACKS = Route("getAcks", "safe")
GET_ACK_BY_SMS_ID = Route("getAckBySmsId", "safe")

# Earlier and scheduled sends: §11 to §13, §20.
GET_CAMPAIGN_STATS = Route("getCampaignStats", "safe")
GET_CAMPAIGN_INFO = Route("getCampaignInfo", "safe")
GET_CAMPAIGNS_INFO = Route("getCampaignsInfo", "safe")
DELETE_CAMPAIGN = Route("deleteCampaign", "never", _CANCELLED, says_error=True)

# Replies: §14 to §16. The first hands each of them out once only.
GET_PULLS = Route("getPulls", "never", says_error=True)
GET_PULL = Route("getPull", "safe")
GET_PULL_BY_SMS_ID = Route("getPullBySmsId", "safe")

# The account, and what texts cost it: §17, §32, §33.
GET_INFO = Route("getInfo", "safe")
GET_CREDITS_BY_COUNTRY_ISO_CODE = Route("getCreditsByCountryIsoCode", "safe")
GET_PRICES = Route("getPrices", "safe")

# Opt-outs: §18 and §19.
GET_BLACKLIST = Route("getBlacklist", "safe")
DELETE_BLACKLIST_ENTRY = Route("deleteblacklistentry", "never", _UNLISTED)

# Sub-accounts: §21 to §25.
CREATE_SUB_ACCOUNT = Route("createSubAccount", "never", _MANAGED, _ACCOUNT)
UPDATE_SUB_ACCOUNT = Route("updateSubAccount", "never", _MANAGED, _ACCOUNT, for_sub_account=False)
GET_SUB_ACCOUNTS = Route("getSubAccounts", "safe")
MANAGE_SUB_ACCOUNT_CREDITS = Route("manageSubAccountCredits", "never", _MOVED)
DELETE_SUB_ACCOUNT = Route("deleteSubAccount", "never", _MANAGED)

# Contact lists: §26 to §31.
CREATE_LIST = Route("createList", "never", _LISTED, _LIST)
POPULATE_LIST = Route("populateList", "never", _FILLED, _POPULATE)
DELETE_CONTACTS = Route("deleteContacts", "never", _FILLED, _DELETE)
DELETE_LIST = Route("deleteList", "never", _LISTED)
GET_LISTS = Route("getLists", "safe")
GET_CONTACTS = Route("getContacts", "safe")

# Short addresses: §34 and §35.
SHORTEN_URL = Route("shortenUrl", "safe")
GET_SHORT_URL_DOMAINS = Route("getshorturldomains", "safe")

# Voice messages: §36 to §40. A code is there on success, and its status blank.
SIMPLE_VOCAL = Route("simpleVocal", "key", _SPOKEN, at="simpleVocal", json_only=True)
SEND_VOCAL = Route("sendVocal", "key", _SPOKEN, _VOCAL)
CREATE_CODE = Route("createCode", "never", Answers(status.MEDIA))
GET_MEDIA = Route("getMedia", "safe", _RECORDED, at="getMedia")
DOWNLOAD_MEDIA = Route("downloadMedia", "safe", _RECORDED, at="downloadMedia")

# Webhooks: §41 to §43.
GET_WEBHOOK = Route("getWebhook", "safe")
CONFIGURE_WEBHOOK = Route("configureWebhook", "never", _HOOKED)
DELETE_WEBHOOK = Route("deleteWebhook", "never", _HOOKED)
