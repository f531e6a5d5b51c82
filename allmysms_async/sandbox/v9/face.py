"""Which v9 method a request calls, and how its answer is written.

Source: HTTPS API v9, §2 (version in the path) and §5 (parameters of all methods).
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from allmysms_async.sandbox.exchange import Pause, Reply, Request
from allmysms_async.sandbox.form import Form, read_form
from allmysms_async.sandbox.state import Refused, World

from . import account, campaign, report, send
from .call import Call, authenticate
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
    """One method: its work, unless it is a send, and how it says that the login is wrong."""

    name: str
    work: Callable[[Call], Answer] | None = None
    unidentified: Callable[[Refused], Answer] = refusal


_OPERATIONS = (
    _Operation(send.SIMPLE_SEND),
    _Operation(send.SEND_SMS),
    _Operation("simulateCampaign", send.simulate),
    _Operation("getInfo", account.get_info),
    _Operation("getAcks", report.get_acks, _as_error),
    _Operation("getAckBySmsId", report.get_ack_by_sms_id, _as_error),
    _Operation("getCampaignStats", report.get_campaign_stats),
    _Operation("getCampaignInfo", campaign.get_campaign_info),
    _Operation("getCampaignsInfo", campaign.get_campaigns_info),
    _Operation("deleteCampaign", campaign.delete_campaign, _as_unidentified),
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
        xml = _wants_xml(form, operation)
        try:
            caller = authenticate(self._world, request, form)
        except Refused as refused:
            await pause()
            return render(operation, called.unidentified(refused), xml=xml)
        call = Call(self._world, caller, form, xml)
        try:
            if called.work is None:
                answer = await send.send(call, operation, pause)
            else:
                await pause()
                answer = called.work(call)
        except Refused as refused:
            answer = refusal(refused)
        return render(operation, answer, xml=xml)

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer a status of annex 2 without any effect."""
        answer: Answer = {"status": code, "statusText": status_text(code)}
        return render(operation, answer, xml=_wants_xml(read_form(request), operation))


def _wants_xml(form: Form, operation: str) -> bool:
    """Say whether to answer in XML; a simple send never does."""
    return operation != send.SIMPLE_SEND and form.word("returnformat").lower() == "xml"
