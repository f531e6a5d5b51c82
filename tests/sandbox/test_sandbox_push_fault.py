"""What faults make of the webhooks that are pushed, and of getPulls."""

import httpx
import pytest

from .called import Called

ONE = "33612345678"
ODD = "33612345679"


async def test_webhook_comes_twice(sandbox, answering: Called):
    """The same request is made a second time, and counted apart."""
    sandbox.faults([{"fault": "push_twice", "times": 1}])
    for text in ("un", "deux"):
        sandbox.reply(ONE, text)
        await sandbox.webhooks.settled()
    assert [reply["message"] for reply in answering.variables] == ["un", "un", "deux"]
    counts = sandbox.webhooks.counts()
    assert (counts["pushed"], counts["ok"], counts["retried"], counts["duplicated"]) == (2, 2, 0, 1)


async def test_webhook_is_overtaken(sandbox, gateway, hooked: Called):
    """A webhook that is late comes after those that were known later: here the final report before the other."""
    sandbox.faults([{"fault": "push_late", "seconds": 60, "times": 1, "path": "/webhook/dlr"}])
    await gateway.flow("Bonjour", ONE)
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    assert [report["status"] for report in hooked.variables] == ["1"]
    assert sandbox.webhooks.counts()["waiting"] == 1
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    assert [report["status"] for report in hooked.variables] == ["1", "3"]


async def test_webhook_is_lost(sandbox, answering: Called):
    """It is never pushed, and counted."""
    sandbox.faults([{"fault": "push_lost", "times": 1}])
    for text in ("un", "deux"):
        sandbox.reply(ONE, text)
    await sandbox.webhooks.settled()
    assert [reply["message"] for reply in answering.variables] == ["deux"]
    assert sandbox.webhooks.counts()["lost"] == 1


@pytest.mark.parametrize(
    ("fault", "phone", "expected"),
    [
        ("", ONE, "smsId={}&smsMoId=32154&receptionDate={}&phoneNumber={}&campaignId={}&message=%C3%A9%E2%82%AC%C5%84"),
        ("push_cp1252", ONE, "smsId={}&smsMoId=32154&receptionDate={}&phoneNumber={}&campaignId={}&message=%E9%80%3F"),
        (
            "push_case",
            ONE,
            "smsid={}&smsmoid=32154&receptiondate={}&phonenumber={}&campaignid={}&message=%C3%A9%E2%82%AC%C5%84",
        ),
        (
            "push_case",
            ODD,
            "SMSID={}&SMSMOID=32154&RECEPTIONDATE={}&PHONENUMBER={}&CAMPAIGNID={}&MESSAGE=%C3%A9%E2%82%AC%C5%84",
        ),
    ],
)
async def test_webhook_is_written_in_another_way(sandbox, gateway, answering: Called, fault, phone, expected):
    """Windows-1252 and names in another case are literal bytes; a letter that the charset lacks is a question mark."""
    sent = await gateway.flow("encore", phone)
    if fault:
        sandbox.faults([{"fault": fault}])
    sandbox.reply(phone, "é€ń")
    await sandbox.webhooks.settled()
    sms_id = "00000000-8e0a-11e5-bf51-000000000001"
    assert answering.queries == [expected.format(sms_id, "2027-03-02+10%3A00%3A00", phone, sent["campaignId"])]


async def test_webhook_repeats_its_fields(sandbox, answering: Called):
    """Every field is there twice, side by side, also beside another fault."""
    sandbox.faults([{"fault": "push_repeated"}, {"fault": "push_cp1252"}])
    sandbox.reply(ONE, "à 2 €")
    await sandbox.webhooks.settled()
    fields = answering.queries[0].split("&")
    assert fields[::2] == fields[1::2]
    assert fields[-2:] == ["message=%E0+2+%80"] * 2
    assert len(fields) == 12


async def test_webhook_trickles_in(sandbox, answering: Called):
    """The request comes byte by byte, whole in the end."""
    sandbox.faults([{"fault": "push_drip", "seconds": 0, "times": 1}])
    sandbox.reply(ONE, "oui")
    await sandbox.webhooks.settled()
    assert answering.variables[0]["message"] == "oui"
    assert sandbox.webhooks.counts()["ok"] == 1


async def test_webhook_that_never_ends_is_pushed_whole_later(sandbox, answering: Called, until, pass_time):
    """After 5 seconds the gateway gives a request up that it cannot finish; the next attempt has no fault."""
    sandbox.faults([{"fault": "push_drip", "seconds": 3600}])
    sandbox.reply(ONE, "oui")
    await until(lambda: answering.connections == 1)
    pass_time(6.0)
    await sandbox.webhooks.settled()
    assert answering.targets == []
    sandbox.advance(2)
    await sandbox.webhooks.settled()
    assert [reply["message"] for reply in answering.variables] == ["oui"]


async def test_faults_of_pushes_are_the_same_in_every_run(sandbox, gateway, hooked: Called):
    """The seed decides what strikes which event, whatever requests come in between."""

    async def run(*, busy: bool):
        sandbox.reset()
        hooked.targets.clear()
        for kind in ("dlr", "mo"):
            await gateway.call("configureWebhook", type=kind, url=hooked.url)
        faults = [{"fault": kind, "probability": 0.3} for kind in ("push_lost", "push_twice", "push_repeated")]
        sandbox.faults([*faults, {"fault": "latency", "seconds": 0, "probability": 0.5}], seed=7)
        await gateway.flow("Bonjour", *(f"336{number:08}" for number in range(100)))
        for _ in range(20 * busy):
            await gateway.call("getInfo")
        sandbox.advance(30)
        await sandbox.webhooks.settled()
        return sorted(hooked.queries), sandbox.webhooks.counts()

    assert await run(busy=False) == (first := await run(busy=True))
    assert first[1]["lost"] > 20
    assert first[1]["duplicated"] > 20


async def test_faults_of_requests_and_of_pushes_keep_apart(sandbox, gateway, answering: Called):
    """A fault without a path strikes no push unless it is one of pushes, and no request if it is."""
    sandbox.faults([{"fault": "push_lost"}, {"fault": "http_500", "times": 1}])
    sandbox.reply(ONE, "oui")
    await sandbox.webhooks.settled()
    assert sandbox.webhooks.counts()["lost"] == 1
    assert (await gateway.raw("getInfo")).status_code == 500
    assert (await gateway.raw("getInfo")).status_code == 200


@pytest.mark.parametrize("fault", ["reset_after", "truncated"])
async def test_replies_that_get_pulls_lost_are_found_by_campaign(sandbox, gateway, answering: Called, fault):
    """After a connection that broke over getPulls its replies are handed out no more, and getPull lists them."""
    sandbox.reply(ONE, "oui")
    sandbox.faults([{"fault": fault, "path": "getPulls", "times": 1}])
    with pytest.raises(httpx.TransportError):
        await gateway.call("getPulls")
    assert (await gateway.call("getPulls"))["mos"] == []
    campaign = sandbox.state()["campaigns"][0]["id"]
    assert [mo["message"] for mo in (await gateway.call("getPull", campId=campaign))["mos"]] == ["oui"]
