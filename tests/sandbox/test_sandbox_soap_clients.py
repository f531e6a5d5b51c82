"""Clients that share nothing with this library complete all seven operations against the sandbox."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from suds.client import Client

from allmysms_async.sandbox import Sandbox

SCRIPT = Path(__file__).with_name("soap_client.php")
TEXTS = {"33612345678": "Bonjour Zoé & <Léa> STOP au 36180", "33611111111": "Bonjour  STOP au 36180"}
DATE = "2027-03-02 10:00:00"


@pytest.mark.parametrize("mode", ["wsdl", "plain"])
async def test_php_soap_client_completes_all_operations(php: str, sandbox: Sandbox, mode: str) -> None:
    """PHP's SoapClient, by the sandbox's WSDL and without any, gets typed answers, and its texts arrive."""
    process = await asyncio.create_subprocess_exec(
        php, str(SCRIPT), sandbox.http_url, mode, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    answers: dict[str, Any] = json.loads(output)
    sent, scheduled = answers["sendSms"], answers["scheduled"]
    assert (sent["status"], scheduled["status"]) == ("100", "101")
    assert [one["mobilePhone"] for one in sent["ids"]] == list(TEXTS)
    assert {one["phone"]: one["text"] for one in sandbox.messages()} == TEXTS
    assert {one["sender"] for one in sandbox.messages()} == {"MAGASIN"}
    assert [(one["phoneNumber"], one["status"]) for one in answers["getAcks"]["acks"]] == [(p, 3) for p in TEXTS]
    assert (answers["getPull"]["status"], answers["getPull"]["pulls"], answers["getPull"]["cliMsgId"]) == (
        0,
        None,
        "ref-7",
    )
    assert [one["message"] for one in answers["getPull"]["answer"]] == ["Été", "STOP"]
    assert answers["getInfo"] == {"status": "active account", "credits": "999999940"}
    assert answers["deleteCampaign"] == {"status": "OK"}
    assert answers["getStop"] == {"answer": [{"phoneNumber": "33611111111", "comment": "stop", "receptionDate": DATE}]}
    assert answers["createSubAccount"] == {"status": "1", "text": "Sub-account successfully created"}
    assert [account["login"] for account in sandbox.state()["accounts"]][-1] == f"php-{mode}"
    assert sandbox.state()["campaigns"][1]["status"] == "cancelled"


def by_suds(sandbox: Sandbox) -> dict[str, Any]:
    """Call all seven operations with suds; it blocks."""
    client = Client(f"{sandbox.http_url}/soap/wSDL.php", cache=None)
    rows = [
        {"mobilePhone": "0612345678", "params": {"item": ["Zoé & <Léa>"]}},
        {"mobilePhone": "+33611111111", "params": {"item": [""]}},
    ]
    data = client.factory.create("MsInnovations_Api_Soap_Objects_MessageData")
    data.message, data.dynamic, data.tpoa, data.cliMsgId = "Bonjour #param_1# STOP au 36180", 1, "MAGASIN", "ref-7"
    data.sms = {"item": rows}
    sent = client.service.sendSms("demo", "demo-pass", data)
    data.date = "2027-03-02 18:00:00"
    scheduled = client.service.sendSms("demo", "demo-pass", data)
    sandbox.reply("0612345678", "Été")
    sandbox.reply("0611111111", "Non")
    sandbox.opt_out("0611111111")
    sandbox.opt_out("0622222222")
    account = client.factory.create("MsInnovations_Api_Soap_Objects_SubAccount")
    account.firstName, account.lastName, account.society, account.mobile = "Zoé", "Durand", "A & B", "0612345678"
    account.email, account.login, account.password, account.postPaid = "zoe@example.com", "suds", "motdepasse", 1
    return {
        "sendSms": sent,
        "scheduled": scheduled,
        "getAcks": client.service.getAcks("demo", "demo-pass", sent.campaignId),
        "getPull": client.service.getPull("demo", "demo-pass", sent.campaignId),
        "getInfo": client.service.getInfo("demo", "demo-pass"),
        "deleteCampaign": client.service.deleteCampaign("demo", "demo-pass", scheduled.campaignId),
        "getStop": client.service.getStop("demo", "demo-pass"),
        "createSubAccount": client.service.createSubAccount("demo", "demo-pass", account),
    }


async def test_suds_completes_all_operations(sandbox: Sandbox) -> None:
    """suds, which is strict about types, reads every answer, and its texts arrive."""
    answers = await asyncio.to_thread(by_suds, sandbox)
    sent = answers["sendSms"]
    assert (sent.status, sent.statusText, answers["scheduled"].status) == ("100", "Le message a été envoyé", "101")
    assert [one.mobilePhone for one in sent.ids] == list(TEXTS)
    assert {one["phone"]: one["text"] for one in sandbox.messages()} == TEXTS
    assert [one.status for one in answers["getAcks"].acks] == [3, 3]
    assert [one.message for one in answers["getPull"].answer] == ["Été", "Non"]
    assert (answers["getPull"].status, answers["getPull"].cliMsgId) == (0, "ref-7")
    assert answers["getInfo"].credits == "999999940"
    assert answers["deleteCampaign"].status == "OK"
    assert sorted(one.phoneNumber for one in answers["getStop"].answer) == ["33611111111", "33622222222"]
    assert answers["createSubAccount"].text == "Sub-account successfully created"
    assert [account["login"] for account in sandbox.state()["accounts"]][-1] == "suds"
