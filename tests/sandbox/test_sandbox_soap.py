"""The sandbox's SOAP face, asked in literal envelopes: its rules, its statuses, its Faults."""

from typing import Any
from xml.sax.saxutils import escape

import httpx
import pytest
from lxml import etree

from allmysms_async.sandbox import Sandbox

from .conftest import plain_client

WHO = "<clientCode>demo</clientCode><passCode>demo-pass</passCode>"
WHO_ID = "<clientId>demo</clientId><passCode>demo-pass</passCode>"
HEAD = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:c="http://schemas.xmlsoap.org/soap/encoding/"><e:Body>'
)
FOOT = "</e:Body></e:Envelope>"


def fields(element: Any) -> Any:
    """Return an answer's element as plain values."""
    if element.get("{http://www.w3.org/2001/XMLSchema-instance}nil"):
        return None
    if "Array" in (element.get("{http://www.w3.org/2001/XMLSchema-instance}type") or ""):
        return [fields(child) for child in element]
    return {child.tag: fields(child) for child in element} if len(element) else element.text or ""


class Soap:
    """Talks to the sandbox in literal envelopes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Use a client."""
        self.http = http

    async def post(self, envelope: str) -> httpx.Response:
        """Post an envelope."""
        return await self.http.post("/soap/server.php", content=envelope.encode(), headers={"Content-Type": "text/xml"})

    async def call(self, name: str, arguments: str) -> Any:
        """Call an operation, and return its answer."""
        response = await self.post(f"{HEAD}<n:{name} xmlns:n='u'>{arguments}</n:{name}>{FOOT}")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        return fields(etree.fromstring(response.content)[0][0][0])

    async def send(self, text: str, *phones: str, params: str = "", who: str = WHO, **options: object) -> Any:
        """Send a text to some numbers, all with the same values."""
        rows = "".join(f"<item><mobilePhone>{phone}</mobilePhone><params>{params}</params></item>" for phone in phones)
        data = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in options.items())
        data = f"<message>{escape(text)}</message>{data}<sms>{rows}</sms>"
        return await self.call("sendSms", f"{who}<messageData>{data}</messageData>")


@pytest.fixture
async def soap(sandbox: Sandbox) -> Any:
    """A client of the sandbox."""
    async with plain_client(sandbox.http_url) as http:
        yield Soap(http)


async def test_send_reaches_handsets_and_costs_credits(sandbox: Sandbox, soap: Soap) -> None:
    """A send puts the expanded text on each handset, with the sender, and takes its credits."""
    answer = await soap.send(
        "Bonjour #param_1# & #param_2# STOP au 36180",
        "0612345678",
        "+33611111111",
        params="<item>Zoé</item><item/>",
        dynamic=2,
        tpoa="MAGASIN",
        campaignName="soldes",
    )
    assert answer | {"campaignId": "", "ids": []} == {
        "status": "100",
        "statusText": "Le message a été envoyé",
        "credits": "999999970",
        "invalidNumbers": "",
        "campaignId": "",
        "ids": [],
    }
    assert [(one["mobilePhone"], one["part"]) for one in answer["ids"]] == [("33612345678", "1"), ("33611111111", "1")]
    assert [(one["text"], one["sender"], one["protocol"]) for one in sandbox.messages()] == [
        ("Bonjour Zoé &  STOP au 36180", "MAGASIN", "soap")
    ] * 2
    assert sandbox.state()["campaigns"][0]["name"] == "soldes"


async def test_each_part_has_an_identifier_of_its_own(soap: Soap) -> None:
    """A text of 400 characters has three parts, each listed with its number; no identifier comes twice."""
    first, second = [await soap.send("x" * 400, "0612345678", "0611111111") for _ in range(2)]
    assert [one["part"] for one in first["ids"]] == ["1", "2", "3"] * 2
    assert len({one["id"] for one in first["ids"] + second["ids"]}) == 12


async def test_identical_requests_are_two_sends(sandbox: Sandbox, soap: Soap) -> None:
    """SOAP has no rule against identical requests, and no keys: what is sent twice arrives twice."""
    await soap.send("Bonjour", "0612345678")
    await soap.send("Bonjour", "0612345678")
    assert len(sandbox.messages("0612345678")) == 2


REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "login": ("102", {"who": WHO.replace("demo-pass", "wrong")}),
    "stranger": ("102", {"who": WHO.replace(">demo<", ">nobody<")}),
    "api key": ("102", {"who": WHO.replace("demo-pass", "demo-key")}),
    "empty text": ("110", {"text": " "}),
    "too long": ("111", {"text": "x" * 641}),
    "too long for low cost": ("111", {"text": "x" * 161, "lowcost": 1}),
    "no valid number": ("114", {"phones": ["0142424242", "abc"]}),
    "nobody": ("106", {"phones": []}),
    "date": ("115", {"date": "02-03-2027 18:00:00"}),
    "past": ("115", {"date": "2027-03-01 18:00:00"}),
    "missing value": ("106", {"text": "#param_1# #param_2#", "dynamic": 2, "params": "<item>a</item>"}),
    "dynamic": ("106", {"dynamic": "two"}),
    "too many": ("106", {"dynamic": "1000"}),
}


@pytest.mark.parametrize(("code", "what"), REFUSALS.values(), ids=REFUSALS)
async def test_refusal_has_the_status_of_annex_1(sandbox: Sandbox, soap: Soap, code: str, what: dict[str, Any]) -> None:
    """What annex 1 refuses is refused with its status, and nothing arrives."""
    what = {"text": "Bonjour", "phones": ["0612345678"]} | what
    answer = await soap.send(what.pop("text"), *what.pop("phones"), **what)
    assert (answer["status"], answer.get("campaignId")) == (code, None)
    assert sandbox.stats()["messages"] == 0


async def test_credit_is_told_as_103_or_104(sandbox: Sandbox, soap: Soap) -> None:
    """No credit at all is 103, too little is 104 with both figures."""
    sandbox.set_credits("demo", 20)
    answer = await soap.send("Bonjour", "0612345678", "0611111111")
    assert (answer["status"], "A utiliser: 30 Crédits, Disponibles: 20 Crédits" in answer["statusText"]) == (
        "104",
        True,
    )
    sandbox.set_credits("demo", 0)
    assert (await soap.send("Bonjour", "0612345678"))["status"] == "103"


async def test_some_invalid_numbers_are_113(sandbox: Sandbox, soap: Soap) -> None:
    """What can be sent is, and the status says that some could not; who opted out is one of them."""
    sandbox.opt_out("0611111111")
    answer = await soap.send("Bonjour", "0612345678", "0142424242", "0611111111")
    assert (answer["status"], answer["invalidNumbers"]) == ("113", "33142424242|33611111111|")
    assert [one["mobilePhone"] for one in answer["ids"]] == ["33612345678"]
    assert sandbox.stats()["messages"] == 1


@pytest.mark.parametrize("data", ["", "<messageData/>", "<messageData i:nil='true'/>"])
async def test_empty_message_data_is_105(soap: Soap, data: str) -> None:
    """Without any data it is 105; with data that is no object, 106."""
    assert (await soap.call("sendSms", WHO + data))["status"] == "105"
    assert (await soap.call("sendSms", f"{WHO}<messageData>x</messageData>"))["status"] == "106"


async def test_php_arrays_and_references_are_read(sandbox: Sandbox, soap: Soap) -> None:
    """What a PHP client without a WSDL sends (maps, arrays, references to an object it repeats) is read."""
    pairs = {"message": "Bonjour #param_1#", "dynamic": "1"}
    items = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in pairs.items())
    rows = (
        '<item i:type="c:Map"><item><key>mobilePhone</key><value>0612345678</value></item>'
        '<item><key>params</key><value href="#p"/></item></item>'
    )
    data = f'{items}<item><key>sms</key><value c:arrayType="x[1]" i:type="c:Array">{rows}</value></item>'
    shared = '<m id="p" i:type="c:Array"><item>Léa</item></m>'
    response = await soap.post(
        f'{HEAD}<sendSms>{WHO}<messageData i:type="c:Map">{data}</messageData></sendSms>{shared}{FOOT}'
    )
    assert fields(etree.fromstring(response.content)[0][0][0])["status"] == "100"
    assert [one["text"] for one in sandbox.messages()] == ["Bonjour Léa"]


BROKEN = {
    "empty": "",
    "not xml": "status=100",
    "not soap": "<a/>",
    "no call": HEAD + FOOT,
    "no body": HEAD.removesuffix("<e:Body>") + "</e:Envelope>",
    "doctype": '<!DOCTYPE a [<!ENTITY x "y">]>' + HEAD + "<getInfo>&x;</getInfo>" + FOOT,
    "cycle": f'{HEAD}<getInfo><clientCode href="#a"/></getInfo><m id="a"><b href="#a"/></m>{FOOT}',
    "dangling": f'{HEAD}<getInfo><clientCode href="#a"/></getInfo>{FOOT}',
}


@pytest.mark.parametrize("envelope", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_call_is_a_fault_of_the_client_s(soap: Soap, envelope: str) -> None:
    """What cannot be read is a Fault Client with HTTP 500, as PHP has it."""
    response = await soap.post(envelope)
    document = etree.fromstring(response.content)
    assert (response.status_code, document.findtext(".//faultcode")) == (500, "SOAP-ENV:Client")


async def test_unknown_operation_is_a_fault_of_the_server_s(soap: Soap) -> None:
    """PHP says of a function that it does not have that the server failed."""
    response = await soap.post(f"{HEAD}<dropEverything/>{FOOT}")
    assert (response.status_code, b"SOAP-ENV:Server" in response.content) == (500, True)
    assert (await soap.http.get("/soap/server.php")).status_code == 500


@pytest.mark.parametrize("path", ["/soap/wSDL.php", "/soap/wsdl.php", "/soap/server.php?wsdl"])
async def test_wsdl_names_the_address_that_was_asked(soap: Soap, sandbox: Sandbox, path: str) -> None:
    """The description is served under both spellings, and sends its readers to this server."""
    response = await soap.http.get(path)
    document = etree.fromstring(response.content)
    address = next(document.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address"))
    assert address.get("location") == f"{sandbox.http_url}/soap/server.php"
    assert sandbox.requests


async def test_reports_come_with_time(sandbox: Sandbox, soap: Soap) -> None:
    """There is nothing before the date, then what the operator has, then what became of each."""
    sent = await soap.send("Bonjour", "0612345678", "0612340002", date="2027-03-02 18:00:00", cliMsgId="ref-7")
    asked = f"{WHO}<campId>{sent['campaignId']}</campId>"
    assert (await soap.call("getAcks", asked)) == {"status": "1", "acks": [], "cliMsgId": "ref-7"}
    sandbox.advance(8 * 3600)
    assert [one["status"] for one in (await soap.call("getAcks", asked))["acks"]] == ["3", "3"]
    sandbox.advance(60)
    answer = await soap.call("getAcks", asked)
    assert [(one["phoneNumber"], one["status"], one["comment"]) for one in answer["acks"]] == [
        ("33612345678", "1", "Delivered"),
        ("33612340002", "2", "Undelivered"),
    ]
    assert (answer["status"], answer["cliMsgId"]) == ("0", "ref-7")


async def test_replies_and_opt_outs_are_listed(sandbox: Sandbox, soap: Soap) -> None:
    """Replies are listed with their campaign, again and again; a STOP puts its number on the list."""
    sent = await soap.send("Bonjour", "0612345678", "0611111111", cliMsgId="ref-7")
    asked = f"{WHO}<campId>{sent['campaignId']}</campId>"
    empty = {"status": "1", "pulls": None, "answer": [], "cliMsgId": "ref-7"}
    assert await soap.call("getPull", asked) == empty
    sandbox.reply("0612345678", "Oui & <merci>")
    sandbox.reply("0611111111", " stop ")
    for _ in range(2):
        answer = await soap.call("getPull", asked)
        assert [(one["phoneNumber"], one["message"], one["campaignId"]) for one in answer["answer"]] == [
            ("33612345678", "Oui & <merci>", sent["campaignId"]),
            ("33611111111", " stop ", sent["campaignId"]),
        ]
    stops = await soap.call("getStop", WHO_ID)
    assert [one["phoneNumber"] for one in stops["answer"]] == ["33611111111"]
    assert (await soap.send("Bonjour", "0611111111"))["status"] == "114"
    sandbox.reply("0611111111", "START")
    assert (await soap.call("getStop", WHO_ID))["answer"] == []


async def test_campaign_of_somebody_else_has_nothing(soap: Soap) -> None:
    """An account sees its own campaigns only."""
    sent = await soap.send("Bonjour", "0612345678")
    other = WHO.replace(">demo<", ">demo-shop<").replace("demo-pass", "demo-shop-pass")
    asked = f"{other}<campId>{sent['campaignId']}</campId>"
    assert (await soap.call("getAcks", asked))["status"] == "1"
    assert (await soap.call("getPull", asked))["status"] == "1"


async def test_cancelling_has_the_words_of_annex_4(sandbox: Sandbox, soap: Soap) -> None:
    """A scheduled campaign is cancelled once and refunded; what cannot be cancelled says why."""

    async def cancel(campaign: str) -> Any:
        return (await soap.call("deleteCampaign", f"{WHO_ID}<campId>{campaign}</campId>"))["status"]

    now = await soap.send("Bonjour", "0612345678")
    first, second = [await soap.send("Plus tard", "0612345678", date="2027-03-02 18:00:00") for _ in range(2)]
    assert first["status"] == "101"
    assert await cancel("nope") == "CAMPNOTFOUND"
    assert await cancel(now["campaignId"]) == "BADCAMPAIGNSENDINGTYPE"
    assert await cancel(first["campaignId"]) == "OK"
    assert await cancel(first["campaignId"]) == "CAMPAIGNALREADYDELETED"
    assert (await soap.call("getInfo", WHO))["credits"] == "999999970"
    sandbox.advance(9 * 3600)
    assert await cancel(second["campaignId"]) == "CAMPALREADYSENT"


ACCOUNT = {
    "firstName": "Zoé",
    "lastName": "Durand",
    "society": "A",
    "mobile": "0612345678",
    "email": "z@example.com",
    "login": "zoe",
    "password": "motdepasse",
}
CHANGES = [
    ({}, "1", "Sub-account successfully created"),
    ({"society": ""}, "0", "bad parameters"),
    ({"firstName": "4"}, "0", "bad FIRSTNAME format"),
    ({"lastName": "<"}, "0", "bad LASTNAME format"),
    ({"login": "a b"}, "0", "bad LOGIN format"),
    ({"password": "123"}, "0", "bad PASSWORD format"),
    ({"email": "nobody"}, "0", "bad EMAIL format"),
    ({"login": "demo-shop"}, "0", "The login already exists"),
]


@pytest.mark.parametrize(("change", "status", "text"), CHANGES, ids=[change[2] for change in CHANGES])
async def test_sub_account_has_the_words_of_annex_5(
    soap: Soap, sandbox: Sandbox, change: dict[str, str], status: str, text: str
) -> None:
    """A sub-account is created and can log in, or is refused in the words of annex 5."""
    asked = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in (ACCOUNT | change).items())
    answer = await soap.call("createSubAccount", f"{WHO}<subAccount>{asked}</subAccount>")
    assert answer == {"status": status, "text": text}
    info = await soap.call("getInfo", "<clientCode>zoe</clientCode><passCode>motdepasse</passCode>")
    assert info == (
        {"status": "active account", "credits": "0"} if status == "1" else {"status": "301", "credits": "0"}
    )
    assert len(sandbox.state()["accounts"]) == (4 if status == "1" else 3)


async def test_wrong_password_is_refused_by_every_operation(soap: Soap) -> None:
    """Each operation has its own way to say that the login is wrong, and none does anything."""
    wrong = WHO.replace("demo-pass", "x") + WHO_ID.replace("demo-pass", "x")
    statuses = {
        name: (await soap.call(name, wrong))["status"]
        for name in ("sendSms", "getAcks", "getPull", "getInfo", "deleteCampaign", "getStop", "createSubAccount")
    }
    assert list(statuses.values()) == ["102", "2", "2", "301", "CAMPNOTFOUND", "2", "0"]


async def test_faults_strike_before_or_after(sandbox: Sandbox, soap: Soap) -> None:
    """A status, a Fault before and a Fault after: only the last has had an effect."""
    sandbox.faults([{"fault": "status_109", "times": 1}, {"fault": "soap_fault_client", "times": 1}])
    assert (await soap.send("Bonjour", "0612345678"))["status"] == "109"
    response = await soap.post(f"{HEAD}<getInfo>{WHO}</getInfo>{FOOT}")
    assert (response.status_code, b"SOAP-ENV:Client" in response.content) == (500, True)
    sandbox.faults([{"fault": "status_109", "times": 1}])
    assert (await soap.post("<a/>")).status_code == 500
    assert sandbox.stats()["messages"] == 0
    sandbox.faults([{"fault": "soap_fault_server_after", "times": 1}])
    body = "<message>x</message><sms><item><mobilePhone>0612345678</mobilePhone></item></sms>"
    response = await soap.post(f"{HEAD}<sendSms>{WHO}<messageData>{body}</messageData></sendSms>{FOOT}")
    assert (response.status_code, b"SOAP-ENV:Server" in response.content) == (200, True)
    assert sandbox.stats()["messages"] == 1


async def test_control_lets_a_handset_reply(sandbox: Sandbox, soap: Soap) -> None:
    """The control API lets a handset answer; one that received nothing cannot."""
    sent = await soap.send("Bonjour", "0612345678")
    done = await soap.http.post("/_sandbox/replies", json=[{"phone": "0612345678", "text": "Oui"}])
    assert done.json() == {"ok": True}
    assert (await soap.call("getPull", f"{WHO}<campId>{sent['campaignId']}</campId>"))["status"] == "0"
    for phone in ("0611111111", "abc"):
        assert (await soap.http.post("/_sandbox/replies", json=[{"phone": phone, "text": "x"}])).status_code == 400
