"""Envoyer SMS Pro as a plain HTTP client sees it. Source: Envoyer SMS Pro, "Pré-requis" and "Messages d'erreur"."""

import base64
import re

import pytest

from allmysms_async.sandbox import ControlError

from .conftest import plain_client

AUTH = {"login": "demo", "password": "demo-pass"}
ONE = {"text": "Bonjour", "recipients": "33612345678", "sendername": "Societe"}


async def ask(sandbox, function, method="POST", auth=AUTH, headers=None, **fields):
    """Ask for a function by plain HTTP."""
    async with plain_client(sandbox.http_url) as http:
        data = (auth or {}) | {name: str(value) for name, value in fields.items()}
        where = {"params": data} if method == "GET" else {"data": data}
        return await http.request(method, f"/api/{function}", headers=headers, **where)


def message(response):
    """Return an error's number and words."""
    return re.search(r"<error_id>(.*?)</error_id>\s*<error_message>(.*?)</error_message>", response.text).groups()


DETAILS = [
    ({"recipients": ""}, "2", "Missing parameters - Recipients are missing"),
    ({"text": ""}, "2", "Missing parameters - Text is missing"),
    ({"sendername": ""}, "2", "Missing parameters - Sendername is missing"),
    ({"sendtime": "0950"}, "2", "Missing parameters - Senddate is missing"),
    ({"senddate": "20270401"}, "2", "Missing parameters - Sendtime is missing"),
    ({"recipients": "33612345678,0612,+33699"}, "3", "Bad value of parameters - Wrong numbers : 0612,+33699"),
    ({"recipients": ","}, "3", "Bad value of parameters - No number found"),
    ({"recipients": "0612", "allnumberallowed": 1}, "3", "Bad value of parameters - No number found"),
    ({"text": " "}, "3", "Bad value of parameters - No message found"),
    ({"sendername": " "}, "3", "Bad value of parameters - No sendername found"),
    ({"sendername": "AB"}, "3", "Bad value of parameters - Sendername must be longer than 2 characters"),
    ({"sendername": "A" * 12}, "3", "Bad value of parameters - Sendername must be shorter than 12 characters"),
    ({"sendername": "Société"}, "3", "Bad value of parameters - Sendername cannot contain special characters"),
    ({"sendername": "36111"}, "3", "Bad value of parameters - Sendername cannot be a number"),
    ({"senddate": "2027", "sendtime": "0950"}, "3", "Bad value of parameters - Senddate must contains 8 digits"),
    ({"senddate": "20271301", "sendtime": "0950"}, "3", "Bad value of parameters - Unrecognized date"),
    ({"senddate": "20200101", "sendtime": "0950"}, "3", "Bad value of parameters - Unrecognized date"),
    ({"senddate": "20270401", "sendtime": "950"}, "3", "Bad value of parameters - Sendtime must contains 4 digits"),
    ({"senddate": "20270401", "sendtime": "2450"}, "3", "Bad value of parameters - Bad hour value for sendtime"),
    ({"senddate": "20270401", "sendtime": "0960"}, "3", "Bad value of parameters - Bad minute value for sendtime"),
    ({"recipients": "33612345678," * 1001}, "3", "Bad value of parameters - Too many recipients"),
    ({"tag": "a" * 21}, "3", "Bad value of parameters - Tag must must be shorter than 21 characters."),
    ({"text": "a" * 161}, "4", "Message too long"),
    ({"text": "a" * 460, "longmessageallowed": 1}, "4", "Message too long"),
    ({"text": "a" * 142, "stopsms": 1}, "4", "Message too long"),
]


@pytest.mark.parametrize(("fields", "error_id", "words"), DETAILS, ids=[f"{row[1]}-{row[2][-24:]}" for row in DETAILS])
async def test_each_printed_detail_has_its_cause(sandbox, fields, error_id, words):
    """What is wrong with a send is said with the manual's number and words, with HTTP 400; nothing is sent."""
    response = await ask(sandbox, "message/send", **(ONE | fields))

    assert response.status_code == 400
    assert message(response) == (error_id, words)
    assert sandbox.messages() == []


OTHERS = [
    ("account/create", {}, "Accountname is missing"),
    ("account/create", {"accountname": "a" * 51}, "Accountname must be shorter than 51"),
    ("account/delete", {}, "Deleteaccountid is missing"),
    ("account/transfer", {}, "Debitaccountid is missing"),
    ("account/transfer", {"debitaccountid": 1}, "Creditaccountid is missing"),
    ("account/transfer", {"debitaccountid": 1, "creditaccountid": 1}, "Sms is missing"),
    ("account/transfer", {"debitaccountid": 1, "creditaccountid": 1, "sms": 0}, "Sms must be strictly positive"),
    ("account/transfer", {"debitaccountid": 9, "creditaccountid": 1, "sms": 1}, "Debitaccountid does not exist"),
    ("account/transfer", {"debitaccountid": 1, "creditaccountid": 9, "sms": 1}, "Creditaccountid does not exist"),
    ("stopsms/check", {}, "Phonenumber is missing"),
    ("stopsms/check", {"phonenumber": "0142345678"}, "You do not send SMS to the 0142345678"),
]


@pytest.mark.parametrize(("function", "fields", "detail"), OTHERS, ids=[row[2] for row in OTHERS])
async def test_each_detail_of_other_functions_has_its_cause(sandbox, function, fields, detail):
    """Accounts and STOP SMS say what is wrong in the manual's words too."""
    assert message(await ask(sandbox, function, **fields)) == ("3", f"Bad value of parameters - {detail}")


async def test_get_is_understood_for_a_hundred(sandbox):
    """The manual's own example, by GET, works; its limit is 100 recipients."""
    response = await ask(sandbox, "message/send", "GET", **ONE)
    assert "<sms_remaing>" in response.text
    many = ",".join(f"336{number:08d}" for number in range(101))
    assert response.status_code == 200
    assert (await ask(sandbox, "message/send", "GET", **(ONE | {"recipients": many}))).status_code == 400
    assert sandbox.stats()["messages"] == 1


async def test_identical_texts_are_all_sent(sandbox):
    """This provider has no rule against identical requests: whoever repeats one texts people twice."""
    for _ in range(2):
        assert (await ask(sandbox, "message/send", **ONE)).status_code == 200
    assert sandbox.stats()["max_per_handset"] == 2


@pytest.mark.parametrize("header", ["Basic !!", "Basic /w==", "Basic " + base64.b64encode(b"demo:x").decode()])
async def test_broken_basic_authentication_is_401(sandbox, header):
    """A header that cannot be read, or is wrong, is error 1, whatever the fields say."""
    response = await ask(sandbox, "account/status", headers={"Authorization": header})
    assert (response.status_code, message(response)[0]) == (401, "1")


async def test_limit_counts_from_the_first_request(sandbox):
    """Beyond the limit the answer is a 400 without an error, until 60 minutes after the first request."""
    sandbox.envoyersmspro.limit_requests(3)
    for _ in range(3):
        assert (await ask(sandbox, "account/status")).status_code == 200
        sandbox.advance(600)
    over = await ask(sandbox, "message/send", **ONE)
    assert (over.status_code, "error_id" in over.text) == (400, False)
    sandbox.advance(1799)
    assert (await ask(sandbox, "account/status")).status_code == 400
    sandbox.advance(1)
    assert (await ask(sandbox, "message/send", **ONE)).status_code == 200
    count = sandbox.envoyersmspro.request_count()

    assert (count.arrived, count.refused, count.most_in_any_window) == (6, 2, 5)
    assert sandbox.stats()["messages"] == 1


async def test_what_is_not_served_is_404_or_405(sandbox):
    """Unknown functions and other verbs are told so."""
    assert (await ask(sandbox, "message/nothing")).status_code == 404
    assert (await ask(sandbox, "account/status", "PUT")).status_code == 405


async def test_error_repeats_the_request_unescaped(sandbox):
    """Errors carry the request as the manual prints it, credentials included, so that clients are tested on it."""
    response = await ask(sandbox, "message/send", text="a&b", recipients="33612345678")
    assert "password=demo-pass&text=a%26b" in response.text


async def test_sandbox_forgets_on_reset(sandbox):
    """Accounts, messages and counts start over with everything else."""
    await ask(sandbox, "account/create", accountname="Boutique")
    await ask(sandbox, "message/send", **ONE)
    sandbox.reset()

    assert (await ask(sandbox, "account/getallaccounts")).text.count("<account_id>") == 1
    assert message(await ask(sandbox, "message/stats", messageid=1))[0] == "7"
    assert sandbox.envoyersmspro.request_count().arrived == 2


def test_instructions_that_make_no_sense_are_refused(sandbox):
    """Accounts, limits and messages that do not exist are told."""
    face = sandbox.envoyersmspro
    for instruction in (
        lambda: face.limit_requests(0),
        lambda: face.limit_requests(5, account_id=7),
        lambda: face.request_count("nobody"),
        lambda: face.respond("1", "33612345678", "a"),
    ):
        with pytest.raises(ControlError):
            instruction()
