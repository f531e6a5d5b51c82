"""The manual's own requests and answers, typed in from its pages, through the encoder and the decoder."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
import pytest

from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Recipient, Secret
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.campaigns import DeleteCampaign, GetCampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.codec import Credentials, decode, encode
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend, SimulateCampaign

SAMPLES = Path(__file__).parents[2] / "samples" / "rest"
CREDENTIALS = Credentials(login="monidentifiant", api_key=Secret("maclef"))


def paris(*parts: int) -> datetime:
    """Return a moment by the clocks of Paris."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[arg-type]


FLOW: dict[str, Any] = {
    "message": "Votre message",
    "recipients": (
        Recipient("336xxxxxxxx", ("Parametre 1", "Parametre 2")),
        Recipient("33611111111", ("Parametre 1", "Parametre 2")),
    ),
    "dynamic": 2,
    "campaign_name": "Nom de la campagne",
    "date": paris(2013, 1, 1, 12),
    "tpoa": "Nom de l'émetteur",
}
SENT = {"status": "100", "status_text": "Your messages have been sent", "invalid_numbers": ""}
TEMPLATE = "Bonjour #param_1# voici le lien #param_2# STOP au 36180"
FIRST_CAMPAIGN = {
    "id": "ec05bf34e3ejakf",
    "name": "API",
    "message": TEMPLATE,
    "tpoa": "allmysms",
    "command_date": paris(2018, 3, 18, 12, 33, 51),
    "sending_date": paris(2018, 3, 19, 15, 41),
    "nb_sms": 3,
    "nb_contacts": 3,
    "status": "sent",
    "used_lists": "",
    "tracking": False,
}
ACK = {"phone_number": "336xxxxxxxx", "status": "1", "comment": "Delivered", "sms_id": None}

# The case, its operation, the last part of its address, and what its answer says.
CASES: list[tuple[str, Operation[Any], str, dict[str, Any]]] = [
    (
        "simple_send",
        SimpleSend("Bonjour, Merci d'utiliser allmysms.com STOP au 36180", "0600000000;0611111111", tpoa="allmysms"),
        "",
        SENT
        | {"campaign_id": "xxxxxxxx", "credits": Decimal(340), "balance": Decimal("22.67"), "cost": Decimal("0.045")}
        | {"treatment_status": None},
    ),
    (
        "send_sms",
        SendSms(**FLOW),
        "sendSms/",
        SENT
        | {"campaign_id": "xxxxxxxxxx", "credits": Decimal(340), "balance": Decimal("22.67"), "cost": Decimal("0.045")}
        | {"credits_used": Decimal(15), "nb_contacts": 1, "nb_sms": 1, "treatment_status": None}
        | {"sms_ids": ({"phone_number": "336XXXXXXXXX", "sms_id": "330792bd-8e0b-11e5-bf51-0025907cd72e"},)}
        | {"discarded_numbers_details": None},
    ),
    (
        "simulate_campaign",
        SimulateCampaign(**FLOW),
        "simulateCampaign/",
        SENT
        | {"nb_credits": Decimal(45), "nb_contacts": 2, "nb_sms": 3}
        | {"balance": Decimal(3), "cost": Decimal("0.135")},
    ),
    (
        "get_acks",
        GetAcks("ap_284", sub_account="jdoe_subaccount"),
        "getAcks/",
        {
            "acks": (
                ACK | {"reception_date": paris(2017, 2, 19, 11, 40, 35)},
                ACK | {"reception_date": paris(2017, 2, 19, 11, 40, 36)},
            ),
            "cli_msg_id": "xxxx",
        },
    ),
    (
        "get_ack_by_sms_id",
        GetAckBySmsId("f8c964e0-8e0a-11e5-bf51-0025907cd72e", sub_account="jdoe_subaccount"),
        "getAckBySmsId/",
        {"phone_number": "336XXXXXXXX", "status": "1", "comment": "Delivered"}
        | {"reception_date": paris(2015, 11, 1, 10, 55)},
    ),
    (
        "get_campaign_stats",
        GetCampaignStats("ebeljju7k5hb5f0n6", type="sms", msisdn_list=True),
        "getCampaignStats/",
        {
            "campaign": {
                "id": "ebeljju7k5hb5f0n6",
                "name": "API",
                "command_date": paris(2018, 3, 19, 15, 40, 59),
                "sending_date": paris(2018, 3, 19, 15, 41),
                "status": "sent",
                "message": TEMPLATE,
                "nb_sms": 3,
                "nb_contacts": 3,
                "used_lists": "",
                "tpoa": "allmysms",
                "delivered": 2,
                "undelivered": 0,
                "pending": 1,
                "error": 0,
                "invalid": 0,
                "stop": 0,
                "mo": 0,
                "click": 6,
                "tracking": True,
                "tracked_link": "https://allmysms.com",
                "unique_click": 2,
                "msisdn_list": (
                    {"msisdn": "33612345678", "status": "1", "date_received": paris(2018, 3, 19, 15, 42, 4)}
                    | {"sms_id": "3a355c83-2b83-11e8-a8ef-0025907cf72e", "clicks": 1},
                    {"msisdn": "33612345677", "status": "1", "date_received": paris(2018, 3, 19, 15, 42, 6)}
                    | {"sms_id": "3a355edc-2b83-11e8-a8ef-0025907cf72e", "clicks": 5},
                    {"msisdn": "33612345676", "status": "0", "date_received": None}
                    | {"sms_id": "3a35602f-2b83-11e8-a8ef-0025907cf72e", "clicks": 0},
                ),
            }
        },
    ),
    (
        "get_campaign_info",
        GetCampaignInfo("ec05bf34e3ejakf", type="sms"),
        "getCampaignInfo/",
        {"campaign": FIRST_CAMPAIGN},
    ),
    (
        "get_campaigns_info",
        GetCampaignsInfo(
            paris(2018, 3, 18),
            paris(2018, 3, 20, 23, 59, 59),
            type="sms",
            status="all",
            search="Hello",
            hide_test_campaigns=True,
            limit=100,
            offset=0,
        ),
        "getCampaignsInfo/",
        {
            "campaigns": (
                FIRST_CAMPAIGN,
                FIRST_CAMPAIGN
                | {"id": "ec05bf34e3ejakx", "message": "Hello world", "nb_sms": 1, "nb_contacts": 1}
                | {"command_date": paris(2018, 3, 19, 12, 34, 3), "sending_date": paris(2018, 3, 19, 12, 40)},
            )
        },
    ),
    (
        "get_info",
        GetInfo(sub_account="jdoe_subaccount"),
        "getInfo/",
        {
            "status": "Active Account",
            "credits": Decimal("22457.383"),
            "nb_sms": 1604,
            "reference_country_iso": "FR",
            "api_key": Secret("vikmakey"),
            "last_name": "Dupont",
            "first_name": "Marc",
            "society": "allmysms.com",
            "email": "support@allmysms.com",
            "balance": Decimal("67.37"),
            "alerting": 1,
        },
    ),
    ("delete_campaign", DeleteCampaign("ec05bf34e3ejakf"), "deleteCampaign/", {"status": "OK"}),
]
NAMES = [case[0] for case in CASES]


def plain(value: object) -> object:
    """Return structs as dictionaries, all the way down, each with its fields as they are."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__ if name != "raw"}
    return tuple(plain(element) for element in value) if isinstance(value, tuple) else value


def types(value: object) -> object:
    """Return the types of what ``plain`` returns."""
    if isinstance(value, dict):
        return {name: types(element) for name, element in value.items()}
    return tuple(types(element) for element in value) if isinstance(value, tuple) else type(value)


@pytest.mark.parametrize(("name", "operation", "path", "_"), CASES, ids=NAMES)
def test_request_is_the_one_of_the_manual(name: str, operation: Operation[Any], path: str, _: object) -> None:
    """An operation is posted to the printed address with the printed fields, and the reply format always said."""
    request = encode(operation, CREDENTIALS, base_url="https://api.allmysms.com", timeout=1, max_response_bytes=1)
    printed = (SAMPLES / name / "request").read_bytes()
    assert (request.method, request.url) == ("POST", f"https://api.allmysms.com/http/9.0/{path}")
    written = dict(parse_qsl(request.body.decode("ascii"), strict_parsing=True, keep_blank_values=True))
    if b"smsData=" in printed:
        fields, _, flow = printed.partition(b"&smsData=")
        assert request.body.startswith(fields + b"&smsData=%7B%22DATA%22%3A%7B")
        assert json.loads(written["smsData"]) == json.loads(flow)
    elif name == "simple_send":
        # The printed address leaves the reply format out, and writes a blank as %20.
        assert written == dict(parse_qsl(printed.decode())) | {"returnformat": "json"}
    else:
        assert request.body == printed


@pytest.mark.parametrize(("name", "operation", "_", "expected"), CASES, ids=NAMES)
def test_every_printed_field_comes_back_typed(
    name: str, operation: Operation[Any], _: object, expected: dict[str, Any]
) -> None:
    """Each field of a printed answer is in the result, under its Python name and with its one Python type."""
    body = (SAMPLES / name / "response").read_bytes()
    read = plain(decode(type(operation), HttpResponse(status=200, headers={}, body=body)))
    assert read == expected
    assert types(read) == types(expected)


@pytest.mark.parametrize(("name", "operation"), [case[:2] for case in CASES], ids=NAMES)
def test_nothing_of_an_answer_is_lost(name: str, operation: Operation[Any]) -> None:
    """The whole answer stays in ``raw`` under the gateway's names; only the key is wrapped."""
    body = (SAMPLES / name / "response").read_bytes()
    raw = decode(type(operation), HttpResponse(status=200, headers={}, body=body)).raw
    assert {key: value.reveal() if isinstance(value, Secret) else value for key, value in raw.items()} == json.loads(
        body
    )


def test_every_case_names_its_source() -> None:
    """Each sample says from which part of the manual it was typed in, and each is driven by this table."""
    assert sorted(path.name for path in SAMPLES.iterdir()) == sorted(NAMES)
    assert all((SAMPLES / name / "SOURCE").read_text().startswith("HTTPS API v9, ") for name in NAMES)
