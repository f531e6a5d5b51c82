"""Against PHP's own ext-soap: everything arrives with the right PHP type, and every answer comes back typed."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import allmysms_async
from allmysms_async import (
    Accepted,
    Campaign,
    DeliveryStatus,
    NewSubAccount,
    OutcomeUnknown,
    Recipient,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.errors import FaultRefused, ServerFailure
from allmysms_async.model import Secret
from allmysms_async.protocols.soap.sms import SendSms
from allmysms_async.sandbox.soap.wsdl import description

PARIS = ZoneInfo("Europe/Paris")
BUNDLED = Path(allmysms_async.__file__).parent / "protocols" / "soap" / "allmysms.wsdl"
WHO = [{"string": "démo"}, {"string": "p&<ss"}]

# How PHP reads the request, and how its answer is shaped.
MODES = [("", "objects"), ("", "arrays"), ("package", "objects"), ("sandbox", "objects"), ("package", "arrays")]


@pytest.fixture(params=MODES, ids=["-".join(mode).strip("-") for mode in MODES], name="php_mode")
def _php_mode(request: pytest.FixtureRequest) -> tuple[str, str]:
    """One of the ways in which a PHP server works."""
    mode: tuple[str, str] = request.param
    return mode


@pytest.fixture(name="server")
def _server(php_server: Callable[..., Any], php_mode: tuple[str, str], tmp_path: Path) -> Any:
    """A PHP server in each of its modes: without a WSDL, by that of the package, and by that of the sandbox."""
    wsdl, answers = php_mode
    path = tmp_path / "service.wsdl"
    path.write_bytes(BUNDLED.read_bytes() if wsdl == "package" else description("http://127.0.0.1"))
    return php_server(str(path) if wsdl else "", answers)


@pytest.fixture(name="backend")
async def _backend(server: Any) -> AsyncIterator[SoapBackend]:
    """A backend that asks it."""
    backend = SoapBackend("démo", "p&<ss", endpoint=server.url)
    yield backend
    await backend.aclose()


def fields(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object's fields."""
    found: dict[str, Any] = value["object"]
    return found


def listed(value: dict[str, Any]) -> list[Any]:
    """Return a list's elements, however the mode at hand has it: an array, or an object with ``item``."""
    if "object" in value:
        value = fields(value).get("item", {"array": []})
    elements: list[Any] = value.get("array", [value])
    return elements


async def test_send_arrives_with_php_types(server: Any, backend: SoapBackend) -> None:
    """Figures arrive as int, texts as string, accents and markup unharmed, recipients and values as lists."""
    operation = SendSms(
        message="Été à 5 € & <b> #param_1# #param_2#",
        recipients=(Recipient("33612345678", ("Zoé & <Léa>", "")), Recipient("33611111111", ("1", "007"))),
        dynamic=2,
        lowcost=True,
        campaign_name="soldes [1/2]",
        cli_msg_id="ref-7",
        date=datetime(2027, 3, 2, 18, tzinfo=PARIS),
        tpoa="MAGASIN",
        mail_notif=False,
    )
    result = await backend.perform(operation)
    ((name, arguments),) = server.calls()
    data = fields(arguments[2])
    rows = [fields(row) for row in listed(data.pop("sms"))]
    assert (name, arguments[:2], len(arguments)) == ("sendSms", WHO, 3)
    assert data == {
        "message": {"string": "Été à 5 € & <b> #param_1# #param_2#"},
        "dynamic": {"int": 2},
        "lowcost": {"int": 1},
        "campaignName": {"string": "soldes [1/2]"},
        "cliMsgId": {"string": "ref-7"},
        "date": {"string": "2027-03-02 18:00:00"},
        "tpoa": {"string": "MAGASIN"},
        "mailNotif": {"int": 0},
    }
    assert [row["mobilePhone"] for row in rows] == [{"string": "33612345678"}, {"string": "33611111111"}]
    assert [listed(row["params"]) for row in rows] == [
        [{"string": "Zoé & <Léa>"}, {"string": ""}],
        [{"string": "1"}, {"string": "007"}],
    ]
    assert (result.status, result.status_text, result.credits) == ("100", "Le message a été envoyé", Decimal("1440.5"))
    assert [(entry.mobile_phone, entry.id, entry.part) for entry in result.ids] == [
        ("33612345678", "32845703", "1"),
        ("33611111111", "32845704", "1"),
    ]


async def test_one_recipient_without_values_arrives(server: Any, backend: SoapBackend) -> None:
    """A list of one arrives, and is read back; without values PHP sees an empty list of them."""
    async with SmsService(backend) as sms:
        receipt = await sms.send("Votre code est 4821", "06 12 34 56 78")
    ((_, arguments),) = server.calls()
    data = fields(arguments[2])
    assert data["dynamic"] == {"int": 0}
    ((row),) = listed(data["sms"])
    assert fields(row)["mobilePhone"] == {"string": "33612345678"}
    assert fields(row)["params"] in ({"object": []}, {"string": ""}, {"array": []}, {"null": None})
    assert receipt.accepted == (Accepted("33612345678", "32845703"),)
    assert receipt.campaign_id == "ap_111110693496"


async def test_everything_else_arrives_and_comes_back_typed(server: Any, backend: SoapBackend) -> None:
    """The other six operations arrive with the login under its right name, and their answers come back typed."""
    (report,) = await backend.delivery_reports("c-1")
    replies = [reply async for reply in backend.replies("c-1")]
    account = await backend.account()
    await backend.cancel("c-2")
    (stop,) = [opt_out async for opt_out in backend.opt_outs()]
    new = NewSubAccount(
        first_name="Zoé",
        last_name="Durand",
        company="A & B",
        mobile="0612345678",
        email="z@example.com",
        login="zoe",
        password=Secret("motdepasse"),
        zip_code="01000",
        notify_owner=True,
        post_paid=False,
    )
    assert await backend.create_sub_account(new) == "zoe"
    calls = server.calls()
    assert [name for name, _ in calls] == [
        "getAcks",
        "getPull",
        "getInfo",
        "deleteCampaign",
        "getStop",
        "createSubAccount",
    ]
    assert all(arguments[:2] == WHO for _, arguments in calls)
    assert [arguments[2:] for _, arguments in calls[:5]] == [
        [{"string": "c-1"}],
        [{"string": "c-1"}],
        [],
        [{"string": "c-2"}],
        [],
    ]
    assert fields(calls[5][1][2]) == {
        "firstName": {"string": "Zoé"},
        "lastName": {"string": "Durand"},
        "society": {"string": "A & B"},
        "mobile": {"string": "0612345678"},
        "email": {"string": "z@example.com"},
        "login": {"string": "zoe"},
        "password": {"string": "motdepasse"},
        "zip": {"string": "01000"},
        "sendEmailToCustomer": {"int": 1},
        "postPaid": {"int": 0},
    }
    assert (report.phone, report.status, report.code) == ("33611223344", DeliveryStatus.DELIVERED, "1")
    assert report.received_at == datetime(2013, 6, 25, 11, 32, 3, tzinfo=PARIS)
    assert [(reply.phone, reply.text, reply.reply_id) for reply in replies] == [
        ("33611223344", 'Été & <oui> "€"', None)
    ] * 2
    assert (account.status, account.credits) == ("active account", Decimal(1410))
    assert (stop.phone, stop.since) == ("33612345678", datetime(2014, 1, 22, 14, 34, 12, tzinfo=PARIS))


async def test_faults_of_php_are_told_apart(backend: SoapBackend) -> None:
    """A Fault Client is surely not taken, a Fault Server may have been; neither repeats PHP's words."""
    new = NewSubAccount(
        first_name="a", last_name="b", company="c", mobile="d", email="e", login="client", password=Secret("p4ssw0rd")
    )
    with pytest.raises(FaultRefused) as refused:
        await backend.create_sub_account(new)
    with pytest.raises(ServerFailure) as failed:
        await backend.create_sub_account(NewSubAccount(**{**vars_of(new), "login": "crash"}))
    assert (refused.value.code, failed.value.code) == ("Client", "Server")
    assert isinstance(failed.value, OutcomeUnknown)
    assert "secret" not in f"{refused.value}{failed.value}"


def vars_of(account: NewSubAccount) -> dict[str, Any]:
    """Return a sub-account's fields."""
    return {name: getattr(account, name) for name in account.__struct_fields__}


async def test_campaign_in_chunks_arrives_once(php_server: Callable[..., Any]) -> None:
    """A personalised campaign of 450 goes out in chunks of 200, and each person is in one of them with their values."""
    server = php_server(str(BUNDLED))
    people = [Recipient(f"06{number:08d}", (f"numéro {number}",)) for number in range(20_000_000, 20_000_450)]
    async with SmsService(SoapBackend("démo", "p&<ss", endpoint=server.url)) as sms:
        message = SmsMessage("Bonjour #param_1#", purpose="transactional")
        result = await sms.run(Campaign("soldes", message, people))
    chunks = [listed(fields(arguments[2])["sms"]) for _, arguments in server.calls()]
    sent = {fields(row)["mobilePhone"]["string"]: listed(fields(row)["params"]) for chunk in chunks for row in chunk}
    assert (result.accepted, result.rows, result.all_accepted) == (450, 450, True)
    assert sorted(map(len, chunks)) == [50, 200, 200]
    assert sent == {"33" + person.phone[1:]: [{"string": person.params[0]}] for person in people}
