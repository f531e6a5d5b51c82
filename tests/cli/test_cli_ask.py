"""Single questions to the gateway, and any method of its API, as words of the command line."""

import json
import re
from typing import Any

import pytest

from allmysms_async.cli.api import operations
from allmysms_async.protocols.operation import Method
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.sandbox import Sandbox

from .conftest import KEY, Run

NUMBER = "33612345678"


async def sent(run: Run) -> str:
    """Send a text, and return its identifier."""
    return str(json.loads((await run("send", "--to", NUMBER, "--json", "Bonjour")).out)["campaign_id"])


async def told(run: Run, *words: str, code: int = 0) -> Any:
    """Return what a command prints for machines."""
    ended = await run(*words, "--json")
    assert (ended.code, ended.err) == (code, "")
    return json.loads(ended.out)


async def test_account_is_shown(run: Run) -> None:
    """The account is shown for people and for machines."""
    assert (await told(run, "account"))["status"] == "Active Account"
    ended = await run("account")
    assert "status: Active Account" in ended.out
    assert ended.code == 0


async def test_reports_and_replies_of_a_send(run: Run, sandbox: Sandbox) -> None:
    """Reports and answers are listed with masked numbers, whole ones where asked, and whole for machines."""
    campaign_id = await sent(run)
    assert "Nobody has answered" in (await run("replies", campaign_id)).out
    sandbox.advance(3600)
    sandbox.reply(NUMBER, "[red]Merci[/]")
    (report,) = await told(run, "reports", campaign_id)
    assert (report["phone"], report["status"]) == (NUMBER, "delivered")
    (reply,) = await told(run, "replies", campaign_id)
    assert (reply["phone"], reply["text"]) == (NUMBER, "[red]Merci[/]")
    for command, word in (("reports", "delivered"), ("replies", "[red]Merci[/]")):
        shown = (await run(command, campaign_id)).out
        assert word in shown
        assert NUMBER not in shown
        assert NUMBER in (await run(command, campaign_id, "--whole")).out


async def test_scheduled_send_is_cancelled(run: Run) -> None:
    """A send that waits for its date is cancelled; one that has left cannot be, with exit code 1."""
    words = ("api", "sendSms", "message=Bonjour", f"recipients={NUMBER}", "date=2027-06-01T10:00")
    campaign_id = (await told(run, *words))["campaignId"]
    assert await told(run, "cancel", campaign_id) == {"campaign_id": campaign_id, "cancelled": True}
    ended = await run("cancel", await sent(run))
    assert ended.code == 1
    assert "cannot be cancelled" in ended.err


async def test_lists_of_the_account(run: Run) -> None:
    """Sub-accounts, contact lists and prices are listed; an empty list is a sentence."""
    assert {"demo-shop", "demo-test"} <= {each["account_id"] for each in await told(run, "sub-accounts")}
    assert await told(run, "lists") == []
    assert "no contact lists" in (await run("lists")).out
    await told(run, "api", "createList", "listName=clients")
    assert [each["list_name"] for each in await told(run, "lists")] == ["clients"]
    (france,) = await told(run, "prices", "--country", "fr")
    assert (france["iso_code"], france["sms"] > 0) == ("FR", True)
    assert "FR" in (await run("prices")).out


def test_every_method_can_be_called() -> None:
    """The methods of the command line are the 38 of ``RestBackend.api``, in the manual's order."""
    api = RestApi.__init__.__globals__
    resources = [value for value in api.values() if isinstance(value, type)]
    methods = {
        method.operation.name for kind in resources for method in vars(kind).values() if isinstance(method, Method)
    }
    assert set(operations()) == methods
    assert len(methods) == 38
    assert list(operations())[:2] == ["simpleSend", "sendSms"]


async def test_methods_are_listed_and_described(run: Run) -> None:
    """Without a method all are listed; --fields says what one takes, and asks the gateway nothing."""
    assert len((await run("api")).out.splitlines()) == 38
    assert len(await told(run, "api", "--list")) == 38
    assert "country_iso_code" in (await run("api", "getPrices", "--fields")).out
    assert await told(run, "api", "getCampaignsInfo", "--fields") | {"limit": "a whole number"} == await told(
        run, "api", "getcampaignsinfo", "--fields"
    )


async def test_example_of_the_help_can_be_called(run: Run) -> None:
    """The fields that the help names are the method's."""
    (example,) = re.findall(r"'allmysms api (\w+) (\w+)=", (await run("api", "--help")).out.replace("\n ", ""))
    assert example[1] in await told(run, "api", example[0], "--fields")


async def test_secrets_of_an_answer_are_hidden(run: Run) -> None:
    """getInfo's answer holds the key, and neither way to print it does."""
    assert (await told(run, "api", "getInfo"))["apiKey"] == "…"
    assert "apiKey: …" in (await run("api", "getInfo")).out


async def test_sub_account_is_asked_for(run: Run) -> None:
    """--sub-account asks in a sub-account's name."""
    assert (await told(run, "api", "--sub-account", "demo-test", "getInfo"))["credits"] == 1500


async def test_password_comes_on_standard_input(run: Run) -> None:
    """A password is no word of the command line, which a process list shows."""
    words = ("api", "createSubAccount", "firstName=Zoé", "lastName=Martin", "email=zoe@example.com", "login=boutique")
    more = ("society=Exemple", "mobile=0612345678", "address=1 rue", "zip=75001", "city=Paris", "country=FR")
    ended = await run(*words, *more, "password=secret-1234")
    assert (ended.code, "secret-1234" in ended.err) == (2, False)
    assert "password=-" in ended.err
    ended = await run(*words, *more, "password=-", "--json", stdin=b"Secret-1234\n")
    assert ended.code == 0, ended.err
    assert "Secret-1234" not in ended.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("getInf",), "There is no method 'getInf'. Did you mean getInfo?"),
        (("getAcks",), "getAcks needs camp_id"),
        (("getAcks", "x=1"), "getAcks has no field 'x'; it has camp_id, sub_account, type."),
        (("getAcks", "camp_id"), "'camp_id' is not KEY=VALUE."),
        (("getAcks", "camp_id=1", "campId=2"), "camp_id is given 2 times"),
        (("getCampaignsInfo", "startDate=yesterday", "endDate=2027-03-01"), "start_date is not a date and time"),
        (("getCampaignsInfo", "startDate=2027-03-01", "endDate=2027-03-02", "limit=x"), "limit cannot be this"),
        (("populateList", "listName=x", "contacts=[1"), "contacts is no JSON"),
        (("populateList", "listName=x", "contacts=" + "[" * 90_000), "contacts is no JSON"),
        (("populateList", "listName=x", "contacts=[\udcff"), "contacts is no JSON"),
        (("populateList", "listName=x", "contacts=\udcff"), "cannot be written as UTF-8"),
        (("getAcks", "camp_id=1", "--output", "x"), "--output is for downloadMedia alone"),
    ],
)
async def test_slip_is_one_sentence(run: Run, sandbox: Sandbox, words: tuple[str, ...], expected: str) -> None:
    """What cannot be asked is refused with exit code 2, and nothing is sent."""
    ended = await run("api", *words)
    assert ended.code == 2
    assert expected in ended.err
    assert len(ended.err.splitlines()) == 1
    assert sandbox.requests == {}


async def test_refusal_of_the_gateway_has_its_exit_code(run: Run) -> None:
    """What the gateway refuses is a sentence and exit code 1; a wrong key is 3."""
    ended = await run("api", "getCampaignInfo", "campaign_id=nothing")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    ended = await run("account", ALLMYSMS_API_KEY="wrong-key")
    assert ended.code == 3
    assert KEY not in ended.err
