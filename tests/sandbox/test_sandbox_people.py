"""The methods on people and on voice, as a plain HTTP client sees them. Source: HTTPS API v9, §14 to §43."""

import base64
import json

import pytest
from lxml import etree

from allmysms_async.sandbox import ControlError

ONE = "33612345678"


async def xml(gateway, method, **fields):
    """Call a method, and return its XML answer."""
    return etree.fromstring((await gateway.raw(method, returnformat="xml", **fields)).content)


async def test_roots_are_those_that_are_printed(sandbox, gateway):
    """Two methods answer under another name than their own, as the manual prints them."""
    sent = await gateway.flow("a", ONE)
    sandbox.reply(ONE, "oui")
    root = await xml(gateway, "getPullBySmsId", smsId=sent["smsIds"][0]["smsId"])
    assert (root.tag, [child.tag for child in root]) == (
        "getpullbysmsid",
        ["phoneNumber", "campaignId", "message", "receptionDate"],
    )
    assert (await xml(gateway, "deleteblacklistentry", phoneNumber=ONE)).tag == "deleteList"
    assert (await xml(gateway, "getshorturldomains")).findtext("domains/domain") == "bs.ms"


async def test_credits_are_answered_as_printed_in_each_format(gateway):
    """JSON wraps the one sub-account in a list without a status; XML has a status and no list."""
    answer = await gateway.call("manageSubAccountCredits", subAccount="demo-shop", credits="15")
    assert answer == {"subAccount": [{"Login": "demo-shop", "Credits": 10_000_015, "Balance": 30_000.04}]}
    root = await xml(gateway, "manageSubAccountCredits", subAccount="demo-shop", credits="-15")
    assert [child.tag for child in root] == ["status", "subAccount"]
    assert root.findtext("subAccount/Credits") == "10000000"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 1),
        ({"subAccount": "demo-shop"}, 2),
        ({"subAccount": "demo-shop", "credits": "many"}, 2),
        ({"subAccount": "nobody", "credits": "1"}, 0),
        ({"subAccount": "demo", "credits": "1"}, 0),
    ],
)
async def test_credits_that_are_not_moved_say_why(gateway, fields, code):
    """Each row of the table of §24 is a number and its text."""
    answer = await gateway.call("manageSubAccountCredits", **fields)
    assert answer["status"] == code
    assert answer["statusText"]


@pytest.mark.parametrize("missing", ["FIRSTNAME", "LASTNAME", "EMAIL", "LOGIN", "PASSWORD"])
async def test_sub_account_needs_what_is_required(gateway, missing):
    """Without one of the five required variables, or with a short password, nothing is created."""
    data = {"FIRSTNAME": "a", "LASTNAME": "b", "EMAIL": "c@d.fr", "LOGIN": "new", "PASSWORD": "secret"}
    answer = await gateway.call("createSubAccount", accountData=json.dumps({"DATA": data | {missing: ""}}))
    assert (answer["status"], answer["text"]) == ("0", f"Missing parameter: {missing}")
    short = await gateway.call("createSubAccount", accountData=json.dumps({"DATA": data | {"PASSWORD": "short"}}))
    assert short["status"] == "0"
    assert (await gateway.call("getSubAccounts"))["total"] == 2


async def test_inactive_sub_account_cannot_be_used(gateway):
    """An account that is created inactive can neither log in nor be acted for, until it is made active."""
    data = {"FIRSTNAME": "a", "LASTNAME": "b", "EMAIL": "c@d.fr", "LOGIN": "new", "PASSWORD": "secret", "ACTIVE": 0}
    await gateway.call("createSubAccount", accountData=json.dumps({"DATA": data}))
    assert (await gateway.call("getInfo", subAccount="new"))["status"] == 102
    assert (await gateway.call("getInfo", login="new", apiKey="new-key"))["status"] == 102
    flow = "<DATA><ACTIVE>1</ACTIVE><LOGIN>renamed</LOGIN></DATA>"
    assert (await gateway.call("updateSubAccount", subAccount="new", accountData=flow))["status"] == "1"
    assert (await gateway.call("getInfo", subAccount="renamed"))["status"] == "Active Account"


async def test_sub_account_is_changed_by_its_master_alone(gateway):
    """updateSubAccount is not there for a sub-account, and knows only one's own."""
    flow = json.dumps({"DATA": {"CITY": "Nice"}})
    shop = {"Allmysms-Subaccount": "demo-shop"}
    assert (await gateway.call("updateSubAccount", subAccount="demo-shop", accountData=flow, headers=shop))[
        "status"
    ] == "0"
    for wrong in ("nobody", "demo", ""):
        assert (await gateway.call("updateSubAccount", subAccount=wrong, accountData=flow))["status"] == "0"
    for data in ({"LOGIN": "demo-test"}, {"PASSWORD": "short"}):
        flow = json.dumps({"DATA": data})
        assert (await gateway.call("updateSubAccount", subAccount="demo-shop", accountData=flow))["status"] == "0"


async def test_renamed_sub_account_keeps_what_it_has(sandbox, gateway):
    """A new login takes campaigns, lists, opt-outs and recordings along."""
    shop = {"Allmysms-Subaccount": "demo-shop"}
    campaign = (await gateway.call(message="a", mobile=ONE, headers=shop))["campaignId"]
    await gateway.call("createList", listData=json.dumps({"DATA": {"LISTNAME": "l", "SUBACCOUNT": "demo-shop"}}))
    sandbox.opt_out("0612345670", login="demo-shop")
    code = (await gateway.call("createCode", headers=shop))["vocalCode"]
    await gateway.call("updateSubAccount", subAccount="demo-shop", accountData='{"DATA": {"LOGIN": "boutique"}}')
    new = {"Allmysms-Subaccount": "boutique"}
    assert "acks" in await gateway.call("getAcks", campId=campaign, headers=new)
    assert len((await gateway.call("getLists", headers=new))["lists"]) == 1
    assert len((await gateway.call("getBlacklist", headers=new))["blacklist"]) == 1
    assert (await gateway.call("getMedia", code=code, headers=new))["status"] == "1"


@pytest.mark.parametrize("method", ["createList", "populateList", "deleteContacts", "createSubAccount", "sendVocal"])
@pytest.mark.parametrize("flow", ["", "{", "[]", "<DATA>", "<X/>", '{"DATA": [1, 2]}', "<!DOCTYPE a []><DATA/>"])
async def test_flow_that_cannot_be_read_is_105_or_109(gateway, method, flow):
    """An empty or broken flow is refused by the statuses of the sends, whatever the method."""
    name = {"createList": "listData", "populateList": "populateData", "deleteContacts": "deleteData"}.get(method)
    name = name or {"createSubAccount": "accountData", "sendVocal": "vocalData"}[method]
    answer = await gateway.call(method, **{name: flow})
    assert answer["status"] == (105 if not flow or method == "sendVocal" else 109)


async def test_rows_that_are_none_are_a_broken_flow(gateway):
    """A list whose rows are no objects is refused."""
    await gateway.call("createList", listData='{"DATA": {"LISTNAME": "l", "STRUCTURE": ""}}')
    answer = await gateway.call("populateList", populateData='{"DATA": {"LISTNAME": "l", "CONTACTS": ["a"]}}')
    assert answer["status"] == 109
    for data in ({"LISTNAME": ""}, {"LISTNAME": "m", "SUBACCOUNT": "nobody"}, {"LISTNAME": "m", "STRUCTURE": [{}]}):
        assert (await gateway.call("createList", listData=json.dumps({"DATA": data})))["status"] == "0"


async def test_columns_become_element_names(gateway):
    """A column with a space, which XML cannot have in a name, is written with an underscore."""
    structure = [{"FIELDNAME": "code client"}, {"FIELDNAME": "1er"}]
    await gateway.call("createList", listData=json.dumps({"DATA": {"LISTNAME": "l", "STRUCTURE": structure}}))
    contact = {"MOBILEPHONE": ONE, "Code Client": 7}
    data = {"DATA": [{"LISTNAME": "l", "CONTACTS": [contact, {"MOBILEPHONE": ONE}]}]}
    answer = await gateway.call("populateList", populateData=json.dumps(data))
    assert (answer["success"], answer["ignored"], answer["duplicated"]) == (1, 0, 1)
    root = await xml(gateway, "getContacts", listName="l")
    assert [(child.tag, child.text) for child in root[0][0]] == [
        *(("MobilePhone", ONE), ("code_client", "7"), ("_1er", None))
    ]
    gone = {
        "DATA": [{"LISTNAME": "l", "CONTACTS": [{"MOBILEPHONE": ONE}, {"MOBILEPHONE": "06 12"}, {"MOBILEPHONE": ONE}]}]
    }
    answer = await gateway.call("deleteContacts", deleteData=json.dumps(gone))
    assert (answer["success"], answer["ignored"], answer["duplicated"]) == (1, 1, 1)


async def test_recording_outside_of_the_limits_is_not_sent(sandbox, gateway):
    """A recording that is too small, too short or somebody else's is refused by annex 13."""
    code = (await gateway.call("createCode", label="a"))["vocalCode"]

    async def status(wanted=code, **fields):
        data = {"CODE": wanted, "TPOA": "0493000000", "VOCALS": [{"MOBILEPHONE": ONE}]}
        return (await gateway.call("sendVocal", vocalData=json.dumps({"DATA": [data]}), **fields))["status"]

    assert await status() == 113
    assert await status("00000000") == 113
    for length, expected in ((1000, 115), (6 * 1024 * 1024, 115), (8000 * 4, 116), (8000 * 36, 116), (8000 * 5, 100)):
        sandbox.record(code, bytes(length))
        assert await status() == expected
    assert await status(login="demo-shop", apiKey="demo-shop-key") == 113
    with pytest.raises(ControlError):
        sandbox.record("00000000", b"")
    bad = {"URL": "https://a/b.mp3", "TPOA": "0612345678", "VOCALS": [{"MOBILEPHONE": ONE}]}
    assert (await gateway.call("sendVocal", vocalData=json.dumps({"DATA": bad})))["status"] == 112
    for url in ("http://[", "b.mp3", "https://a/b"):
        assert (await gateway.call("sendVocal", vocalData=json.dumps({"DATA": bad | {"URL": url}})))["status"] == 113
    assert (await gateway.call("sendVocal", vocalData=json.dumps({"DATA": bad | {"URL": ""}})))["status"] == 110


async def test_control_api_answers_for_handsets_and_telephones(sandbox, gateway):
    """Answers and recordings can be made over HTTP, and what makes no sense is told."""
    await gateway.call(message="a", mobile=ONE)
    done = await gateway.http.post("/_sandbox/replies", json=[{"phone": ONE, "text": "STOP"}])
    assert done.json() == {"ok": True}
    assert (await gateway.call("getPulls"))["mos"][0]["message"] == "STOP"
    assert (await gateway.call("getBlacklist"))["blacklist"][0]["comment"] == "stop"
    assert (await gateway.call("getBlacklist", campaignId="nothing"))["error"]
    assert (await gateway.call("getPulls", limit="x"))["error"]
    code = (await gateway.call("createCode"))["vocalCode"]
    sound = base64.b64encode(b"sound").decode()
    assert (await gateway.http.post("/_sandbox/recordings", json={"code": code, "sound": sound})).json() == {"ok": True}
    assert (await gateway.call("downloadMedia", code=code))["file"] == sound
    for path, body in (
        ("replies", [{"phone": "0698765432", "text": "a"}]),
        ("replies", [{"phone": "x", "text": "a"}]),
        ("recordings", {"code": "0", "sound": sound}),
        ("recordings", {"code": code, "sound": "?"}),
    ):
        response = await gateway.http.post(f"/_sandbox/{path}", json=body)
        assert response.status_code == 400
        assert response.json()["error"]


async def test_answer_to_a_text_that_has_none(gateway):
    """A text without an answer, and one that was never sent, are told apart."""
    sent = await gateway.flow("a", ONE)
    assert (await gateway.call("getPullBySmsId", smsId=sent["smsIds"][0]["smsId"]))["error"] == "No answer available"
    assert (await gateway.call("getPullBySmsId", smsId="x"))["error"] == "SMS not found"


@pytest.mark.parametrize(
    "fields", [{"type": "dlr"}, {"type": "dlr", "url": "http://a:x"}, {"type": "all", "url": "http://a"}]
)
async def test_webhook_that_cannot_be_set_is_refused(gateway, fields):
    """A webhook needs one of the two types and an address."""
    assert (await gateway.call("configureWebhook", **fields))["status"] == "0"
    assert (await gateway.call("shortenUrl", url="http://["))["error"] == "Invalid url"
