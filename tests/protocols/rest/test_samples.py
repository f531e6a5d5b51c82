"""The manual's own requests and answers, typed in from its pages, through the encoder and the decoder."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from allmysms_async.model import Recipient, Secret
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.campaigns import DeleteCampaign, GetCampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend, SimulateCampaign

SAMPLES = Path(__file__).parents[2] / "samples" / "rest"


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


@pytest.mark.parametrize(("name", "operation", "path", "_"), CASES, ids=NAMES)
def test_request_is_the_one_of_the_manual(
    sample: Callable[..., Any], name: str, operation: Operation[Any], path: str, _: object
) -> None:
    """An operation is posted to the printed address with the printed fields, and the reply format always said."""
    sample(name).check_request(operation, path)


@pytest.mark.parametrize(("name", "operation", "_", "expected"), CASES, ids=NAMES)
def test_every_printed_field_comes_back_typed(
    sample: Callable[..., Any], name: str, operation: Operation[Any], _: object, expected: dict[str, Any]
) -> None:
    """Each field of a printed answer is in the result with its one Python type; ``raw`` holds all of it."""
    sample(name).check_answer(type(operation), expected)


def test_every_case_names_its_source() -> None:
    """Each sample says from which part of the manual it was typed in, and each is driven by one of the tables."""
    tables = "".join(path.read_text() for path in Path(__file__).parent.glob("test_samples*.py"))
    driven = {name for name in re.findall(r'"([a-z_]+)"', tables) if (SAMPLES / name).is_dir()}
    both = {f"{name}_xml" for name in re.findall(r'\bboth\(\s*"([a-z_]+)"', tables)}
    names = sorted(path.name for path in SAMPLES.iterdir())
    assert names == sorted(driven | both)
    assert all((SAMPLES / name / "SOURCE").read_text().startswith("HTTPS API v9, ") for name in names)
    # 38 methods in JSON, and all but the two that answer in JSON only in XML.
    assert (len(names), sum(name.endswith("_xml") for name in names)) == (74, 36)
