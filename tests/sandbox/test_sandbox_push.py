"""Webhooks that the sandbox pushes, as the address that is called sees them. Source: HTTPS API v9, §6.2, §14.3, §42."""

import json
from collections import defaultdict

import pytest

from .called import OK, Called

ONE = "33612345678"
SMS_ID = "00000000-8e0a-11e5-bf51-000000000000"
PHONES = ("33612345678", "33612340002", "33612340004", "33612340005")


async def test_report_is_pushed_as_the_manual_names_it_and_php_writes_it(sandbox, gateway, hooked: Called):
    """The intermediate report comes with the delivery and the final one in its time, each in literal bytes."""
    campaign = (await gateway.flow("Bonjour", ONE))["campaignId"]
    await sandbox.webhooks.settled()
    (query,) = hooked.queries
    assert query == (
        f"smsId={SMS_ID}&status=3&statusText=Transmis+%C3%A0+l%27op%C3%A9rateur"
        f"&receptionDate=2027-03-02+10%3A00%3A00&phoneNumber={ONE}&campaignId={campaign}"
    )
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    (ack,) = (await gateway.call("getAcks", campId=campaign))["acks"]
    at = ack["receptionDate"].replace(" ", "+").replace(":", "%3A")
    assert hooked.queries[1:] == [
        f"smsId={SMS_ID}&status=1&statusText=D%C3%A9livr%C3%A9&receptionDate={at}&phoneNumber={ONE}&campaignId={campaign}"
    ]
    counts = {
        "pushed": 2,
        "ok": 2,
        "retried": 0,
        "given_up": 0,
        "waiting": 0,
        "duplicated": 0,
        "lost": 0,
        "uncalled": 0,
    }
    assert sandbox.webhooks.counts() == counts


async def test_reply_is_pushed_as_the_manual_names_it_and_php_writes_it(sandbox, gateway, hooked: Called):
    """A reply has its six variables, in UTF-8, escaped as PHP does; getPulls hands it out all the same."""
    campaign = (await gateway.flow("Bonjour", ONE))["campaignId"]
    await sandbox.webhooks.settled()
    hooked.targets.clear()
    text = "é ~*-_.+&=%'(),€\n"
    assert (await gateway.http.post("/_sandbox/replies", json=[{"phone": ONE, "text": text}])).status_code == 200
    await sandbox.webhooks.settled()
    (query,) = hooked.queries
    assert query == (
        f"smsId={SMS_ID}&smsMoId=32154&receptionDate=2027-03-02+10%3A00%3A00&phoneNumber={ONE}&campaignId={campaign}"
        "&message=%C3%A9+%7E%2A-_.%2B%26%3D%25%27%28%29%2C%E2%82%AC%0A"
    )
    assert [(mo["id"], mo["message"]) for mo in (await gateway.call("getPulls"))["mos"]] == [("32154", text)]


async def test_statuses_and_dates_are_those_of_get_acks(sandbox, gateway, hooked: Called):
    """Each final report says in the words of annex 3 what polling says, with the same date, and comes last."""
    campaign = (await gateway.flow("Bonjour", *PHONES))["campaignId"]
    sandbox.advance(3600)
    await sandbox.webhooks.settled()
    by_phone = defaultdict(list)
    for report in hooked.variables:
        by_phone[report["phoneNumber"]].append(report)
    texts = {
        "1": "Délivré",
        "2": "Non-délivré (envoyé par l'opérateur)",
        "4": "Message rejeté",
        "5": "SMS rejeté (probablement numéro inconnu/abonné absent)",
    }
    for ack in (await gateway.call("getAcks", campId=campaign))["acks"]:
        first, last = by_phone[ack["phoneNumber"]]
        assert (first["status"], first["statusText"]) == ("3", "Transmis à l'opérateur")
        assert (last["status"], last["receptionDate"]) == (ack["statut"], ack["receptionDate"])
        assert last["statusText"] == texts[ack["statut"]]


async def test_stop_is_pushed_and_listed_and_start_ends_it(sandbox, gateway, hooked: Called):
    """STOP puts a number on the list as `stop` with its date, START takes it off; both are pushed as replies."""
    await gateway.flow("Bonjour", ONE)
    sandbox.advance(60)
    sandbox.reply(ONE, " stop ")
    assert (await gateway.call("getBlacklist"))["blacklist"] == [
        {"phoneNumber": ONE, "comment": "stop", "receptionDate": "2027-03-02 10:01:00"}
    ]
    assert (await gateway.flow("encore", ONE))["status"] == 114
    sandbox.reply(ONE, "START")
    assert (await gateway.call("getBlacklist"))["blacklist"] == []
    assert (await gateway.flow("encore", ONE))["status"] == 100
    await sandbox.webhooks.settled()
    assert [reply["message"] for reply in hooked.variables if "smsMoId" in reply] == [" stop ", "START"]


async def test_scheduled_campaign_is_reported_from_its_date_on(sandbox, gateway, hooked: Called):
    """Nothing is pushed before the date, and without anybody looking everything after it."""
    await gateway.flow("Bonjour", ONE, DATE="2027-03-02 12:00:00")
    sandbox.advance(7199)
    await sandbox.webhooks.settled()
    assert hooked.targets == []
    sandbox.advance(31)
    await sandbox.webhooks.settled()
    assert hooked.variables[0]["receptionDate"] == "2027-03-02 12:00:00"
    assert [report["status"] for report in hooked.variables] == ["3", "1"]


async def test_clock_that_runs_pushes_by_itself(gateway, hooked: Called, clock, sandbox, until):
    """Where the clock runs, reports come without being asked for."""
    await gateway.flow("Bonjour", ONE)
    await until(lambda: len(hooked.targets) == 1)
    clock.passed = 30.0
    await until(lambda: len(hooked.targets) == 2)


async def test_address_that_is_set_late_gets_what_is_still_to_come(sandbox, gateway, address: Called):
    """What was known before an address was set is not pushed; setting another one pushes nothing twice."""
    await gateway.flow("Bonjour", ONE)
    await gateway.call("configureWebhook", type="dlr", url=address.url)
    await sandbox.webhooks.settled()
    assert address.targets == []
    await gateway.call("deleteWebhook", type="dlr")
    await gateway.call("configureWebhook", type="dlr", url=address.url + "?a=1")
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    (target,) = address.targets
    assert target.startswith(f"/hook?a=1&smsId={SMS_ID}&status=1&")


async def test_address_that_was_deleted_is_called_no_more(sandbox, gateway, hooked: Called):
    """deleteWebhook ends the calls, those to come and those to be made again. Source: HTTPS API v9, §43.1."""
    hooked.answer = lambda _: OK[:-2] + b"no"
    await gateway.flow("Bonjour", ONE)
    await sandbox.webhooks.settled()
    await gateway.call("deleteWebhook", type="dlr")
    sandbox.advance(60)
    await sandbox.webhooks.settled()
    assert len(hooked.targets) == 1
    assert sandbox.webhooks.counts()["uncalled"] == 2


async def test_sub_account_is_called_at_its_own_addresses(sandbox, gateway, hooked: Called):
    """WEBHOOKDLR and WEBHOOKMO of a sub-account count for it, and no address of its main account's."""
    data = {"FIRSTNAME": "a", "LASTNAME": "b", "EMAIL": "c@d.fr", "LOGIN": "new", "PASSWORD": "secret"}
    urls = {"WEBHOOKDLR": hooked.url + "?of=new", "WEBHOOKMO": hooked.url + "?mo=new"}
    await gateway.call("createSubAccount", accountData=json.dumps({"DATA": data | urls}))
    sandbox.set_credits("new", 100)
    for login in ("new", "demo-shop"):
        await gateway.call(message="a", mobile=ONE, headers={"Allmysms-Subaccount": login})
        sandbox.reply(ONE, login)
    await sandbox.webhooks.settled()
    assert sorted(target[:13] for target in hooked.targets) == ["/hook?mo=new&", "/hook?of=new&"]


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://example.com/hook", "https://127.0.0.1/hook"])
async def test_only_this_machine_is_called(sandbox, gateway, url):
    """An address elsewhere, or one behind TLS, is taken on trust and never called; that is counted."""
    await gateway.call("configureWebhook", type="dlr", url=url)
    await gateway.flow("Bonjour", ONE)
    await sandbox.webhooks.settled()
    assert (sandbox.webhooks.counts()["pushed"], sandbox.webhooks.counts()["uncalled"]) == (0, 1)


async def test_texts_of_another_provider_and_calls_are_not_reported(sandbox, gateway, hooked: Called):
    """Voice messages, and what is sent by Envoyer SMS Pro, have no webhooks."""
    data = {"URL": "https://a/b.mp3", "TPOA": "0493000000", "VOCALS": [{"MOBILEPHONE": ONE}]}
    assert (await gateway.call("sendVocal", vocalData=json.dumps({"DATA": data})))["status"] == 100
    fields = {"login": "demo", "password": "demo-pass", "sendername": "abc", "text": "a", "recipients": ONE}
    assert "success" in (await gateway.http.post("/api/message/send", data=fields)).text
    sandbox.reply(ONE, "oui")
    sandbox.advance(60)
    await sandbox.webhooks.settled()
    assert hooked.targets == []


async def test_reset_forgets_what_was_to_be_pushed(sandbox, gateway, hooked: Called, until):
    """After a reset nothing of before is pushed, and the counts start over."""
    hooked.gate.clear()
    await gateway.flow("Bonjour", *PHONES)
    await until(lambda: hooked.now == 4)
    assert sandbox.webhooks.counts()["waiting"] == 4
    sandbox.reset()
    hooked.gate.set()
    sandbox.advance(60)
    await sandbox.webhooks.settled()
    assert len(hooked.targets) == 4
    assert set(sandbox.webhooks.counts().values()) == {0}
