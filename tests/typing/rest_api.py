"""What type checkers make of the API: never run, checked by mypy and pyright (``test_typing.py``).

A line that must be refused carries an ignore of exactly that error: where it is not refused, the unused ignore is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol, assert_type

from allmysms_async import Contact, ListChange, Recipient, RestBackend, Secret, SmsService
from allmysms_async.protocols.rest.account import (
    GetCreditsByCountryIsoCodeResult,
    GetInfo,
    GetInfoResult,
    GetPricesResult,
)
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.protocols.rest.blacklist import DeleteBlacklistEntryResult, GetBlacklistResult
from allmysms_async.protocols.rest.campaigns import (
    CampaignInfo,
    DeleteCampaignResult,
    GetCampaignInfoResult,
    GetCampaignsInfoResult,
    GetCampaignStatsResult,
)
from allmysms_async.protocols.rest.contacts import (
    CreateListResult,
    DeleteContactsResult,
    DeleteListResult,
    GetContactsResult,
    GetListsResult,
    ListField,
    PopulateListResult,
)
from allmysms_async.protocols.rest.links import GetShortUrlDomainsResult, ShortenUrlResult
from allmysms_async.protocols.rest.replies import GetPullBySmsIdResult, GetPullResult, GetPullsResult
from allmysms_async.protocols.rest.reports import GetAckBySmsIdResult, GetAcksResult
from allmysms_async.protocols.rest.sms import SendSmsResult, SimpleSendResult, SimulateCampaignResult
from allmysms_async.protocols.rest.sub_accounts import (
    CreateSubAccountResult,
    DeleteSubAccountResult,
    GetSubAccountsResult,
    ManageSubAccountCreditsResult,
    UpdateSubAccountResult,
)
from allmysms_async.protocols.rest.voice import (
    CreateCodeResult,
    DownloadMediaResult,
    GetMediaResult,
    SendVocalResult,
    VocalType,
)
from allmysms_async.protocols.rest.webhooks import ConfigureWebhookResult, DeleteWebhookResult, GetWebhookResult


async def results(api: RestApi, day: datetime) -> None:
    """Each method takes its own arguments and gives its own result."""
    assert_type(await api.sms.simple_send("a", "06", tpoa="M", date=day), SimpleSendResult)
    assert_type(await api.sms.send_sms("a", [Recipient("06")], dynamic=0, verbose=True), SendSmsResult)
    assert_type(await api.sms.simulate_campaign("a", [Recipient("06")]), SimulateCampaignResult)
    assert_type(await api.reports.get_acks("c", sub_account="s", type="vocal"), GetAcksResult)
    assert_type(await api.reports.get_ack_by_sms_id("s"), GetAckBySmsIdResult)
    assert_type(await api.campaigns.get_campaign_stats("c", msisdn_list=True), GetCampaignStatsResult)
    assert_type(await api.campaigns.get_campaign_info("c"), GetCampaignInfoResult)
    assert_type(await api.campaigns.get_campaigns_info(day, day, limit=5), GetCampaignsInfoResult)
    assert_type(await api.campaigns.delete_campaign("c"), DeleteCampaignResult)
    assert_type(await api.replies.get_pulls(limit=5), GetPullsResult)
    assert_type(await api.replies.get_pull("c"), GetPullResult)
    assert_type(await api.replies.get_pull_by_sms_id("s"), GetPullBySmsIdResult)
    assert_type(await api.account.get_info(), GetInfoResult)
    assert_type(await api.account.get_credits_by_country_iso_code("FR"), GetCreditsByCountryIsoCodeResult)
    assert_type(await api.account.get_prices(), GetPricesResult)
    assert_type(await api.blacklist.get_blacklist(campaign_id="c"), GetBlacklistResult)
    assert_type(await api.blacklist.delete_blacklist_entry("06"), DeleteBlacklistEntryResult)
    assert_type(
        await api.sub_accounts.create_sub_account(
            first_name="a", last_name="b", email="c", login="d", password=Secret("secret"), active=True
        ),
        CreateSubAccountResult,
    )
    assert_type(await api.sub_accounts.update_sub_account("d", city="Nice"), UpdateSubAccountResult)
    assert_type(await api.sub_accounts.get_sub_accounts(), GetSubAccountsResult)
    assert_type(await api.sub_accounts.manage_sub_account_credits("d", Decimal("-1.5")), ManageSubAccountCreditsResult)
    assert_type(await api.sub_accounts.delete_sub_account("d"), DeleteSubAccountResult)
    assert_type(await api.contacts.create_list("l", [ListField("Ville")], locked=True), CreateListResult)
    assert_type(await api.contacts.populate_list("l", [Contact("06", {"Ville": "Nice"})]), PopulateListResult)
    assert_type(await api.contacts.delete_contacts("l", ["06"]), DeleteContactsResult)
    assert_type(await api.contacts.delete_list("l"), DeleteListResult)
    assert_type(await api.contacts.get_lists(), GetListsResult)
    assert_type(await api.contacts.get_contacts("l"), GetContactsResult)
    assert_type(await api.links.shorten_url("https://a"), ShortenUrlResult)
    assert_type(await api.links.get_short_url_domains(), GetShortUrlDomainsResult)
    assert_type(await api.voice.simple_vocal("https://a", "06", "01", type="call"), SendVocalResult)
    assert_type(await api.voice.send_vocal(["06"], "01", code="c"), SendVocalResult)
    assert_type(await api.voice.create_code("l"), CreateCodeResult)
    assert_type(await api.voice.get_media("c"), GetMediaResult)
    assert_type(await api.voice.download_media("c"), DownloadMediaResult)
    assert_type(await api.webhooks.get_webhook(), GetWebhookResult)
    assert_type(await api.webhooks.configure_webhook("dlr", "https://a"), ConfigureWebhookResult)
    assert_type(await api.webhooks.delete_webhook("mo"), DeleteWebhookResult)


async def fields(api: RestApi, day: datetime) -> None:
    """The fields of a result have one type each."""
    sent = await api.sms.send_sms("a", [Recipient("06")])
    assert_type(sent.credits, Decimal | None)
    assert_type(sent.nb_sms, int | None)
    assert_type(sent.raw, Mapping[str, object])
    assert_type((await api.contacts.get_contacts("l")).contacts, tuple[Mapping[str, str], ...])
    assert_type((await api.voice.download_media("c")).file, bytes)
    assert_type((await api.account.get_info()).api_key, Secret | None)
    assert_type(await api.voice.download_media_to("c", Path("a")), int)
    async for info in api.campaigns.iterate(day, day):
        assert_type(info, CampaignInfo)
    assert_type(api.with_options(timeout=5), RestApi)


async def service(sms: SmsService) -> None:
    """The service keeps the type of what it is asked."""
    assert_type(await sms.call(GetInfo(), attempts=2), GetInfoResult)
    assert_type(await sms.populate_list("l", ["06", Contact("07")]), ListChange)
    assert_type(sms.with_sub_account("s"), SmsService)
    assert_type(RestBackend("a", "b", flow_format="xml").with_sub_account("s"), RestBackend)


class SendSmsMethod(Protocol):
    """What an editor shows of ``api.sms.send_sms``."""

    def __call__(
        self,
        message: str,
        recipients: Sequence[Recipient],
        dynamic: int = 0,
        campaign_name: str | None = None,
        date: datetime | None = None,
        tpoa: str | None = None,
        cli_msg_id: str | None = None,
        tracking: bool | None = None,
        coding: int | None = None,
        alerting: bool | None = None,
        verbose: bool | None = None,
        unique_identifier: str | None = None,
    ) -> Awaitable[SendSmsResult]:
        """Send one text to many numbers."""
        ...


class SendVocalMethod(Protocol):
    """What an editor shows of ``api.voice.send_vocal``."""

    def __call__(
        self,
        recipients: Sequence[str],
        tpoa: str,
        url: str | None = None,
        code: str | None = None,
        type: VocalType | None = None,
        campaign_name: str | None = None,
        date: datetime | None = None,
        unique_identifier: str | None = None,
    ) -> Awaitable[SendVocalResult]:
        """Send one voice message to many numbers."""
        ...


class PopulateListMethod(Protocol):
    """What an editor shows of ``api.contacts.populate_list``."""

    def __call__(
        self, list_name: str, contacts: Sequence[Contact], sub_account: str | None = None
    ) -> Awaitable[PopulateListResult]:
        """Insert contacts into a list."""
        ...


def parameters(api: RestApi) -> tuple[SendSmsMethod, SendVocalMethod, PopulateListMethod]:
    """Methods have plain parameters, by position and by name, with their defaults."""
    return api.sms.send_sms, api.voice.send_vocal, api.contacts.populate_list


async def refused(api: RestApi, sms: SmsService) -> None:
    """Wrong arguments are refused by both checkers."""
    await api.reports.get_acks()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await api.reports.get_acks("c", campaign="c")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await api.campaigns.get_campaign_info(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await api.contacts.populate_list("l", ["06"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await api.sms.send_sms("a", [Recipient("06")], coding="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await api.webhooks.delete_webhook("all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sms.call("getInfo")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RestBackend("a", "b", flow_format="yaml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await api.sms.nothing()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
