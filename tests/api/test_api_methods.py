"""Every method over the wire, against the sandbox, in JSON and in XML: the same results."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from allmysms_async import Contact, GatewayError, InsufficientCredit, NotPermitted, RestBackend, Secret
from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignNotFound,
    FlowRefused,
    InvalidRequest,
    MediaRefused,
    NoValidNumber,
    ProtocolError,
    ScheduleRefused,
    SenderRefused,
)
from allmysms_async.model import Recipient
from allmysms_async.protocols.rest.contacts import ListField
from allmysms_async.sandbox import Sandbox

ONE = "33612345678"
OTHER = "33698765432"
START = datetime(2027, 3, 2, tzinfo=UTC)
SOUND = "https://example.com/message.mp3"
TEXT = 'L\'été <b> ]]> & "#param_1#" 100 %\nfin'


# -- texts ------------------------------------------------------------------------------------------------------------


async def test_send_with_its_reports_and_statistics(sandbox: Sandbox, backend: RestBackend) -> None:
    """A personalised send reaches the handset as it was written, and its reports say so, in whatever format."""
    api = backend.api
    people = [Recipient(ONE, ("Zoé & <Cie>",)), Recipient("0412345678", ("x",))]
    sent = await api.sms.send_sms(
        TEXT,
        people,
        dynamic=1,
        campaign_name="soldes",
        cli_msg_id="mine",
        coding=2,
        verbose=True,
        unique_identifier="k1",
    )
    assert (sent.status, sent.nb_contacts, sent.nb_sms) == ("100", 1, 1)
    assert sent.credits_used == Decimal(15)
    assert sent.invalid_numbers == "33412345678|"
    assert sandbox.messages(ONE)[0]["text"] == TEXT.replace("#param_1#", "Zoé & <Cie>")
    again = await api.sms.send_sms(TEXT, people, dynamic=1, coding=2, verbose=True, unique_identifier="k1")
    assert (again.campaign_id, again.treatment_status) == (sent.campaign_id, "ALREADY_TREATED")
    assert sandbox.stats()["messages"] == 1
    sandbox.advance(30)
    assert sent.campaign_id is not None
    acks = await api.reports.get_acks(sent.campaign_id)
    assert ([(ack.phone_number, ack.status) for ack in acks.acks], acks.cli_msg_id) == ([(ONE, "1")], "mine")
    sms_id = sent.sms_ids[0].sms_id or ""
    assert (await api.reports.get_ack_by_sms_id(sms_id)).comment == "Delivered"
    stats = (await api.campaigns.get_campaign_stats(sent.campaign_id, msisdn_list=True)).campaign
    assert stats is not None
    assert (stats.name, stats.delivered, stats.invalid, stats.tracking) == ("soldes", 1, 1, False)
    assert [(one.msisdn, one.status) for one in stats.msisdn_list] == [(ONE, "1")]
    info = (await api.campaigns.get_campaign_info(sent.campaign_id)).campaign
    assert info is not None
    assert (info.id, info.message, info.nb_contacts, info.used_lists) == (sent.campaign_id, TEXT, 1, "")


async def test_simple_send_and_simulation(sandbox: Sandbox, backend: RestBackend) -> None:
    """A simple send is answered in JSON whatever was asked for; a simulation sends nothing."""
    simple = await backend.api.sms.simple_send("Bonjour", f"{ONE};{OTHER}", campaign="c")
    assert (simple.status, simple.cost) == ("100", Decimal("0.09"))
    estimate = await backend.api.sms.simulate_campaign("Bonjour", [Recipient(ONE), Recipient("12")])
    assert (estimate.nb_contacts, estimate.nb_credits, estimate.invalid_numbers) == (1, Decimal(15), "12|")
    assert sandbox.stats()["messages"] == 2


async def test_scheduled_send_is_listed_and_cancelled(sandbox: Sandbox, backend: RestBackend) -> None:
    """A scheduled send is accepted, is found in its period, and can be cancelled once."""
    date = START + timedelta(days=2, hours=12)
    sent = await backend.api.sms.send_sms("Bonjour", [Recipient(ONE)], date=date)
    assert sent.status == "101"
    page = await backend.api.campaigns.get_campaigns_info(START, START + timedelta(days=3), status="programmed")
    assert [(info.id, info.sending_date) for info in page.campaigns] == [(sent.campaign_id, date)]
    campaign = sent.campaign_id or ""
    assert (await backend.api.campaigns.delete_campaign(campaign)).status == "OK"
    with pytest.raises(GatewayError) as caught:
        await backend.api.campaigns.delete_campaign(campaign)
    assert caught.value.code == "CAMPAIGNALREADYDELETED"
    with pytest.raises(CampaignNotFound):
        await backend.api.campaigns.delete_campaign("nothing")


async def test_campaigns_are_iterated_lazily(sandbox: Sandbox, backend: RestBackend) -> None:
    """Pages are fetched as they are needed, and every send is given once, in the order of the dates."""
    for number in range(7):
        await backend.api.sms.simple_send(f"Bonjour {number}", ONE)
    before = sandbox.requests.get("v9.getCampaignsInfo", 0)
    found = backend.api.campaigns.iterate(START, START + timedelta(days=1), page_size=3)
    first = await anext(found)
    assert first.message == "Bonjour 0"
    assert sandbox.requests["v9.getCampaignsInfo"] == before + 1
    assert [info.message async for info in found] == [f"Bonjour {number}" for number in range(1, 7)]
    assert sandbox.requests["v9.getCampaignsInfo"] == before + 3


async def test_send_that_joins_the_period_meanwhile_is_not_given_twice(sandbox: Sandbox, backend: RestBackend) -> None:
    """A send that shifts the pages while they are read makes no other one come twice."""
    for number in range(3):
        date = START + timedelta(days=1, hours=number)
        await backend.api.sms.simple_send(f"Bonjour {number}", ONE, date=date)
    found = backend.api.campaigns.iterate(START, START + timedelta(days=2), page_size=2)
    seen = [(await anext(found)).message]
    await backend.api.sms.simple_send("Bonjour 3", ONE, date=START + timedelta(hours=22))
    seen += [info.message async for info in found]
    assert seen == ["Bonjour 0", "Bonjour 1", "Bonjour 2"]


# -- replies and opt-outs ---------------------------------------------------------------------------------------------


async def test_replies_are_handed_out_once(sandbox: Sandbox, backend: RestBackend) -> None:
    """New answers are handed out once, the newest first; those to one send or one text can be fetched again."""
    sent = await backend.api.sms.send_sms("Bonjour", [Recipient(ONE), Recipient(OTHER)], cli_msg_id="mine")
    sandbox.reply(ONE, "Oui & <merci>\n👍")
    sandbox.reply(OTHER, "Non")
    new = await backend.api.replies.get_pulls(limit=10)
    assert [(mo.phone_number, mo.message) for mo in new.mos] == [(OTHER, "Non"), (ONE, "Oui & <merci>\n👍")]
    assert {mo.campaign_id for mo in new.mos} == {sent.campaign_id}
    assert (await backend.api.replies.get_pulls()).mos == ()
    again = await backend.api.replies.get_pull(sent.campaign_id or "")
    assert ([mo.message for mo in again.mos], again.cli_msg_id) == (["Oui & <merci>\n👍", "Non"], "mine")
    one = await backend.api.replies.get_pull_by_sms_id(sent.sms_ids[1].sms_id or "")
    assert (one.phone_number, one.message, one.campaign_id) == (OTHER, "Non", sent.campaign_id)
    assert one.reception_date == again.mos[1].reception_date
    with pytest.raises(GatewayError, match="Campaign not found"):
        await backend.api.replies.get_pull("nothing")


async def test_opt_outs_are_listed_and_some_are_deleted(sandbox: Sandbox, backend: RestBackend) -> None:
    """Numbers added by hand can be texted again; one that asked for it itself stays."""
    sent = await backend.api.sms.simple_send("Bonjour", ONE)
    sandbox.reply(ONE, "STOP")
    sandbox.opt_out(OTHER, "blacklist_manual")
    listed = (await backend.api.blacklist.get_blacklist()).blacklist
    assert {(entry.phone_number, entry.comment) for entry in listed} == {(ONE, "stop"), (OTHER, "manual unsubscribe")}
    mine = await backend.api.blacklist.get_blacklist(campaign_id=sent.campaign_id)
    assert [entry.phone_number for entry in mine.blacklist] == [ONE]
    assert (await backend.api.blacklist.delete_blacklist_entry(OTHER)).status == "1"
    with pytest.raises(NotPermitted, match="START"):
        await backend.api.blacklist.delete_blacklist_entry(ONE)
    with pytest.raises(NotPermitted):
        await backend.api.blacklist.delete_blacklist_entry(OTHER)


# -- account ----------------------------------------------------------------------------------------------------------


async def test_account_and_prices(backend: RestBackend) -> None:
    """The account, a country's credits and every price come typed."""
    info = await backend.api.account.get_info()
    assert (info.status, info.society, info.api_key) == ("Active Account", "Exemple SARL", Secret("demo-key"))
    france = await backend.api.account.get_credits_by_country_iso_code("FR")
    assert (france.iso_code, france.nb_credits, france.cost) == ("FR", Decimal(15), Decimal("0.045"))
    prices = {one.iso_code: one for one in (await backend.api.account.get_prices()).countries}
    assert (prices["FR"].sms, prices["FR"].call, prices["FR"].prefix) == (Decimal("0.045"), Decimal("0.09"), "33")
    assert prices["BE"].call is None
    assert [one.iso_code for one in (await backend.api.account.get_prices("BE")).countries] == ["BE"]
    with pytest.raises(GatewayError, match="Country not found"):
        await backend.api.account.get_prices("XX")
    with pytest.raises(GatewayError, match="Country not found"):
        await backend.api.account.get_credits_by_country_iso_code("XX")


# -- sub-accounts -----------------------------------------------------------------------------------------------------


async def test_sub_account_from_its_creation_to_its_end(
    sandbox: Sandbox, backend: RestBackend, opened: Callable[..., RestBackend]
) -> None:
    """A sub-account is created, given credits, acted for, changed and deleted."""
    accounts = backend.api.sub_accounts
    created = await accounts.create_sub_account(
        first_name="Zoé",
        last_name="D'Été & fils",
        email="zoe@example.com",
        login="zoe",
        password=Secret("s3cret!"),
        society="Boutique",
        city="Nice",
        bill_city="Paris",
        send_email_to_customer=False,
    )
    assert (created.status, created.text) == ("1", "Sub-account successfully created")
    held = await accounts.manage_sub_account_credits("zoe", 300)
    assert held.sub_account is not None
    assert (held.sub_account.login, held.sub_account.credits) == ("zoe", Decimal(300))
    view = backend.with_sub_account("zoe")
    await view.api.sms.simple_send("Bonjour", ONE)
    assert (await view.api.account.get_info()).credits == Decimal(285)
    await accounts.update_sub_account("zoe", city="Lyon", login="zoe2", password=Secret("an0ther"))
    listed = {one.login: one for one in (await accounts.get_sub_accounts()).sub_accounts}
    assert set(listed) == {"demo-shop", "demo-test", "zoe2"}
    zoe = listed["zoe2"]
    assert (zoe.first_name, zoe.last_name, zoe.city, zoe.bill_city) == ("Zoé", "D'Été & fils", "Lyon", "Paris")
    assert (zoe.credits, zoe.company) == (Decimal(285), "Boutique")
    back = await accounts.manage_sub_account_credits("zoe2", Decimal("-285"))
    assert back.sub_account is not None
    assert back.sub_account.credits == 0
    assert (await accounts.delete_sub_account("zoe2")).status == "1"
    with pytest.raises(GatewayError):
        await accounts.delete_sub_account("zoe2")
    with pytest.raises(AuthenticationFailed):
        await view.api.account.get_info()


async def test_no_sub_account_is_an_empty_list(backend: RestBackend) -> None:
    """Having none is not an error, though the gateway says it by status 0."""
    none = await backend.with_sub_account("demo-shop").api.sub_accounts.get_sub_accounts()
    assert (none.total, none.sub_accounts) == (None, ())


async def test_credits_that_cannot_be_moved(sandbox: Sandbox, backend: RestBackend) -> None:
    """Each status of §24 has its error, and moves nothing."""
    accounts = backend.api.sub_accounts
    for login, credits, kind, code in [
        ("nobody", 1, NotPermitted, "0"),
        ("", 1, FlowRefused, "1"),
        ("demo-test", -2000, InsufficientCredit, "4"),
        ("demo-test", 2_000_000_000, InsufficientCredit, "5"),
    ]:
        with pytest.raises(kind) as caught:
            await accounts.manage_sub_account_credits(login, credits)
        assert caught.value.code == code
        assert "no credit was moved" in str(caught.value)
    identity = {"first_name": "a", "last_name": "b", "email": "a@b.fr", "login": "sub", "password": Secret("passwd")}
    await accounts.create_sub_account(**identity, post_paid=True)
    with pytest.raises(NotPermitted, match="subscription"):
        await accounts.manage_sub_account_credits("sub", 1)
    with pytest.raises(GatewayError, match="Login already exists"):
        await accounts.create_sub_account(**identity)
    assert {account["login"]: account["credits"] for account in sandbox.state()["accounts"]}["demo-test"] == 1500


async def test_sub_account_is_not_changed_in_its_own_name(backend: RestBackend) -> None:
    """updateSubAccount cannot be asked in a sub-account's name (annex 14): it is refused here, before any I/O."""
    with pytest.raises(InvalidRequest, match="sub-account's name"):
        await backend.with_sub_account("demo-shop").api.sub_accounts.update_sub_account("demo-shop", city="Nice")


# -- contact lists ----------------------------------------------------------------------------------------------------


async def test_contact_list_from_its_creation_to_its_end(backend: RestBackend) -> None:
    """A list is created, filled, read with its own columns, thinned out and deleted."""
    lists = backend.api.contacts
    columns = [ListField("Ville", filter=True), ListField("Prenom")]
    assert (await lists.create_list("ma liste", columns, locked=True)).status == "1"
    with pytest.raises(GatewayError, match="already exists"):
        await lists.create_list("ma liste")
    filled = await lists.populate_list(
        "ma liste",
        [
            Contact("0612345678", {"VILLE": "Nice & Cie", "PRENOM": "Zoé"}),
            Contact(OTHER, {"Ville": ""}),
            Contact("0612345678"),
            Contact("0412345678"),
            Contact("0612345670", {"Shop": "x"}),
        ],
    )
    assert (filled.success, filled.ignored, filled.duplicated) == (2, 2, 1)
    assert [(one.list_name, one.contacts, one.locked) for one in (await lists.get_lists()).lists] == [
        ("ma liste", 2, True)
    ]
    assert (await lists.get_contacts("ma liste")).contacts == (
        {"MobilePhone": ONE, "Ville": "Nice & Cie", "Prenom": "Zoé"},
        {"MobilePhone": OTHER, "Ville": "", "Prenom": ""},
    )
    gone = await lists.delete_contacts("ma liste", [ONE, "0612345670"])
    assert (gone.success, gone.ignored, gone.duplicated) == (1, 1, 0)
    assert len((await lists.get_contacts("ma liste")).contacts) == 1
    assert (await lists.delete_list("ma liste")).status == "1"
    assert (await lists.get_lists()).lists == ()
    for refused in (lists.delete_list("ma liste"), lists.populate_list("ma liste", [Contact(ONE)])):
        with pytest.raises(GatewayError):
            await refused
    with pytest.raises(GatewayError, match="List not found"):
        await lists.get_contacts("ma liste")


async def test_list_of_a_sub_account(backend: RestBackend) -> None:
    """A list can be a sub-account's, named in the flow and in the form."""
    lists = backend.api.contacts
    await lists.create_list("l", [ListField("Ville")], sub_account="demo-shop")
    assert (await lists.populate_list("l", [Contact(ONE)], sub_account="demo-shop")).success == 1
    assert (await lists.get_lists()).lists == ()
    assert [one.list_name for one in (await lists.get_lists(sub_account="demo-shop")).lists] == ["l"]
    assert len((await lists.get_contacts("l", sub_account="demo-shop")).contacts) == 1
    assert (await lists.delete_contacts("l", [ONE], sub_account="demo-shop")).success == 1
    assert (await lists.delete_list("l", sub_account="demo-shop")).status == "1"


# -- links ------------------------------------------------------------------------------------------------------------


async def test_short_address(backend: RestBackend) -> None:
    """A short address is made in one of the listed domains."""
    short = await backend.api.links.shorten_url("https://example.com/a?b=1&c=2")
    assert short.url == "https://example.com/a?b=1&c=2"
    domains = (await backend.api.links.get_short_url_domains()).domains
    assert len(domains) == 7
    assert any((short.short_url or "").startswith(f"http://{domain}/") for domain in domains)
    with pytest.raises(GatewayError, match="Invalid url"):
        await backend.api.links.shorten_url("nowhere")


# -- voice ------------------------------------------------------------------------------------------------------------


async def test_recording_is_created_described_and_downloaded(
    sandbox: Sandbox, backend: RestBackend, tmp_path: Path
) -> None:
    """A code is created, recorded under by telephone, and its sound comes back byte for byte, also into a file."""
    voice = backend.api.voice
    code = (await voice.create_code("accueil")).vocal_code or ""
    assert len(code) == 8
    media = (await voice.get_media(code)).media
    assert media is not None
    assert (media.label, media.status, media.record_date) == ("accueil", "CREATED", None)
    with pytest.raises(GatewayError):
        await voice.download_media(code)
    sound = bytes(range(256)) * 32 * 12
    sandbox.record(code, sound)
    media = (await voice.get_media(code)).media
    assert media is not None
    assert (media.status, media.duration, media.code) == ("RECORDED", Decimal(12), code)
    assert (await voice.download_media(code)).file == sound
    target = tmp_path / "accueil.wav"
    target.write_bytes(b"old")
    assert await voice.download_media_to(code, target) == len(sound)
    assert target.read_bytes() == sound
    assert os.listdir(tmp_path) == [target.name]
    sent = await voice.send_vocal([ONE], "0493000000", code=code, type="call")
    assert (sent.status, sent.cost) == ("100", Decimal("0.09"))
    with pytest.raises(GatewayError):
        await voice.get_media("00000000")
    with pytest.raises(GatewayError):
        await voice.download_media_to("00000000", tmp_path / "none")
    assert os.listdir(tmp_path) == [target.name]


async def test_recording_is_not_written_where_nothing_came(
    sandbox: Sandbox, opened: Callable[..., RestBackend], tmp_path: Path
) -> None:
    """An answer without any sound writes no file; a folder that is not there is an OSError, nothing left behind."""
    voice = opened().api.voice
    code = (await voice.create_code()).vocal_code or ""
    sandbox.record(code, b"")
    with pytest.raises(ProtocolError, match="no file was written"):
        await voice.download_media_to(code, tmp_path / "none")
    sandbox.record(code, b"a")
    with pytest.raises(OSError, match="No such file"):
        await voice.download_media_to(code, tmp_path / "missing" / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        await voice.download_media_to(code, tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


async def test_voice_messages_are_sent_and_told_apart_from_texts(sandbox: Sandbox, backend: RestBackend) -> None:
    """Both ways to send a voice message reach the same people, and their campaigns are of the kind vocal."""
    simple = await backend.api.voice.simple_vocal(
        SOUND, f"{ONE};0412345678", "0493000000", type="call", campaign="c", unique_identifier="v1"
    )
    assert (simple.status, simple.invalid_numbers, simple.cost) == ("100", "33412345678|", Decimal("0.09"))
    again = await backend.api.voice.simple_vocal(SOUND, ONE, "0493000000", unique_identifier="v1")
    assert (again.campaign_id, again.treatment_status) == (simple.campaign_id, "ALREADY_TREATED")
    date = START + timedelta(hours=12)
    sent = await backend.api.voice.send_vocal(
        [ONE, "3212345678"], "+33912345678", url=SOUND, campaign_name="v", date=date, unique_identifier="v1"
    )
    assert (sent.status, sent.invalid_numbers, sent.cost) == ("101", "3212345678|", Decimal("0.189"))
    campaign = sent.campaign_id or ""
    info = (await backend.api.campaigns.get_campaign_info(campaign, type="vocal")).campaign
    assert info is not None
    assert (info.name, info.nb_contacts) == ("v", 1)
    with pytest.raises(GatewayError):
        await backend.api.campaigns.get_campaign_info(campaign)
    found = [one async for one in backend.api.campaigns.iterate(START, START + timedelta(days=1), type="vocal")]
    assert {one.id for one in found} == {simple.campaign_id, campaign}


@pytest.mark.parametrize(
    ("url", "fields", "kind", "code"),
    [
        ("https://example.com/page.html", {}, MediaRefused, "113"),
        ("https://example.com/a-size.mp3", {}, MediaRefused, "115"),
        ("https://example.com/a-length.wav", {}, MediaRefused, "116"),
        (SOUND, {"date": START - timedelta(days=9)}, ScheduleRefused, "111"),
        (SOUND, {"recipients": ["0412345678"]}, NoValidNumber, "114"),
    ],
)
async def test_refused_voice_message_says_what_was_wrong(
    backend: RestBackend, url: str, fields: dict[str, object], kind: type[GatewayError], code: str
) -> None:
    """The statuses of annex 13 mean other things than those of a text, from 110 on."""
    options = {"recipients": [ONE], "tpoa": "0493000000", "url": url} | fields
    with pytest.raises(kind) as caught:
        await backend.api.voice.send_vocal(**options)  # type: ignore[arg-type]  # the options are chosen above
    assert caught.value.code == code
    assert "nothing was sent" in str(caught.value)


async def test_sender_of_a_voice_message_is_checked_twice(sandbox: Sandbox, opened: Callable[..., RestBackend]) -> None:
    """A sender that is no French land line is refused here, and would be by the gateway (112)."""
    sandbox.faults([{"fault": "status_112", "times": 1}])
    with pytest.raises(SenderRefused):
        await opened().api.voice.send_vocal([ONE], "0493000000", url=SOUND)
    for wrong in ("0612345678", "33712345678", "0812345678", "049300000", "MAGASIN", ""):
        with pytest.raises(InvalidRequest):
            await opened().api.voice.send_vocal([ONE], wrong, url=SOUND)
    for both in ({}, {"url": SOUND, "code": "12345678"}):
        with pytest.raises(InvalidRequest, match="either"):
            await opened().api.voice.send_vocal([ONE], "0493000000", **both)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="type"):
        await opened().api.voice.simple_vocal(SOUND, ONE, "0493000000", type="shout")  # type: ignore[arg-type]


# -- webhooks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def listener() -> AsyncIterator[tuple[str, list[bytes]]]:
    """An address that says OK under /ok, something else elsewhere, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0])
        body = b"OK" if b"/ok" in head else b"no"
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_webhooks_are_set_tried_and_deleted(backend: RestBackend, listener: tuple[str, list[bytes]]) -> None:
    """An address that answers OK is set; one that does not, or is not there, leaves the webhook as it was."""
    url, asked = listener
    hooks = backend.api.webhooks
    none = await hooks.get_webhook()
    assert (none.webhook_dlr, none.webhook_mo) == ("", "")
    assert (await hooks.configure_webhook("dlr", f"{url}/ok?a=1&b=2")).status == "1"
    assert (await hooks.configure_webhook("mo", "https://example.com/mo")).status == "1"
    assert asked == [b"GET /ok?a=1&b=2 HTTP/1.0"]
    for wrong in (f"{url}/no", "http://127.0.0.1:1/ok", "nowhere"):
        with pytest.raises(GatewayError, match="5 seconds"):
            await hooks.configure_webhook("dlr", wrong)
    now = await hooks.get_webhook()
    assert (now.webhook_dlr, now.webhook_mo) == (f"{url}/ok?a=1&b=2", "https://example.com/mo")
    assert (await hooks.delete_webhook("mo")).status == "1"
    with pytest.raises(GatewayError):
        await hooks.delete_webhook("mo")
    for call in (lambda: hooks.configure_webhook("all", url), lambda: hooks.delete_webhook("all")):  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest):
            await call()
