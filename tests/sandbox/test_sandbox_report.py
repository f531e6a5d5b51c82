"""Reports, campaigns and the account, as a plain HTTP client sees them. Source: HTTPS API v9, §9 to §13, §17, §20."""

import pytest
from lxml import etree

PHONES = ("0612345678", "0612340002", "0612340004", "0612340005")


async def _sent(gateway, *phones, text="Bonjour", **data):
    """Send a campaign and return its answer."""
    answer = await gateway.flow(text, *phones, **data)
    assert answer["status"] in (100, 101)
    return answer


async def test_acks_arrive_with_the_clock(sandbox, gateway):
    """A message is with the operator until its report comes, within 30 seconds, by the fate of its number."""
    campaign = (await _sent(gateway, *PHONES, CLIMSGID="mine"))["campaignId"]
    early = await gateway.call("getAcks", campId=campaign)
    assert early["cliMsgId"] == "mine"
    assert [ack["statut"] for ack in early["acks"]] == ["3", "3", "3", "3"]
    sandbox.advance(30)
    late = await gateway.call("getAcks", campId=campaign)
    assert [ack["statut"] for ack in late["acks"]] == ["1", "2", "4", "5"]
    assert late["acks"][0] | {"receptionDate": ""} == {
        "phoneNumber": "33612345678",
        "statut": "1",
        "comment": "Delivered",
        "receptionDate": "",
    }
    assert "2027-03-02 10:00:02" <= late["acks"][0]["receptionDate"] <= "2027-03-02 10:00:30"


async def test_acks_in_xml_nest_as_printed(sandbox, gateway):
    """The XML answer nests acks/ack under getAcks."""
    campaign = (await _sent(gateway, "0612345678"))["campaignId"]
    sandbox.advance(30)
    root = etree.fromstring((await gateway.raw("getAcks", campId=campaign, returnformat="XML")).content)
    assert root.tag == "getAcks"
    assert root.findtext("acks/ack/statut") == "1"
    assert root.findtext("cliMsgId") == ""


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("getAcks", "campId"),
        ("getAckBySmsId", "smsId"),
        ("getCampaignStats", "campaignId"),
        ("getCampaignInfo", "campaignId"),
    ],
)
async def test_unknown_campaign_or_message_is_an_error_in_place_of_the_data(gateway, method, field):
    """What the account does not have is answered by the error field alone."""
    for value in ("", "nothing", "00000000-8e0a-11e5-bf51-000000000099"):
        assert list(await gateway.call(method, **{field: value})) == ["error"]


async def test_ack_by_sms_id_answers_the_printed_fields(sandbox, gateway):
    """One message's report has its four fields, in JSON and XML."""
    sms_id = (await _sent(gateway, "0612345677", "0612340002"))["smsIds"][1]["smsId"]
    sandbox.advance(30)
    answer = await gateway.call("getAckBySmsId", smsId=sms_id)
    assert list(answer) == ["phoneNumber", "status", "comment", "receptionDate"]
    assert (answer["phoneNumber"], answer["status"]) == ("33612340002", "2")
    root = etree.fromstring((await gateway.raw("getAckBySmsId", smsId=sms_id, returnformat="xml")).content)
    assert (root.tag, root.findtext("status")) == ("getAckBySmsId", "2")


async def test_unassigned_number_is_opted_out_by_its_report(sandbox, gateway):
    """A number nobody has joins the opt-out list when the operator reports it, not before."""
    await _sent(gateway, "0612340005")
    assert (await _sent(gateway, "0612340005", text="again"))["nbContacts"] == 1
    sandbox.advance(30)
    answer = await gateway.flow("third", "0612340005", VERBOSE="1")
    assert answer["status"] == 114
    assert answer["discardedNumbersDetails"][0]["reason"] == "blacklist_unassigned"


async def test_campaign_stats_count_and_list_as_printed(sandbox, gateway):
    """Statistics count fates, and list the numbers on request with status 0 while pending."""
    sandbox.opt_out("0612345670")
    campaign = (await _sent(gateway, *PHONES, "0612345670", "abc", CAMPAIGN_NAME="soldes"))["campaignId"]
    stats = (await gateway.call("getCampaignStats", campaignId=campaign, msisdnList=1))["campaign"]
    assert list(stats) == [
        *("campaignId", "campaignName", "dateCommand", "dateSent", "status", "message", "nbSms", "nbContacts"),
        *("usedLists", "tpoa", "delivered", "undelivered", "pending", "error", "invalid", "stop", "mo", "click"),
        *("tracking", "trackedLink", "uniqueClick", "msisdnList"),
    ]
    assert (stats["campaignName"], stats["status"], stats["pending"]) == ("soldes", "sent", 4)
    assert (stats["invalid"], stats["stop"]) == (1, 1)
    assert list(stats["msisdnList"][0]) == ["msisdn", "status", "smsId", "clicks"]
    assert stats["msisdnList"][0]["status"] == "0"
    sandbox.advance(30)
    stats = (await gateway.call("getCampaignStats", campaignId=campaign, msisdnList=1))["campaign"]
    assert [stats[name] for name in ("delivered", "undelivered", "pending", "error")] == [1, 1, 0, 2]
    assert [sms["status"] for sms in stats["msisdnList"]] == ["1", "2", "4", "5"]
    assert "dateReceived" in stats["msisdnList"][0]
    response = await gateway.raw("getCampaignStats", campaignId=campaign, msisdnList="1", returnformat="xml")
    root = etree.fromstring(response.content)
    assert root.findtext("campaign/msisdnList/sms/msisdn") == "33612345678"
    assert root.findtext("campaign/tracking") == "false"


async def test_campaign_info_differs_in_json_and_xml_as_printed(gateway):
    """JSON has usedLists where XML has lists."""
    campaign = (await _sent(gateway, "0612345678", TPOA="MAGASIN", CAMPAIGN_NAME="n"))["campaignId"]
    info = (await gateway.call("getCampaignInfo", campaignId=campaign))["campaign"]
    assert info == {
        "id": campaign,
        "name": "n",
        "message": "Bonjour",
        "tpoa": "MAGASIN",
        "commandDate": "2027-03-02 10:00:00",
        "sendingDate": "2027-03-02 10:00:00",
        "nbSms": 1,
        "nbContacts": 1,
        "status": "sent",
        "usedLists": "",
        "tracking": False,
    }
    response = await gateway.raw("getCampaignInfo", campaignId=campaign, returnformat="xml")
    assert [child.tag for child in etree.fromstring(response.content)[0]] == [
        *("id", "name", "commandDate", "sendingDate", "status", "message", "nbSms", "nbContacts"),
        *("lists", "tpoa", "tracking"),
    ]


async def test_campaigns_of_a_period_are_paged_filtered_and_sorted(gateway):
    """The list follows the sending date, and honours status, search, limit and offset."""
    for number in range(12):
        await _sent(gateway, "0612345678", text=f"text {number}", CAMPAIGN_NAME=f"name {number} [ab12/{number}]")
    await _sent(gateway, "0612345678", text="later", DATE="2027-03-03 10:00:00")
    period = {"startDate": "2027-03-02", "endDate": "2027-03-03"}

    async def names(**fields):
        return [each["name"] for each in (await gateway.call("getCampaignsInfo", **period | fields))["campaigns"]]

    assert len(await names()) == 10
    assert len(await names(limit=100)) == 13
    assert await names(offset=12) == [""]
    assert await names(search="AB12/11]") == ["name 11 [ab12/11]"]
    assert await names(search="later", status="programmed") == [""]
    assert await names(endDate="2027-03-02 09:59:59") == []
    assert await names(type="vocal") == []
    assert len(await names(endDate="2027-03-02", limit=100)) == 12
    response = await gateway.raw("getCampaignsInfo", **period, returnformat="xml")
    assert len(etree.fromstring(response.content).findall("campaigns/campaign")) == 10


@pytest.mark.parametrize(
    "fields", [{"startDate": ""}, {"endDate": "tomorrow"}, {"limit": "x"}, {"offset": "-1"}, {"status": "lost"}]
)
async def test_campaign_list_without_a_proper_period_is_an_error(gateway, fields):
    """Missing or unreadable parameters are answered by the error field."""
    answer = await gateway.call("getCampaignsInfo", **{"startDate": "2027-03-02", "endDate": "2027-03-02"} | fields)
    assert list(answer) == ["error"]


async def test_scheduled_campaign_arrives_at_its_date(sandbox, gateway):
    """A future date answers 101, and handsets receive nothing before it."""
    answer = await _sent(gateway, "0612345678", DATE="2027-03-02 12:00:00")
    assert answer["status"] == 101
    assert answer["creditsUsed"] == 15
    campaign = answer["campaignId"]
    assert (await gateway.call("getCampaignInfo", campaignId=campaign))["campaign"]["status"] == "programmed"
    assert (await gateway.call("getAcks", campId=campaign))["acks"] == []
    assert (await gateway.call("getCampaignStats", campaignId=campaign))["campaign"]["pending"] == 1
    assert "error" in await gateway.call("getAckBySmsId", smsId=answer["smsIds"][0]["smsId"])
    sandbox.advance(7199)
    assert sandbox.stats()["messages"] == 0
    sandbox.advance(1)
    assert sandbox.messages("0612345678")[0]["received_at"] == "2027-03-02T12:00:00+01:00"
    assert (await gateway.call("getCampaignInfo", campaignId=campaign))["campaign"]["status"] == "sent"


async def test_cancelling_refunds_and_stops_the_messages(sandbox, gateway):
    """deleteCampaign before the date gives the credits back, and nobody is texted."""
    campaign = (await _sent(gateway, "0612345678", DATE="2027-03-02 12:00:00"))["campaignId"]
    assert (await gateway.call("getInfo"))["credits"] == 999_999_985
    assert await gateway.call("deleteCampaign", campId=campaign) == {"status": "OK"}
    assert (await gateway.call("getInfo"))["credits"] == 1_000_000_000
    sandbox.advance(7200)
    assert sandbox.stats()["messages"] == 0
    assert (await gateway.call("getCampaignInfo", campaignId=campaign))["campaign"]["status"] == "cancelled"


async def test_cancelling_answers_the_words_of_the_annex(sandbox, gateway):
    """Each reason not to cancel has its own word, in JSON and in XML."""
    now = (await _sent(gateway, "0612345678"))["campaignId"]
    later = (await _sent(gateway, "0612345678", DATE="2027-03-02 12:00:00"))["campaignId"]
    gone = (await _sent(gateway, "0612345678", text="b", DATE="2027-03-02 12:00:00"))["campaignId"]

    async def word(**fields):
        return (await gateway.call("deleteCampaign", **fields))["status"]

    assert await word() == "CAMPIDNOTFOUND"
    assert await word(campId=later, apiKey="wrong") == "CAMPIDNOTFOUND"
    assert await word(campId="nothing") == "CAMPNOTFOUND"
    assert await word(campId=now) == "BADCAMPAIGNSENDINGTYPE"
    assert await word(campId=gone) == "OK"
    assert await word(campId=gone) == "CAMPAIGNALREADYDELETED"
    sandbox.advance(7200)
    assert await word(campId=later) == "CAMPALREADYSENT"
    response = await gateway.raw("deleteCampaign", campId=later, returnformat="xml")
    assert etree.fromstring(response.content).findtext("status") == "CAMPALREADYSENT"


async def test_account_is_described_as_printed(gateway):
    """getInfo answers the eleven printed fields, the key among them."""
    info = await gateway.call("getInfo")
    assert info == {
        "status": "Active Account",
        "credits": 1_000_000_000,
        "nbSms": 66_666_666,
        "referenceCountryIso": "FR",
        "apiKey": "demo-key",
        "lastName": "Dupont",
        "firstName": "Marc",
        "society": "Exemple SARL",
        "email": "demo@example.com",
        "balance": 3_000_000,
        "alerting": 1,
    }
    root = etree.fromstring((await gateway.raw("getInfo", returnformat="xml")).content)
    assert [child.tag for child in root] == list(info)


async def test_master_acts_for_its_sub_account_by_header_or_parameter(sandbox, gateway):
    """The sub-account pays and owns the campaign, and strangers cannot be acted for."""
    shop = {"Allmysms-Subaccount": "demo-shop"}
    answer = await gateway.call(message="a", mobile="0612345678", headers=shop)
    assert answer["credits"] == 9_999_985
    campaign = answer["campaignId"]
    assert "error" in await gateway.call("getAcks", campId=campaign)
    assert "acks" in await gateway.call("getAcks", campId=campaign, subAccount="demo-shop")
    assert (await gateway.call("getInfo", headers=shop))["society"] == "Exemple Boutique"
    assert (await gateway.call("getInfo", subAccount="nobody"))["status"] == 102
    up = {"login": "demo-shop", "apiKey": "demo-shop-key", "subAccount": "demo"}
    assert (await gateway.call("getInfo", **up))["status"] == 102


@pytest.mark.parametrize("method", ["getAcks", "getAckBySmsId"])
async def test_wrong_key_on_a_list_is_an_error_in_its_place(gateway, method):
    """The reports say a wrong login where the manual has them say it."""
    assert list(await gateway.call(method, apiKey="wrong")) == ["error"]


@pytest.mark.parametrize("method", ["", "sendSms", "simulateCampaign", "getInfo", "getCampaignStats"])
async def test_wrong_key_is_102(gateway, method):
    """Everywhere else a wrong login is status 102."""
    assert (await gateway.call(method, apiKey="wrong"))["status"] == 102
    assert (await gateway.call(method, login=""))["status"] == 102
