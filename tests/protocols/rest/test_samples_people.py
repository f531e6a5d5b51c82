"""The manual's samples on people: replies, opt-outs, sub-accounts and contact lists, in JSON and in XML."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from allmysms_async.model import Contact, Secret
from allmysms_async.protocols.rest.blacklist import DeleteBlacklistEntry, GetBlacklist
from allmysms_async.protocols.rest.contacts import (
    CreateList,
    DeleteContacts,
    DeleteList,
    GetContacts,
    GetLists,
    ListField,
    PopulateList,
)
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.replies import GetPull, GetPullBySmsId, GetPulls
from allmysms_async.protocols.rest.sub_accounts import (
    CreateSubAccount,
    DeleteSubAccount,
    GetSubAccounts,
    ManageSubAccountCredits,
    UpdateSubAccount,
)


def paris(*parts: int) -> datetime:
    """Return a moment by the clocks of Paris."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[arg-type]


SUB = "jdoe_subaccount"
SMS_ID = "f8c964e0-8e0a-11e5-bf51-0025907cd72e"
FIRST = {"phone_number": "336xxxxxxxx", "id": "32154", "reception_date": paris(2017, 2, 14, 15, 9, 5)}
SECOND = {"phone_number": "336xxxxxxxx", "id": "32157", "reception_date": paris(2017, 2, 14, 15, 25, 48)}


def mos(campaign: str, second: str) -> dict[str, Any]:
    """Return the two printed answers."""
    return {
        "mos": (
            FIRST | {"campaign_id": campaign, "message": "Réponse 1"},
            SECOND | {"campaign_id": campaign, "message": second},
        )
    }


NEW_ACCOUNT = CreateSubAccount(
    first_name="Thomas",
    last_name="DUPONT",
    society="Society",
    mobile="+336XXXXXXXX",
    email="email@domain.com",
    login="newlogin",
    password=Secret("newpass"),
    phone="0493000000",
    website="domain.com",
    address="address new account",
    zip="01xxxx",
    city="Paris",
    country="FRANCE",
    send_email_to_customer=True,
    send_email_to_master_account=True,
    post_paid=True,
    profile="à définir avec allmysms",
)
ACCOUNT = {
    "login": "subaccountx",
    "last_name": "Doe",
    "first_name": "John",
    "client_type": "Company",
    "company": "My Company",
    "phone": "33xxxxxxxx",
    "mobile": "33xxxxxxxx",
    "fax": "",
    "email": "subaccountx@allmysms.com",
    "web_site": None,
    "address": "1240 route des dolines",
    "zip": "06560",
    "city": "valbonne",
    "country": "France",
    "creation_date": paris(2014, 1, 1, 10, 30),
    "last_visit": paris(2017, 5, 20, 14, 30),
    "last_activity": paris(2017, 5, 22, 17, 15),
    "bill_last_name": "Doe",
    "bill_first_name": "John",
    "bill_company": "My Company",
    "bill_phone": "33xxxxxxxx",
    "bill_mobile": "33xxxxxxxx",
    "bill_email": "subaccountx@allmysms.com",
    "bill_address": "1240 route des dolines",
    "bill_zip": "06560",
    "bill_city": "valbonne",
    "bill_country": "France",
    "credits": Decimal(340),
    "balance": Decimal("22.67"),
}
XML_ACCOUNT = ACCOUNT | {
    "web_site": "",
    "city": "Valbonne",
    "bill_email": "subaccount1@allmysms.com",
    "bill_address": "1240 route des Colles",
    "bill_city": "Valbonne",
}
CREDITED = {"login": "subaccountx", "credits": Decimal(1500), "balance": Decimal(1500)}
BASE = {"FIRSTNAME": "xxxx", "LASTNAME": "xxxx", "SHOP": "allmysms"}
CONTACTS = (
    Contact("06xxxxxx", BASE),
    Contact("06xxxxxxxx", BASE | {"FIRSTNAME": "yyyy", "LASTNAME": "yyyy"}),
)
MICHEL = {"MobilePhone": "336xxxxxxxx", "Firstname": "Michel", "Lastname": "Dupont", "Shop": "allmysms"}
LIST = {"list_name": "base name", "contacts": 120, "locked": True, "creation_date": paris(2015, 1, 25)}
LISTS = {"lists": (LIST, LIST | {"contacts": 2, "locked": False, "creation_date": paris(2015, 2, 5)})}
DELETED = "list your base has been successfully deleted"
COLUMNS = [ListField("Ville", filter=True), ListField("Prenom")]
COUNTED = {"success": 0, "ignored": 6, "duplicated": 0}
PHONES = ["0600000000", "0611111111"]


def entry(phone: str, comment: str, *date: int) -> dict[str, Any]:
    """Return a number of the opt-out list."""
    return {"phone_number": phone, "comment": comment, "reception_date": paris(*date)}


def done(text: str) -> dict[str, Any]:
    """Return the answer to what was done."""
    return {"status": "1", "status_text": text}


def both(
    name: str, operation: Operation[Any], path: str, expected: dict[str, Any], **xml: Any
) -> list[tuple[str, Operation[Any], str, dict[str, Any]]]:
    """Return a case in JSON and in XML, with what XML prints otherwise: in the answer, or as ``asked`` the request."""
    asked = xml.pop("asked", operation)
    return [(name, operation, path, expected), (f"{name}_xml", asked, path, expected | xml)]


CASES = [
    *both(
        "get_pulls",
        GetPulls(1000, SUB),
        "getPulls/",
        mos("ap_28423xxxx", "Réponse 1"),
        **mos("ap_284xxxxx", "Réponse 2"),
    ),
    *both(
        "get_pull",
        GetPull("ap_284", SUB),
        "getPull/",
        mos("ap_28423xxxxx", "Réponse 1") | {"cli_msg_id": "xxxxxx"},
        **mos("ap_284xxxxx", "Réponse 2"),
        cli_msg_id="xxxx",
    ),
    *both(
        "get_pull_by_sms_id",
        GetPullBySmsId(SMS_ID, SUB),
        "getPullBySmsId/",
        {"phone_number": "336XXXXXXXX", "campaign_id": "XXXXXXXXXXXX", "message": "test reponse"}
        | {"reception_date": paris(2015, 11, 2, 16, 1)},
        message="Ceci est une réponse",
        reception_date=paris(2015, 11, 1, 16),
    ),
    *both(
        "get_blacklist",
        GetBlacklist(SUB, "ap_284"),
        "getBlacklist/",
        {"blacklist": (entry("336XXXXXXXX", "stop", 2018, 2, 18, 12, 10, 23),)},
        blacklist=(
            entry("336xxxxxxxx", "stop", 2018, 2, 18, 12, 10, 23),
            entry("33xxxxxxxxxx", "Refused", 2018, 2, 18, 11, 32, 11),
        ),
    ),
    *both(
        "delete_blacklist_entry",
        DeleteBlacklistEntry("0600000000"),
        "deleteblacklistentry/",
        done(DELETED),
        status_text="phone number successfully\ndeleted",
    ),
    *both(
        "create_sub_account",
        NEW_ACCOUNT,
        "createSubAccount/",
        {"status": "1", "text": "Sub-account successfully created"},
    ),
    *both(
        "update_sub_account",
        UpdateSubAccount(SUB, city="Paris", bill_mobile="+336XXXXXXXX", active=False),
        "updateSubAccount/",
        {"status": "1", "text": "Sub-account successfully updated"},
    ),
    *both(
        "get_sub_accounts",
        GetSubAccounts(),
        "getSubAccounts/",
        {"total": 15, "sub_accounts": (ACCOUNT,)},
        total=3,
        sub_accounts=(XML_ACCOUNT,),
    ),
    *both(
        "manage_sub_account_credits",
        ManageSubAccountCredits("subaccountx", 1500),
        "manageSubAccountCredits/",
        {"status": None, "sub_account": CREDITED},
        status="OK",
    ),
    *both(
        "delete_sub_account",
        DeleteSubAccount("subaccountx"),
        "deleteSubAccount/",
        done("Sub-account has been successfully deleted"),
    ),
    *both(
        "create_list",
        CreateList("maliste", COLUMNS, locked=False),
        "createList/",
        done("database successfully populated"),
        status_text="database\npopulated",
    ),
    *both(
        "populate_list",
        PopulateList("Your Base", CONTACTS),
        "populateList/",
        done("list cavavin3 successfully populated") | {"success": 1, "ignored": 3, "duplicated": 2},
        status_text="list cavavin2 successfully populated",
        success=0,
        ignored=1,
        duplicated=0,
    ),
    *both(
        "delete_contacts",
        DeleteContacts("your base", PHONES),
        "deleteContacts/",
        done("list test3 successfully updated") | COUNTED,
        asked=DeleteContacts("cavavin2", PHONES),
    ),
    *both("delete_list", DeleteList("base name", SUB), "deleteList/", done(DELETED)),
    *both("get_lists", GetLists(SUB), "getLists/", LISTS),
    *both(
        "get_contacts",
        GetContacts("base name", SUB),
        "getContacts/",
        {"contacts": (MICHEL, MICHEL | {"Firstname": "Francois"})},
    ),
]
NAMES = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "operation", "path", "_"), CASES, ids=NAMES)
def test_request_on_people_is_the_one_of_the_manual(
    sample: Callable[..., Any], name: str, operation: Operation[Any], path: str, _: object
) -> None:
    """A request goes to the printed address with the printed fields and the printed flow."""
    sample(name).check_request(operation, path)


@pytest.mark.parametrize(("name", "operation", "_", "expected"), CASES, ids=NAMES)
def test_answer_on_people_comes_back_typed(
    sample: Callable[..., Any], name: str, operation: Operation[Any], _: str, expected: dict[str, Any]
) -> None:
    """Each field of a printed answer is in the result, under its Python name and with its one Python type."""
    sample(name).check_answer(type(operation), expected)
