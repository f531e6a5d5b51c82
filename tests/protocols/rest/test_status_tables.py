"""The other status tables, row by row, and what each method takes for success."""

import json
from typing import Any

import pytest

from allmysms_async.errors import (
    AuthenticationFailed,
    DuplicateRequest,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    MediaRefused,
    NotPermitted,
    NoValidNumber,
    OutcomeUnknown,
    ProtocolError,
    ScheduleRefused,
    SenderRefused,
    StillProcessing,
)
from allmysms_async.exchange import HttpResponse
from allmysms_async.protocols.envoyersmspro.operation import Operation as EnvoyerOperation
from allmysms_async.protocols.rest.account import GetCreditsByCountryIsoCode, GetPrices
from allmysms_async.protocols.rest.blacklist import DeleteBlacklistEntry, GetBlacklist
from allmysms_async.protocols.rest.codec import Formats, decode
from allmysms_async.protocols.rest.contacts import (
    CreateList,
    DeleteContacts,
    DeleteList,
    GetContacts,
    GetLists,
    PopulateList,
)
from allmysms_async.protocols.rest.links import GetShortUrlDomains, ShortenUrl
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.replies import GetPull, GetPullBySmsId, GetPulls
from allmysms_async.protocols.rest.sub_accounts import (
    CreateSubAccount,
    DeleteSubAccount,
    GetSubAccounts,
    ManageSubAccountCredits,
    UpdateSubAccount,
)
from allmysms_async.protocols.rest.voice import CreateCode, DownloadMedia, GetMedia, SendVocal, SimpleVocal
from allmysms_async.protocols.rest.webhooks import ConfigureWebhook, DeleteWebhook, GetWebhook
from allmysms_async.protocols.soap.operation import Operation as SoapOperation
from tests.cases import each

Kind = type[Operation[Any]]
EVERY: list[Kind] = sorted(Operation.__subclasses__(), key=lambda kind: kind.name)
VOICE: list[Kind] = [SendVocal, SimpleVocal]
# What answers 1 for done and 0 for not done.
SIMPLE: list[Kind] = [
    *(CreateSubAccount, UpdateSubAccount, DeleteSubAccount, CreateList, DeleteList, PopulateList, DeleteContacts),
    *(DeleteBlacklistEntry, GetMedia, DownloadMedia, ConfigureWebhook, DeleteWebhook),
]
READS: list[Kind] = [
    *(GetPulls, GetPull, GetPullBySmsId, GetBlacklist, GetSubAccounts, GetLists, GetContacts, GetPrices, GetWebhook),
    *(GetCreditsByCountryIsoCode, ShortenUrl, GetShortUrlDomains),
]
NEVER = {"createCode", "createList", "createSubAccount", "deleteContacts", "getPulls", "manageSubAccountCredits"}
NEVER |= {"populateList", "deleteList", "updateSubAccount", "deleteSubAccount", "deleteCampaign", "deleteWebhook"}
NEVER |= {"deleteblacklistentry", "configureWebhook"}


def answered(operation: Kind, answer: object) -> Any:
    """Decode an answer given as Python values."""
    return decode(operation, HttpResponse(status=200, headers={}, body=json.dumps(answer).encode()))


def refused(operation: Kind, answer: object) -> Any:
    """Return the error that an answer is raised as."""
    with pytest.raises((GatewayError, OutcomeUnknown)) as caught:
        answered(operation, answer)
    return caught.value


def test_replay_is_declared_as_designed() -> None:
    """What changes something, and getPulls, is never repeated; sends only with their key; the rest is safe."""
    assert {kind.name for kind in EVERY if kind.replay == "never"} == NEVER
    assert {kind.name for kind in EVERY if kind.replay == "key"} == {
        "sendSms",
        "simpleSend",
        "sendVocal",
        "simpleVocal",
    }


def test_operation_that_does_not_say_so_is_not_repeated() -> None:
    """Repeating is what an operation allows itself in so many words, in each protocol."""
    for base in (Operation, SoapOperation, EnvoyerOperation):
        assert base.replay == "never"
    for kind in EVERY:
        assert "replay" in vars(kind), kind


def test_change_is_not_repeated_in_the_other_protocols() -> None:
    """Repeating a change whose answer was lost may answer that it failed."""
    assert {kind.__name__ for kind in SoapOperation.__subclasses__() if kind.replay == "safe"} == {
        *("GetInfo", "GetStop", "GetAcks", "GetPull")
    }
    assert {kind.__name__ for kind in EnvoyerOperation.__subclasses__() if kind.replay == "safe"} == {
        *("GetAccountStatus", "GetAllAccounts", "GetMessageStats", "GetResponses", "CheckStop")
    }


@each("operation", EVERY)
@each("status", [102, "102"])
def test_refused_login_is_told_on_every_method(operation: Kind, status: object) -> None:
    """102 is a refused login whatever was asked, with what to do about it."""
    error = refused(operation, {"status": status, "statusText": "Problème de connexion"})
    assert (type(error), error.code, error.request) == (AuthenticationFailed, "102", operation.name)
    assert "Check the login" in str(error)


# Annex 13, without its two successes.
ANNEX_13 = [
    ("104", InsufficientCredit, "not enough credit"),
    ("105", FlowRefused, "empty"),
    ("110", FlowRefused, "address"),
    ("111", ScheduleRefused, "date"),
    ("112", SenderRefused, "01 to 05 or 09"),
    ("113", MediaRefused, "WAV or MP3"),
    ("114", NoValidNumber, "no valid number"),
    ("115", MediaRefused, "1 KB to 5 MB"),
    ("116", MediaRefused, "5 to 35 seconds"),
    ("121", DuplicateRequest, "identical"),
    ("160", StillProcessing, "still handling"),
]


@each("operation", VOICE)
@each(("code", "kind", "what"), ANNEX_13, ids=[row[0] for row in ANNEX_13])
def test_refused_voice_message_has_its_class(operation: Kind, code: str, kind: type[GatewayError], what: str) -> None:
    """Each status of annex 13 has its class, what it means and what to do; 111 and 115 are not those of a text."""
    error = refused(operation, {"status": int(code), "statusText": "…"})
    assert (type(error), error.code, error.request) == (kind, code, operation.name)
    assert what in str(error)


@pytest.mark.parametrize("operation", VOICE)
def test_voice_message_is_sent_or_scheduled(operation: Kind) -> None:
    """100 and 101 are success; a status that annex 13 does not list leaves it open."""
    assert answered(operation, {"status": 101, "campaignId": "c"}).campaign_id == "c"
    for code in (0, 1, 109, 117, "", None):
        assert type(refused(operation, {"status": code})) is ProtocolError


@each("operation", SIMPLE)
@each("number", [True, False], ids=["number", "text"])
def test_one_is_done_and_zero_is_not(operation: Kind, number: bool) -> None:
    """1 is success and 0 the gateway's refusal, as a number or as a text, with its words and its remedy."""
    done: dict[str, object] = {"status": 1 if number else "1", "media": {}, "file": "UklGRg=="}
    assert answered(operation, done).status == "1"
    name = "text" if operation in (CreateSubAccount, UpdateSubAccount) else "statusText"
    error = refused(operation, {"status": 0 if number else "0", name: "no 33612345678 here"})
    assert isinstance(error, GatewayError)
    assert (error.code, error.request) == ("0", operation.name)
    assert error.remedy
    if type(error) is GatewayError:
        assert "no 336****78 here" in str(error)
    assert "33612345678" not in str(error)


@each("operation", [*SIMPLE, CreateCode, ManageSubAccountCredits])
@each(
    "answer",
    [{}, {"status": ""}, {"status": " "}, {"status": 7}, {"status": "done"}, {"status": None}, {"status": [1]}],
    ids=repr,
)
def test_status_that_is_not_listed_leaves_a_change_open(operation: Kind, answer: dict[str, object]) -> None:
    """Neither success nor a listed refusal, the printed blank included: what became of the change is not known."""
    error = refused(operation, answer | {"statusText": "?"})
    assert type(error) is ProtocolError
    assert isinstance(error, OutcomeUnknown)


@each("name", sorted(NEVER - {"getPulls", "deleteCampaign"}))
def test_unlisted_error_of_what_is_never_repeated_leaves_it_open(name: str) -> None:
    """`error` is not how these methods are printed to refuse: they may have been carried out."""
    (operation,) = (kind for kind in EVERY if kind.name == name)
    error = refused(operation, {"error": "database"})
    assert type(error) is ProtocolError
    assert "may have been taken" in str(error)


CREDITS = [
    ("0", NotPermitted, "does not belong"),
    ("1", FlowRefused, "no sub-account in the request"),
    ("2", FlowRefused, "no credits in the request"),
    ("3", NotPermitted, "subscription"),
    ("4", InsufficientCredit, "less than the credits to take back"),
    ("5", InsufficientCredit, "Top the main account up"),
]


@each("also", [{}, {"subAccount": [{"Login": "a", "Credits": 1}]}], ids=["alone", "with an account"])
@each(("code", "kind", "what"), CREDITS, ids=[row[0] for row in CREDITS])
def test_any_figure_is_a_refusal_to_move_credits(
    code: str, kind: type[GatewayError], what: str, also: dict[str, object]
) -> None:
    """Each status of §24 has its class, 1 included, whatever else the answer holds; no credit was moved."""
    error = refused(ManageSubAccountCredits, {"status": int(code), "statusText": "…"} | also)
    assert (type(error), error.code) == (kind, code)
    assert what in str(error)
    assert "no credit was moved" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "OK"},
        {"subAccount": [{"Login": "a", "Credits": "15", "Balance": 1}]},
        {"status": "OK", "subAccount": {"Login": "a", "Credits": 15.0, "Balance": ""}},
        {"status": "", "subAccount": {"Login": "a", "Credits": 15}},
    ],
)
def test_moved_credits_are_told_by_ok_or_by_the_sub_account(answer: dict[str, object]) -> None:
    """OK, or the sub-account without a status, is success, in a list or not."""
    result = answered(ManageSubAccountCredits, answer)
    assert (result.sub_account is None) is ("subAccount" not in answer)
    if result.sub_account is not None:
        assert (result.sub_account.login, result.sub_account.credits) == ("a", 15)


@each("status", ["", " ", "1", 1, None, "OK"])
def test_code_is_created_when_it_is_there(status: object) -> None:
    """createCode succeeds when there is a code and the status is not 0."""
    assert answered(CreateCode, {"status": status, "vocalCode": 12345654}).vocal_code == "12345654"
    assert type(refused(CreateCode, {"status": 0, "statusText": "no", "vocalCode": "12345654"})) is GatewayError
    assert type(refused(CreateCode, {"status": status, "vocalCode": ""})) is ProtocolError


def test_no_sub_account_is_no_error() -> None:
    """Status 0 with its printed words is an empty list; with other words it is a refusal."""
    none = answered(GetSubAccounts, {"status": 0, "statusText": "No subaccount found"})
    assert (none.total, none.sub_accounts) == (None, ())
    body = b"<getSubAccounts><status>0</status><statusText>No subaccount found</statusText></getSubAccounts>"
    response = HttpResponse(status=200, headers={}, body=body)
    assert decode(GetSubAccounts, response, formats=Formats(answer="xml")).sub_accounts == ()
    assert type(refused(GetSubAccounts, {"status": 0, "statusText": "Database down"})) is GatewayError


@each("operation", READS)
@each("words", ["Problème de connexion", 17])
def test_error_in_place_of_what_was_asked_for_is_a_refusal(operation: Kind, words: object) -> None:
    """`error` in place of the list is the gateway's refusal, in its own words, on getPulls too."""
    error = refused(operation, {"error": words})
    assert (type(error), error.request) == (GatewayError, operation.name)
    assert str(words) in str(error)


@each("operation", READS)
@each("answer", [{}, {"error": ""}, {"else": 1}], ids=repr)
def test_answer_without_what_was_asked_for_is_no_answer(operation: Kind, answer: dict[str, object]) -> None:
    """An object with none of the documented fields is not taken for an empty list."""
    assert type(refused(operation, answer)) is ProtocolError


def test_refusal_beside_what_was_sent_is_a_refusal() -> None:
    """Status 0 is a refusal even if the answer repeats the address that was to be shortened."""
    error = refused(ShortenUrl, {"status": 0, "statusText": "not reachable", "url": "http://a"})
    assert (type(error), error.code) == (GatewayError, "0")


def test_reply_that_cannot_be_read_loses_no_other() -> None:
    """getPulls hands each answer out once: whatever one field holds, every answer is there, and raw has it all."""
    mos: list[object] = [
        {"phoneNumber": ["x"], "id": {}, "campaignId": {"a": 1}, "message": ["m"], "receptionDate": [1]},
        {"phoneNumber": " 33612345678 ", "id": 7, "campaignId": "c ", "message": " oui ", "receptionDate": "never"},
    ]
    result = answered(GetPulls, {"mos": mos})
    first, second = result.mos
    assert (first.phone_number, first.message, first.reception_date) == (None, None, None)
    assert (second.phone_number, second.id, second.campaign_id, second.message) == ("33612345678", "7", "c", " oui ")
    assert result.raw["mos"] == mos
