"""Looking up a send that got no answer: the gateway's own lists tell whether it took the send, and for which numbers.

Source: HTTPS API v9, §11 (getCampaignStats), §13 (getCampaignsInfo).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from allmysms_async import plausible
from allmysms_async.errors import ProtocolError
from allmysms_async.model import FoundSend
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest.campaigns import CampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result

R = TypeVar("R", bound=Result)

_PAGE = 100
_AROUND = timedelta(days=1)


class _Call(Protocol):
    """Makes one attempt at an operation."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


async def find_send(
    call: _Call, name: str, moments: Sequence[datetime], campaign_id: str | None = None
) -> FoundSend | None:
    """Return what the gateway knows of a send, or None if its lists do not have it.

    Args:
        call: Makes one attempt at an operation.
        name: The send's whole name, with its mark.
        moments: The moments at which it may have been sent.
        campaign_id: The gateway's identifier of the send, if it is known; it is not searched for then.

    Raises:
        ProtocolError: The gateway lists the send without its numbers: what became of each is not known.
    """
    found = dict.fromkeys([campaign_id] if campaign_id else [])
    if not found:
        found = {info.id: None for moment in moments async for info in _listed(call, name, moment) if info.id}
    sms_ids: dict[str, str | None] = {}
    parts, whole = 0, True
    for each in found:
        campaign = (await call(GetCampaignStats(each, msisdn_list=True))).campaign
        if campaign is None or not campaign.msisdn_list:
            # A scheduled send may not list its numbers before its date: that is no proof that nobody is texted.
            msg = "getCampaignStats lists no number of a send that the gateway has; what became of it is not known."
            raise ProtocolError(msg, request="getCampaignStats")
        listed = {read_gateway_number(text.msisdn or ""): text.sms_id for text in campaign.msisdn_list}
        # A list that is cut short, or not complete yet, proves nothing about the numbers that it lacks.
        whole = whole and campaign.nb_contacts == len(listed)
        sms_ids |= listed
        parts += plausible.parts(campaign.nb_sms, len(listed)) or 0
    if not found:
        return None
    return FoundSend(
        campaign_id=plausible.identifier(next(reversed(found))) or "", sms_ids=sms_ids, parts=parts or None, whole=whole
    )


async def _listed(call: _Call, name: str, moment: datetime) -> AsyncIterator[CampaignInfo]:
    """Yield the sends of exactly this name, over all pages and all statuses."""
    offset = 0
    while True:
        page = await call(
            GetCampaignsInfo(moment - _AROUND, moment + _AROUND, status="all", search=name, limit=_PAGE, offset=offset)
        )
        for info in page.campaigns:
            if info.name == name:
                yield info
        if len(page.campaigns) < _PAGE:
            return
        offset += _PAGE
