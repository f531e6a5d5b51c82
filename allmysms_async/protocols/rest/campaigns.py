"""Earlier and scheduled sends.

Source: HTTPS API v9, §11 to §13, §20, annex 4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Discreet

__all__ = [
    "CampaignInfo",
    "CampaignSms",
    "CampaignStats",
    "Campaigns",
    "DeleteCampaign",
    "DeleteCampaignResult",
    "GetCampaignInfo",
    "GetCampaignInfoResult",
    "GetCampaignStats",
    "GetCampaignStatsResult",
    "GetCampaignsInfo",
    "GetCampaignsInfoResult",
]

_Lists = Annotated[object, Wire(("usedLists", "lists"))]
_Sender = Annotated[str | None, Wire(("tpoa", "tppa", "tboa"))]


class CampaignInfo(Discreet, frozen=True, kw_only=True):
    """What the gateway knows of one send.

    Attributes:
        id: Identifier of the send.
        name: Its name.
        command_date: When it was asked for.
        sending_date: When it was, or will be, sent.
        status: Such as ``sent``, ``programmed``, ``cancelled``.
        message: The text, with its placeholders.
        nb_sms: Text parts.
        nb_contacts: Recipients.
        used_lists: The contact lists it was sent to, as they came.
        tpoa: Sender shown.
        tracking: Whether its link is tracked.
    """

    id: Annotated[str | None, Wire(("id", "campaignId"))] = None
    name: Annotated[str | None, Wire(("name", "campaignName"))] = None
    command_date: Annotated[datetime | None, Wire(("commandDate", "dateCommand"))] = None
    sending_date: Annotated[datetime | None, Wire(("sendingDate", "dateSent"))] = None
    status: str | None = None
    message: str | None = None
    nb_sms: int | None = None
    nb_contacts: int | None = None
    used_lists: _Lists = None
    tpoa: _Sender = None
    tracking: bool | None = None


class CampaignSms(Discreet, frozen=True, kw_only=True):
    """One text of a send.

    Attributes:
        msisdn: The number, as ``33…``.
        status: As in annex 3; 0 is no report yet.
        date_received: When the operator reported.
        sms_id: Identifier of the text.
        clicks: Clicks on its tracked link.
    """

    msisdn: str | None = None
    status: str | None = None
    date_received: datetime | None = None
    sms_id: str | None = None
    clicks: int | None = None


class CampaignStats(CampaignInfo, frozen=True, kw_only=True):
    """What became of one send, on top of what ``CampaignInfo`` has.

    Attributes:
        delivered: Texts delivered.
        undelivered: Texts not delivered.
        pending: Texts without a report.
        error: Texts in error.
        invalid: Numbers refused.
        stop: Recipients who opted out.
        mo: Replies.
        click: Clicks on the tracked link.
        tracked_link: The link.
        unique_click: Recipients who clicked.
        msisdn_list: The texts, if they were asked for.
    """

    delivered: int | None = None
    undelivered: int | None = None
    pending: int | None = None
    error: int | None = None
    invalid: int | None = None
    stop: int | None = None
    mo: int | None = None
    click: int | None = None
    tracked_link: str | None = None
    unique_click: int | None = None
    msisdn_list: Annotated[tuple[CampaignSms, ...], Wire(("msisdnList",), item="sms")] = ()


class GetCampaignStatsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetCampaignStats``.

    Attributes:
        campaign: The send.
    """

    campaign: CampaignStats | None = None


class GetCampaignInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetCampaignInfo``.

    Attributes:
        campaign: The send.
    """

    campaign: CampaignInfo | None = None


class GetCampaignsInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetCampaignsInfo``.

    Attributes:
        campaigns: One page of sends, in the order of their sending dates.
    """

    campaigns: Annotated[tuple[CampaignInfo, ...], Wire(("campaigns",), item="campaign")] = ()


class DeleteCampaignResult(Result, frozen=True, kw_only=True):
    """Answer to ``DeleteCampaign``.

    Attributes:
        status: ``OK``.
    """

    status: str | None = None


class GetCampaignStats(Operation[GetCampaignStatsResult], frozen=True):
    """Fetch what became of one send.

    Source: HTTPS API v9, §11.

    Args:
        campaign_id: As returned by the send.
        type: ``sms`` (default) or ``vocal``.
        msisdn_list: Whether to list each number with its report.
    """

    campaign_id: str
    type: str | None = None
    msisdn_list: bool | None = None

    route = routes.GET_CAMPAIGN_STATS


class GetCampaignInfo(Operation[GetCampaignInfoResult], frozen=True):
    """Fetch what the gateway knows of one send.

    Source: HTTPS API v9, §12.

    Args:
        campaign_id: As returned by the send.
        type: ``sms`` (default) or ``vocal``.
    """

    campaign_id: str
    type: str | None = None

    route = routes.GET_CAMPAIGN_INFO


class GetCampaignsInfo(Operation[GetCampaignsInfoResult], frozen=True):
    """Fetch one page of the sends of a period, in the order of their sending dates.

    Source: HTTPS API v9, §13.

    Args:
        start_date: Start of the period, aware.
        end_date: End of the period, aware.
        type: ``sms`` (default) or ``vocal``.
        status: ``all`` (default), ``sent``, ``programmed`` or ``cancelled``.
        search: Text to look for in the message or the name.
        hide_test_campaigns: Leave out test messages sent from the customer area.
        limit: Sends to return, 10 by default, 100 at most.
        offset: Sends to pass over.
    """

    start_date: datetime
    end_date: datetime
    type: str | None = None
    status: str | None = None
    search: str | None = None
    hide_test_campaigns: bool | None = None
    limit: int | None = None
    offset: int | None = None

    route = routes.GET_CAMPAIGNS_INFO


class DeleteCampaign(Operation[DeleteCampaignResult], frozen=True):
    """Cancel a scheduled send.

    Source: HTTPS API v9, §20 and annex 4. §20 prints ``camId`` where annex 4 says ``campId``; the latter is sent.

    Args:
        camp_id: As returned by the send.

    Raises:
        CampaignNotFound: The gateway does not know it.
        CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
    """

    camp_id: str

    route = routes.DELETE_CAMPAIGN


_PAGE = 100


class Campaigns(Resource):
    """Earlier and scheduled sends."""

    get_campaign_stats = Method(GetCampaignStats)
    get_campaign_info = Method(GetCampaignInfo)
    get_campaigns_info = Method(GetCampaignsInfo)
    delete_campaign = Method(DeleteCampaign)

    async def iterate(
        self,
        start_date: datetime,
        end_date: datetime,
        *,
        type: str | None = None,
        status: str | None = "all",
        search: str | None = None,
        hide_test_campaigns: bool | None = None,
        page_size: int = _PAGE,
    ) -> AsyncIterator[CampaignInfo]:
        """Iterate over the sends of a period; each page is fetched when it is needed, and no sooner.

        A send that joins the period meanwhile may shift the pages; no send is given twice for that.

        Source: HTTPS API v9, §13.

        Args:
            start_date: Start of the period, aware.
            end_date: End of the period, aware.
            type: As in ``GetCampaignsInfo``, like the others.
            status: ``all``, ``sent``, ``programmed`` or ``cancelled``.
            search: Text to look for in the message or the name.
            hide_test_campaigns: Leave out test messages sent from the customer area.
            page_size: Sends in a page, 100 at most.
        """
        offset = 0
        seen: set[str] = set()
        while True:
            page = await self.get_campaigns_info(
                start_date,
                end_date,
                type=type,
                status=status,
                search=search,
                hide_test_campaigns=hide_test_campaigns,
                limit=page_size,
                offset=offset,
            )
            for info in page.campaigns:
                if info.id is None or info.id not in seen:
                    yield info
                if info.id is not None:
                    seen.add(info.id)
            if len(page.campaigns) < page_size:
                return
            offset += len(page.campaigns)
