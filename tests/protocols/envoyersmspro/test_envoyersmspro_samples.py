"""Every request and answer that the manual prints, from literal bytes."""

import base64
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from allmysms_async import InsufficientCredit
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Secret
from allmysms_async.protocols.envoyersmspro import account, message, response, stats, stop
from allmysms_async.protocols.envoyersmspro.answer import PARIS
from allmysms_async.protocols.envoyersmspro.codec import Credentials, decode, encode
from allmysms_async.protocols.envoyersmspro.operation import Operation
from tests.cases import each

SAMPLES = Path(__file__).parents[2] / "samples" / "envoyersmspro"
CREDENTIALS = Credentials(login=Secret("0600000000"), password=Secret("motdepasse"))
ROWS = (("496", "SOCIETE1", 155, 5000), ("504", "SOCIETE2", 5973, 200), ("536", "SOCIETE3", 0, 100))
ROWS += (("549", "SOCIETE4", 794, 15000),)


def entry(number: str, name: str, left: int, limit: int | None = None) -> dict[str, Any]:
    """Return an account as a result has it."""
    return {"account_id": number, "account_name": name, "sms_remaining": left, "api_request_limit": limit}


def at(*parts: int) -> datetime:
    """Return a moment of Paris."""
    return datetime(*parts, tzinfo=PARIS)


CASES: dict[str, tuple[Operation[Any], dict[str, Any]]] = {
    "send": (
        message.SendMessage("Ceci est un test", ("33600000001", "35200000077"), "Societe"),
        {"message_id": "879", "sms_sent": 2, "sms_remaining": 564},
    ),
    "stats": (
        stats.GetMessageStats("879"),
        {
            "counts": {"1": 1, "2": 1, "3": 0, "4": 0, "5": 0},
            "recipients": (
                {
                    "mobile_number": "33600000001",
                    "delivered_date": at(2011, 2, 10, 13, 32),
                    "status_id": "1",
                },
                {"mobile_number": "352000000077", "delivered_date": None, "status_id": "2"},
            ),
        },
    ),
    "cancel": (message.CancelMessage("879"), {"message_id": "879", "recredited_sms": 2, "sms_remaining": 564}),
    "status": (account.GetAccountStatus(), {"sms_remaining": 564, "api_request_limit": 100}),
    "getallaccounts": (account.GetAllAccounts(), {"accounts": tuple(entry(*row) for row in ROWS)}),
    "create": (account.CreateAccount("SOCIETE5"), {"account_id": "879"}),
    "delete": (account.DeleteAccount("879"), {"accounts": tuple(entry(*row[:3]) for row in ROWS)}),
    "transfer": (
        account.TransferSms("504", "536", 1000),
        {"debit_account": entry("504", "SOCIETE2", 4973), "credit_account": entry("536", "SOCIETE3", 1000)},
    ),
    "activate": (stop.ActivateStop("33600000000"), {"phone_number": "33600000000"}),
    "deactivate": (stop.DeactivateStop("33600000000"), {"phone_number": "33600000000"}),
    "check": (stop.CheckStop("33600000000"), {"phone_number": "33600000000", "active": True}),
    "response": (
        response.GetResponses("879"),
        {
            "number_of_responses": 3,
            "responses": tuple(
                {
                    "mobile_number": f"3360000000{index}",
                    "date": at(2014, 9, 1, 8, minute, 4),
                    "content": f"Le texte de la {which} réponse",
                }
                for index, (minute, which) in enumerate(((24, "première"), (29, "deuxième"), (38, "troisième")))
            ),
        },
    ),
}


def sample(name: str, part: str) -> bytes:
    """Return a sample's bytes."""
    return (SAMPLES / name / part).read_bytes()


def plain(value: Any) -> Any:
    """Return a result as plain values, without its raw answer."""
    if isinstance(value, msgspec.Struct):
        return {key: plain(held) for key, held in msgspec.structs.asdict(value).items() if key != "raw"}
    return tuple(plain(held) for held in value) if isinstance(value, tuple) else value


@each("name", CASES)
def test_printed_request_is_what_is_sent(name: str) -> None:
    """The path and the parameters are those printed, byte for byte, in the body of a POST."""
    request = encode(CASES[name][0], CREDENTIALS, base_url="https://host", timeout=5, max_response_bytes=10)
    printed = urlsplit(sample(name, "request").decode())

    assert request.method == "POST"
    assert request.url == f"https://host{printed.path}"
    assert request.body.decode() == printed.query
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"0600000000:motdepasse").decode()


@each("name", CASES)
def test_printed_answer_comes_back_typed(name: str) -> None:
    """Each field of a printed answer is in the result, under its Python name and with its one Python type."""
    operation, expected = CASES[name]
    result = decode(operation, HttpResponse(status=200, headers={}, body=sample(name, "response")))

    assert plain(result) == expected
    assert result.raw["status"] == "success"


def test_printed_error_is_read_although_it_is_no_xml() -> None:
    """The manual's sample of an error holds a raw ampersand, and is still the error that it says."""
    for status in (200, 400):
        with pytest.raises(InsufficientCredit) as caught:
            decode(CASES["send"][0], HttpResponse(status=status, headers={}, body=sample("error", "response")))
        assert caught.value.code == "5"
        assert "33600000000" not in f"{caught.value!r}{caught.value.__dict__}"


def test_every_sample_names_its_source() -> None:
    """Each sample says from which part of the manual it was typed in, and each is driven by this table."""
    assert sorted(path.name for path in SAMPLES.iterdir()) == sorted([*CASES, "error"])
    assert all(sample(path.name, "SOURCE").decode().startswith("Envoyer SMS Pro, ") for path in SAMPLES.iterdir())


def test_every_parameter_of_a_send_travels() -> None:
    """Each option of the manual's table is written as it says, and none that was not asked for."""
    operation = message.SendMessage(
        "Bonjour,\nété {1}",
        ("33600000001",),
        "Societe",
        send_at=datetime(2027, 7, 1, 9, 50, 1, tzinfo=PARIS),
        all_numbers_allowed=True,
        truncation_allowed=True,
        long_message_allowed=True,
        stop_sms=True,
        tag="promo7",
        dedupe=True,
        wants_replies=True,
    )
    request = encode(operation, CREDENTIALS, base_url="https://host", timeout=5, max_response_bytes=10)

    assert b"Bonjour,%0A%C3%A9t%C3%A9+%7B1%7D" in request.body
    assert dict(parse_qsl(request.body.decode(), strict_parsing=True)) == {
        "text": "Bonjour,\nété {1}",
        "recipients": "33600000001",
        "sendername": "Societe",
        "senddate": "20270701",
        "sendtime": "0951",  # whole minutes, never earlier than asked
        "allnumberallowed": "1",
        "messagetruncationallowed": "1",
        "longmessageallowed": "1",
        "stopsms": "1",
        "tag": "promo7",
        "dedupe": "1",
        "responsestatusid": "1",
    }


@pytest.mark.parametrize("basic", [True, False])
def test_account_id_travels_with_the_password(basic: bool) -> None:
    """Of several accounts, the wanted one is the third part of Basic authentication, or a form field."""
    credentials = Credentials(
        login=Secret("0600000000"), password=Secret("mot&passe"), account_id=Secret("496"), basic=basic
    )
    request = encode(CASES["status"][0], credentials, base_url="https://host", timeout=5, max_response_bytes=10)

    if basic:
        assert base64.b64decode(request.headers["Authorization"].split()[1]) == b"0600000000:mot&passe:496"
        assert request.body == b""
    else:
        assert "Authorization" not in request.headers
        assert request.body == b"login=0600000000&password=mot%26passe&accountid=496"
    assert "496" not in request.url
