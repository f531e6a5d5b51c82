"""Status tables, row by row: what each status of the manual is raised as, and what it says."""

import json
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    DuplicateRequest,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    NoValidNumber,
    OutcomeUnknown,
    ProtocolError,
    ScheduleRefused,
    StillProcessing,
    TextRefused,
)
from allmysms_async.exchange import HttpResponse
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.campaigns import DeleteCampaign, GetCampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend, SimulateCampaign
from allmysms_async.protocols.rest.sub_accounts import ManageSubAccountCredits
from tests.cases import each

Kind = type[Operation[Any]]
SENDS: list[Kind] = [SendSms, SimpleSend]
READS: list[Kind] = [GetAcks, GetAckBySmsId, GetCampaignStats, GetCampaignInfo, GetCampaignsInfo, GetInfo]
EVERY: list[Kind] = [*SENDS, SimulateCampaign, *READS, DeleteCampaign]
NOTHING_SENT = "nothing was sent"


def answered(operation: Kind, answer: object) -> Any:
    """Decode an answer given as Python values."""
    return decode(operation, HttpResponse(status=200, headers={}, body=json.dumps(answer).encode()))


def refused(operation: Kind, answer: object) -> Any:
    """Return the error that an answer is raised as."""
    with pytest.raises((GatewayError, OutcomeUnknown)) as caught:
        answered(operation, answer)
    return caught.value


@each("status", ["100", "101", 100, 101])
@each("operation", [*SENDS, SimulateCampaign])
def test_sent_and_scheduled_are_success(operation: Kind, status: object) -> None:
    """101 is success: taking it for a failure sends twice."""
    assert answered(operation, {"status": status, "campaignId": "c"}).status == str(status)


# Annex 2, in its order, without the two successes.
ANNEX_2 = [
    ("102", AuthenticationFailed, "no account", NOTHING_SENT),
    ("104", InsufficientCredit, "not enough credit", "nothing of it was sent"),
    ("105", FlowRefused, "empty", NOTHING_SENT),
    ("109", FlowRefused, "invalid or incomplete", NOTHING_SENT),
    ("110", FlowRefused, "no text", NOTHING_SENT),
    ("111", TextRefused, "too long", NOTHING_SENT),
    ("114", NoValidNumber, "no valid number", NOTHING_SENT),
    ("115", ScheduleRefused, "date", NOTHING_SENT),
    ("121", DuplicateRequest, "identical", "refused this one"),
    ("160", StillProcessing, "still handling", "outcome"),
]


@each("operation", SENDS)
@each("number", [True, False], ids=["number", "text"])
@each(("code", "kind", "what", "sent"), ANNEX_2, ids=[row[0] for row in ANNEX_2])
def test_refused_send_says_what_happened(
    operation: Kind, code: str, kind: type[GatewayError], what: str, sent: str, number: bool
) -> None:
    """Each status of annex 2 has its class, its code, what happened, and whether something was sent."""
    error = refused(operation, {"status": int(code) if number else code, "statusText": "…"})
    assert type(error) is kind
    assert (error.code, error.request) == (code, operation.name)
    assert what in str(error)
    assert sent in str(error)
    assert code in str(error)


ANNEX_4 = [
    ("CAMPIDNOTFOUND", GatewayError),
    ("CAMPNOTFOUND", CampaignNotFound),
    ("BADCAMPAIGNSENDINGTYPE", CampaignNotCancellable),
    ("CAMPAIGNALREADYDELETED", CampaignNotCancellable),
    ("BCAMPAIGNSTATUS", CampaignNotCancellable),
    ("BADCAMPAIGNSTATUS", CampaignNotCancellable),
    ("BADDATETOSEND", CampaignNotCancellable),
    ("CAMPALREADYSENT", CampaignNotCancellable),
]


@each(("code", "kind"), ANNEX_4)
def test_refused_cancellation_has_its_class(code: str, kind: type[GatewayError]) -> None:
    """Each status of annex 4 has its class and its code."""
    error = refused(DeleteCampaign, {"status": code})
    assert (type(error), error.code, error.request) == (kind, code, "deleteCampaign")


def test_cancelled_campaign_is_success() -> None:
    """OK is the one status of annex 4 that is success."""
    assert answered(DeleteCampaign, {"status": "OK"}).status == "OK"


@each("operation", EVERY)
@each("status", [102, "102"])
def test_refused_login_is_told_on_any_operation(operation: Kind, status: object) -> None:
    """102 is a refused login whatever was asked."""
    error = refused(operation, {"status": status, "statusText": "Problème de connexion"})
    assert (type(error), error.code, error.request) == (AuthenticationFailed, "102", operation.name)


FRENCH = "Crédit insuffisant pour traiter cet envoi. A utiliser : {} Crédits, Disponibles: {} Crédits. Veuillez…"
ENGLISH = "Insufficient credit to process this send. To use: {} Credits, Available: {} Credits."


@each("sentence", [FRENCH, ENGLISH], ids=["french", "english"])
@each(
    ("needed", "left", "expected"),
    [
        ("15", "3", ("15", "3")),
        ("0.135", "0.045", ("0.135", "0.045")),
        ("0,135", "0,045", ("0.135", "0.045")),
        ("1 500", "340", ("1500", "340")),
        ("1 500 000,50", "22 457,383", ("1500000.50", "22457.383")),
        ("1\u202f500", "1\u00a0499", ("1500", "1499")),
        ("22457.383", "0", ("22457.383", "0")),
    ],
)
def test_missing_credit_is_told_in_figures(sentence: str, needed: str, left: str, expected: tuple[str, str]) -> None:
    """104 says what the send needs and what is left, as Decimals, in either language and however they are grouped."""
    error = refused(SendSms, {"status": 104, "statusText": sentence.format(needed, left)})
    assert (error.needed, error.available) == (Decimal(expected[0]), Decimal(expected[1]))
    assert f"It needs {expected[0]} credits, {expected[1]} are left." in str(error)


@each("words", ["", None, "XX Crédits", "A utiliser : 15 Crédits", "12" * 5000])
def test_missing_credit_without_both_figures_has_none(words: object) -> None:
    """104 is told even if its text does not hold what the manual says."""
    error = refused(SendSms, {"status": 104, "statusText": words})
    assert (type(error), error.needed, error.available) == (InsufficientCredit, None, None)


UNLISTED: list[dict[str, object]] = [
    {"status": status} for status in (0, 1, "1", 103, 112, 113, 200, 999, "OK", "", None, True, [], {}, 100.5, "100.01")
]


@each("operation", SENDS)
@each("answer", [*UNLISTED, {}, {"error": "database"}, {"status": 500, "error": "x"}], ids=repr)
def test_unlisted_answer_to_a_send_leaves_it_open(operation: Kind, answer: dict[str, object]) -> None:
    """Only a listed refusal says that nothing was sent; anything else may have been a send."""
    error = refused(operation, answer | {"statusText": "?"})
    assert type(error) is ProtocolError
    assert isinstance(error, OutcomeUnknown)
    assert "may have been taken" in str(error)


@each("operation", [*READS, SimulateCampaign, DeleteCampaign])
@each("words", ["Campaign not found", 17])
def test_error_in_place_of_the_answer_is_raised(operation: Kind, words: object) -> None:
    """`error` in place of what was asked for is the gateway's refusal, in its own words."""
    error = refused(operation, {"error": words})
    assert (type(error), error.request) == (GatewayError, operation.name)
    assert str(words) in str(error)


@each("operation", READS)
@each("answer", [{"status": 0, "statusText": "no such login"}, {"status": "105"}], ids=repr)
def test_status_in_place_of_the_answer_is_raised(operation: Kind, answer: dict[str, object]) -> None:
    """A status without anything of what was asked for is a refusal, not an empty list."""
    error = refused(operation, answer)
    assert (type(error), error.code) == (GatewayError, str(answer["status"]))


@each("operation", READS)
@each("answer", [{}, {"error": {"code": 1}}, {"error": ""}, {"else": 1}], ids=repr)
def test_answer_that_holds_nothing_asked_for_is_no_answer(operation: Kind, answer: dict[str, object]) -> None:
    """An object with none of the documented fields is not taken for an empty result."""
    assert type(refused(operation, answer)) is ProtocolError


def test_state_of_an_account_is_no_refusal() -> None:
    """getInfo's status is the account's state in words, and may be all that is said of an inactive one."""
    assert answered(GetInfo, {"status": "Inactive account"}).status == "Inactive account"


@pytest.mark.parametrize("number", ["33612345678", "06 12 34 56 78", "+33.6.12.34.56.78", "06-12-34-56-78"])
def test_number_in_the_gateways_words_is_masked(number: str) -> None:
    """No error holds a whole phone number, however the gateway writes it."""
    shown = str(refused(GetAcks, {"error": f"no report for {number}\nhere\x00"}))
    assert number not in shown
    assert "5678" not in shown.replace(" ", "").replace(".", "").replace("-", "")
    assert shown.isprintable()


def test_long_words_of_the_gateway_are_cut() -> None:
    """An error stays short, whatever the gateway writes."""
    assert len(str(refused(GetAcks, {"error": "no " * 100_000}))) < 300


@each("operation", SENDS)
@each("status", [100, "100", " 100 ", "100\n", 100.0, "100.0"])
def test_status_is_read_without_what_the_printer_added(operation: Kind, status: object) -> None:
    """Blanks around a status and a fraction of zero are none of it."""
    assert answered(operation, {"status": status}).status == "100"


def test_figures_are_read_of_104_alone() -> None:
    """Of another refusal for want of credit, a figure in the words may be anything, a number too."""
    words = "Le sous compte 33612345678 n'a pas 50 credits"
    error = refused(ManageSubAccountCredits, {"status": 4, "statusText": words})
    assert (type(error), error.needed, error.available) == (InsufficientCredit, None, None)
    assert "33612345678" not in str(error)
