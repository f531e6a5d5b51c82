"""The manual's XML of the methods whose JSON is in ``test_samples``: the same results, but for what it prints."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from allmysms_async.model import Recipient, Secret
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.campaigns import DeleteCampaign, GetCampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimulateCampaign


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
    "campaign_name": "nom de campagne ",
    "date": paris(2011, 11, 5, 15, 10),
    "tpoa": "nom de l'émetteur",
}
SENT = {"status": "100", "status_text": "Your messages have been sent", "invalid_numbers": ""}
TEMPLATE = "Bonjour #param_1# voici le lien #param_2# STOP au 36180"
CAMPAIGN = {
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

CASES: list[tuple[str, Operation[Any], str, dict[str, Any]]] = [
    (
        "send_sms_xml",
        SendSms(**FLOW),
        "sendSms/",
        SENT
        | {"campaign_id": "xxxxxxxxxx", "credits": Decimal(340), "balance": Decimal("22.67"), "cost": Decimal("0.045")}
        | {"credits_used": Decimal(15), "nb_contacts": 1, "nb_sms": 1, "treatment_status": None}
        | {"sms_ids": ({"phone_number": "336XXXXXXXXX", "sms_id": "f8c964e0-8e0a-11e5-bf51-0025907cd72e"},)}
        | {"discarded_numbers_details": None},
    ),
    (
        "simulate_campaign_xml",
        SimulateCampaign(**FLOW),
        "simulateCampaign/",
        SENT
        | {"nb_credits": Decimal(45), "nb_contacts": 3, "nb_sms": 3}
        | {"balance": Decimal(3), "cost": Decimal("0.135")},
    ),
    (
        "get_acks_xml",
        GetAcks("ap_284", sub_account="jdoe_subaccount"),
        "getAcks/",
        {
            "acks": (
                ACK | {"reception_date": paris(2017, 2, 19, 11, 40, 35)},
                ACK | {"reception_date": paris(2017, 2, 19, 11, 40, 36)},
            ),
            "cli_msg_id": "xxxxxx",
        },
    ),
    (
        "get_ack_by_sms_id_xml",
        GetAckBySmsId("f8c964e0-8e0a-11e5-bf51-0025907cd72e", sub_account="jdoe_subaccount"),
        "getAckBySmsId/",
        {"phone_number": "336XXXXXXXX", "status": "1", "comment": "Delivered"}
        | {"reception_date": paris(2015, 11, 1, 10, 55)},
    ),
    (
        "get_campaign_stats_xml",
        GetCampaignStats("ebeljju7k5hb5f0n6", type="sms", msisdn_list=True),
        "getCampaignStats/",
        {
            "campaign": CAMPAIGN
            | {
                "id": "ebeljju7k5hb5f0n6",
                "command_date": paris(2018, 3, 19, 15, 40, 59),
                "message": "Bonjour #param_1# voici le lien https://allmysms.com STOP au 36180",
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
        "get_campaign_info_xml",
        GetCampaignInfo("ec05bf34e3ejakf", type="sms"),
        "getCampaignInfo/",
        {"campaign": CAMPAIGN},
    ),
    (
        "get_campaigns_info_xml",
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
                CAMPAIGN,
                CAMPAIGN
                | {"id": "ec05bf34e3ejakx", "message": "Hello world", "nb_sms": 1, "nb_contacts": 1}
                | {"command_date": paris(2018, 3, 19, 12, 34, 3), "sending_date": paris(2018, 3, 19, 12, 42)},
            )
        },
    ),
    (
        "get_info_xml",
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
    ("delete_campaign_xml", DeleteCampaign("ec05bf34e3ejakf"), "deleteCampaign/", {"status": "OK"}),
]
NAMES = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "operation", "path", "_"), CASES, ids=NAMES)
def test_xml_request_is_the_one_of_the_manual(
    sample: Callable[..., Any], name: str, operation: Operation[Any], path: str, _: object
) -> None:
    """An XML flow holds what the annex prints, and an answer in XML is asked for by name."""
    sample(name).check_request(operation, path)


@pytest.mark.parametrize(("name", "operation", "_", "expected"), CASES, ids=NAMES)
def test_xml_answer_of_the_manual_comes_back_typed(
    sample: Callable[..., Any], name: str, operation: Operation[Any], _: str, expected: dict[str, Any]
) -> None:
    """Each field of a printed XML answer is in the result, with the type that JSON gives it."""
    sample(name).check_answer(type(operation), expected)
