"""Which v9 method a request calls, and how its answer is written.

Source: HTTPS API v9, §2 (version in the path) and §5 (parameters of all methods).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from allmysms_async.sandbox.exchange import Pause, Reply, Request
from allmysms_async.sandbox.form import Form, read_form
from allmysms_async.sandbox.state import Refused, World

from . import account, blacklist, campaign, contact, link, reply, report, send, subaccount, voice, webhook
from .call import SUB_ACCOUNT_HEADER, Call, authenticate
from .render import render
from .status import Answer, refusal, status_text

__all__ = ["V9Face"]

_UNKNOWN = "unknown"


def _as_error(refused: Refused) -> Answer:
    """Say it where a list would be. Source: HTTPS API v9, §9.2."""
    return {"error": refusal(refused)["statusText"]}


def _as_unidentified(_: Refused) -> Answer:
    """Say it in the words of cancelling. Source: HTTPS API v9, annex 4."""
    return {"status": "CAMPIDNOTFOUND"}


@dataclass(frozen=True, slots=True)
class _Operation:
    """One method.

    Attributes:
        name: As in its path.
        work: What it does, unless it is a send.
        unidentified: How it says that the login is wrong.
        waits: What it does, where that takes its time.
        root: Its root element in XML, where that is not its name.
        about_sub_account: Whether `subAccount` names what it is about, not who asks it.
        json_only: Whether it answers in JSON whatever is asked.
    """

    name: str
    work: Callable[[Call], Answer] | None = None
    unidentified: Callable[[Refused], Answer] = refusal
    waits: Callable[[Call], Awaitable[Answer]] | None = None
    root: str = ""
    about_sub_account: bool = False
    json_only: bool = False


_OPERATIONS = (
    _Operation(send.SIMPLE_SEND, json_only=True),
    _Operation(send.SEND_SMS),
    _Operation("simulateCampaign", send.simulate),
    _Operation("getInfo", account.get_info),
    _Operation("getAcks", report.get_acks, _as_error),
    _Operation("getAckBySmsId", report.get_ack_by_sms_id, _as_error),
    _Operation("getCampaignStats", report.get_campaign_stats),
    _Operation("getCampaignInfo", campaign.get_campaign_info),
    _Operation("getCampaignsInfo", campaign.get_campaigns_info),
    _Operation("deleteCampaign", campaign.delete_campaign, _as_unidentified),
    _Operation("getPulls", reply.get_pulls, _as_error),
    _Operation("getPull", reply.get_pull, _as_error),
    _Operation("getPullBySmsId", reply.get_pull_by_sms_id, _as_error, root="getpullbysmsid"),
    _Operation("getBlacklist", blacklist.get_blacklist),
    _Operation("deleteblacklistentry", blacklist.delete_entry, root="deleteList"),
    _Operation("createSubAccount", subaccount.create),
    _Operation("updateSubAccount", subaccount.update, about_sub_account=True),
    _Operation("getSubAccounts", subaccount.get_all),
    _Operation("manageSubAccountCredits", subaccount.manage_credits, about_sub_account=True),
    _Operation("deleteSubAccount", subaccount.delete),
    _Operation("createList", contact.create_list),
    _Operation("populateList", contact.populate_list),
    _Operation("deleteContacts", contact.delete_contacts),
    _Operation("deleteList", contact.delete_list),
    _Operation("getLists", contact.get_lists),
    _Operation("getContacts", contact.get_contacts),
    _Operation("getCreditsByCountryIsoCode", account.get_credits),
    _Operation("getPrices", account.get_prices),
    _Operation("shortenUrl", link.shorten_url),
    _Operation("getshorturldomains", link.get_domains),
    _Operation(voice.SIMPLE_VOCAL, json_only=True),
    _Operation(voice.SEND_VOCAL),
    _Operation("createCode", voice.create_code),
    _Operation("getMedia", voice.get_media),
    _Operation("downloadMedia", voice.download_media),
    _Operation("getWebhook", webhook.get_webhook),
    _Operation("configureWebhook", waits=webhook.configure_webhook),
    _Operation("deleteWebhook", webhook.delete_webhook),
)
_BY_NAME = {operation.name: operation for operation in _OPERATIONS}
_BY_PATH = {name.lower(): name for name in _BY_NAME if name != send.SIMPLE_SEND}


class V9Face:
    """The HTTPS API v9."""

    name = "v9"

    def __init__(self, world: World) -> None:
        """Play on a state."""
        self._world = world

    def operation(self, path: str) -> str | None:
        """Return the method that a path under `/http/9.0` names, in any case and with or without a final slash."""
        steps = [step for step in path.split("/") if step]
        if len(steps) < 2 or steps[0].lower() != "http" or steps[1] != "9.0":
            return None
        if len(steps) == 2:
            return send.SIMPLE_SEND
        return _BY_PATH.get(steps[2].lower(), _UNKNOWN) if len(steps) == 3 else _UNKNOWN

    async def answer(self, request: Request, operation: str, pause: Pause) -> Reply:
        """Carry a method out."""
        called = _BY_NAME.get(operation)
        if called is None:
            return Reply(msgspec.json.encode({"error": "Unknown method"}), status=404)
        if request.method not in ("GET", "POST"):
            return Reply(b'{"error":"Method not allowed"}', status=405, headers=((b"allow", b"GET, POST"),))
        form = read_form(request)
        xml = _wants_xml(form, called)
        root = called.root or operation
        try:
            caller = authenticate(self._world, request, form, about_sub_account=called.about_sub_account)
        except Refused as refused:
            await pause()
            return render(root, called.unidentified(refused), xml=xml)
        call = Call(self._world, caller, form, xml, as_sub_account=bool(request.header(SUB_ACCOUNT_HEADER)))
        try:
            if called.work is not None:
                await pause()
                answer = called.work(call)
            elif called.waits is not None:
                await pause()
                answer = await called.waits(call)
            else:
                answer = await send.send(call, operation, pause)
        except Refused as refused:
            answer = refusal(refused, voice=operation in voice.VOICE)
        return render(root, answer, xml=xml)

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer a status of annex 2 without any effect."""
        answer: Answer = {"status": code, "statusText": status_text(code, voice=operation in voice.VOICE)}
        called = _BY_NAME.get(operation)
        xml = called is not None and _wants_xml(read_form(request), called)
        return render(called.root or operation if called else operation, answer, xml=xml)


def _wants_xml(form: Form, operation: _Operation) -> bool:
    """Say whether to answer in XML; the two simple sends never do."""
    return not operation.json_only and form.word("returnformat").lower() == "xml"
