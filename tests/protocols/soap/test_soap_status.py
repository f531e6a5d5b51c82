"""The manual's tables: each number and word is one typed error or one state, with the protocol's own code kept."""

import pickle
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import judge
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    FaultRefused,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    NotPermitted,
    NoValidNumber,
    ProtocolError,
    ScheduleRefused,
    ServerFailure,
    TextRefused,
)
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import DeliveryStatus
from allmysms_async.protocols.soap import status
from allmysms_async.protocols.soap.account import CreateSubAccount, DeleteCampaign, GetInfo, GetStop
from allmysms_async.protocols.soap.codec import decode
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.reports import GetAcks, GetPull
from allmysms_async.protocols.soap.sms import SendSms
from tests.cases import each


def said(operation: type[Operation[Any]], inner: str) -> Any:
    """Return what an answer that holds these elements is read as."""
    body = f"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body><{operation.name}Response>
        <return>{inner}</return></{operation.name}Response></E:Body></E:Envelope>""".encode()
    return decode(operation, HttpResponse(status=200, headers={}, body=body))


def refused(operation: type[Operation[Any]], inner: str) -> AllMySmsError:
    """Return the error that an answer is read as."""
    with pytest.raises(AllMySmsError) as caught:
        said(operation, inner)
    error: AllMySmsError = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  its own bytes
    assert error.request == operation.name
    return error


ANNEX_1 = {
    "102": AuthenticationFailed,
    "103": InsufficientCredit,
    "104": InsufficientCredit,
    "105": FlowRefused,
    "106": FlowRefused,
    "109": FlowRefused,
    "110": FlowRefused,
    "111": TextRefused,
    "112": NoValidNumber,
    "114": NoValidNumber,
    "115": ScheduleRefused,
}


@each(("code", "kind"), ANNEX_1.items(), ids=ANNEX_1)
def test_refusal_of_a_send_is_typed(code: str, kind: type[AllMySmsError]) -> None:
    """Each refusal of annex 1 is its own error, says that nothing was sent, and keeps its number."""
    error = refused(SendSms, f"<status>{code}</status><statusText>non</statusText>")
    assert (type(error), error.code) == (kind, code)
    assert "nothing" in str(error)
    stops = kind in {AuthenticationFailed, InsufficientCredit, ScheduleRefused}
    assert judge(error, keyed=False, unanswered=False) is (ChunkEvent.RELEASE if stops else ChunkEvent.REJECT)


def test_tables_are_the_manual_s() -> None:
    """No status of the annexes is left out."""
    assert set(status.SEND) | status.SEND_SUCCESS | {status.PARTLY_SENT} == set(ANNEX_1) | {"100", "101", "113"}
    assert set(status.DELIVERY) == set("12345")
    assert set(ANNEX_4) <= set(status.CANCEL)


def test_credits_that_are_missing_are_told() -> None:
    """104 says what the request needs and what is left."""
    words = "Crédit insuffisant pour traiter cet envoi. A utiliser: 1 530 Crédits, Disponibles: 12,5 Crédits."
    error = refused(SendSms, f"<status> 104 </status><statusText>{words}</statusText>")
    assert isinstance(error, InsufficientCredit)
    assert (error.needed, error.available) == (Decimal(1530), Decimal("12.5"))


@pytest.mark.parametrize("code", ["100", "101", "113"])
def test_success_of_a_send_is_no_error(code: str) -> None:
    """Sent, scheduled and sent to some are results."""
    assert said(SendSms, f"<status>{code}</status>").status == code


@pytest.mark.parametrize("operation", [GetAcks, GetPull])
def test_nothing_to_list_is_an_empty_list(operation: type[Operation[Any]]) -> None:
    """Section B's 1 is no error: there is nothing yet; an absent, nil or empty list is an empty one."""
    for inner in ("", "<acks/><answer/>", "<pulls/>"):
        result = said(operation, f"<status>1</status>{inner}<cliMsgId>x</cliMsgId>")
        assert (result.status, result.cli_msg_id) == ("1", "x")
        assert (getattr(result, "acks", ()), getattr(result, "pulls", ())) == ((), ())


@each(("code", "kind"), [("2", NotPermitted), ("3", GatewayError), ("102", AuthenticationFailed), ("7", ProtocolError)])
@each("operation", [GetAcks, GetPull, GetStop])
def test_refusal_to_list_is_typed(operation: type[Operation[Any]], code: str, kind: type[AllMySmsError]) -> None:
    """Section B's 2 is no access and 3 a failure of the gateway's; what it does not list is no answer."""
    error = refused(operation, f"<status>{code}</status>")
    assert (type(error), error.code) == (kind, code)


ANNEX_3: list[tuple[str, type[AllMySmsError] | None]] = [
    ("300", None),
    ("active account", None),
    ("Compte actif", None),
    ("301", AuthenticationFailed),
    ("Compte inexistant", AuthenticationFailed),
    ("302", NotPermitted),
    ("Vous n'avez pas accès aux informations concernant ce compte", NotPermitted),
    ("303", NotPermitted),
    ("Compte inactif", NotPermitted),
    ("304", ProtocolError),
    ("whatever", ProtocolError),
    ("", ProtocolError),
]


@each(("word", "kind"), ANNEX_3)
def test_state_of_the_account_is_read_as_number_and_as_word(word: str, kind: type[AllMySmsError] | None) -> None:
    """Annex 3 is read as its numbers and as its words; only an active account is a result."""
    inner = f"<status>{word}</status><credits>14,10</credits>"
    if kind is None:
        assert (said(GetInfo, inner).status, said(GetInfo, inner).credits) == (word, None)
    else:
        assert type(refused(GetInfo, inner)) is kind


ANNEX_4 = {
    "CAMPNOTFOUND": CampaignNotFound,
    "BADCAMPAIGNSENDINGTYPE": CampaignNotCancellable,
    "CAMPAIGNALREADYDELETED": CampaignNotCancellable,
    "BADCAMPAIGNSTATUS": CampaignNotCancellable,
    "BADDATETOSEND": CampaignNotCancellable,
    "CAMPALREADYSENT": CampaignNotCancellable,
}


@each(("code", "kind"), ANNEX_4.items(), ids=ANNEX_4)
def test_refusal_to_cancel_is_typed(code: str, kind: type[AllMySmsError]) -> None:
    """Each word of annex 4 is its error, and keeps its word."""
    error = refused(DeleteCampaign, f"<status>{code}</status>")
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize("word", ["OK", "ok", " OK "])
def test_cancelled_is_read_however_it_is_written(word: str) -> None:
    """OK is OK, within its element or as the whole answer."""
    assert said(DeleteCampaign, f"<status>{word}</status>").status == "OK"
    assert said(DeleteCampaign, word).status == "OK"


ANNEX_5 = {
    "bad parameters": FlowRefused,
    "bad FIRSTNAME format": FlowRefused,
    "bad LASTNAME format": FlowRefused,
    "bad LOGIN format": FlowRefused,
    "bad PASSWORD format": FlowRefused,
    "bad EMAIL format": FlowRefused,
    "The login already exists": FlowRefused,
    "something else": GatewayError,
}


@each(("words", "kind"), ANNEX_5.items(), ids=ANNEX_5)
def test_refusal_to_create_is_typed(words: str, kind: type[AllMySmsError]) -> None:
    """Each text of annex 5 is its error, with its words as the code where the table has them."""
    error = refused(CreateSubAccount, f"<status>0</status><text>{words}</text>")
    assert (type(error), error.code) == (kind, words.lower() if kind is FlowRefused else "0")


@pytest.mark.parametrize("status_code", ["<status>1</status>", ""])
def test_created_is_read(status_code: str) -> None:
    """Success is the figure 1, or the table's text where there is no figure."""
    inner = f"{status_code}<text>Sub-account successfully created</text>"
    assert said(CreateSubAccount, inner).text == "Sub-account successfully created"
    assert said(CreateSubAccount, "<status>1</status>").text is None


@pytest.mark.parametrize(
    "inner", ["", "<status>5</status>", "<status>0</status><text>Sub-account successfully created</text>"]
)
def test_creation_that_is_not_confirmed_is_no_success(inner: str) -> None:
    """An answer that contradicts itself, or says nothing, never counts as created."""
    assert isinstance(refused(CreateSubAccount, inner), ProtocolError | GatewayError)


@each(
    ("code", "state"),
    [
        ("1", DeliveryStatus.DELIVERED),
        ("2", DeliveryStatus.UNDELIVERED),
        ("3", DeliveryStatus.HANDED_TO_OPERATOR),
        ("4", DeliveryStatus.REJECTED),
        ("5", DeliveryStatus.UNKNOWN_NUMBER),
    ],
)
def test_state_of_a_text_is_that_of_v9(code: str, state: DeliveryStatus) -> None:
    """Annex 2 means what v9's annex 3 means."""
    assert status.DELIVERY[code] is state


def test_list_without_a_list_is_no_answer() -> None:
    """getStop without a status and without a list says nothing; a bare list is one."""
    assert isinstance(refused(GetStop, "<other>1</other>"), ProtocolError)
    stops = said(GetStop, "<item><phoneNumber>336</phoneNumber></item>").stops
    assert [stop.phone_number for stop in stops] == ["336"]
    assert said(GetStop, "<status>1</status>").stops == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [("0000-00-00 00:00:00", None), ("", None), ("25-06-2013 11:32:03", "2013-06-25T11:32:03+02:00")],
)
def test_date_of_a_reply_is_read_as_it_may_be_written(written: str, read: str | None) -> None:
    """The database's zero is no date, and the order of the manual's table is read too."""
    inner = f"<status>0</status><acks><item><receptionDate>{written}</receptionDate></item></acks>"
    (ack,) = said(GetAcks, inner).acks
    assert (ack.reception_date and ack.reception_date.isoformat()) == read


@pytest.mark.parametrize("written", ["yesterday", "2013-13-45 11:32:03", "31-02-2013 00:00:00"])
def test_date_that_is_none_loses_nothing_else(written: str) -> None:
    """A date that cannot be read is None; the report, and those beside it, are kept."""
    item = f"<item><phoneNumber>33612345678</phoneNumber><receptionDate>{written}</receptionDate></item>"
    (ack, other) = said(GetAcks, f"<status>0</status><acks>{item}{item}</acks>").acks
    assert (ack.phone_number, ack.reception_date, other) == ("33612345678", None, ack)


@pytest.mark.parametrize(
    "empty", ["<item/>", "<item> </item>", '<item xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="1"/>']
)
def test_empty_item_is_none(empty: str) -> None:
    """An item that is nil or empty is no report and loses none."""
    item = "<item><phoneNumber>33612345678</phoneNumber><status>1</status></item>"
    (ack,) = said(GetAcks, f"<status>0</status><acks>{item}{empty}</acks>").acks
    assert ack.status == "1"


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("<status>Sub-account successfully created</status>", "Sub-account successfully created"),
        ("<status>1</status><text>Sub-account successfully created</text>", "Sub-account successfully created"),
        ("<status>1</status>", None),
        ("<text>sub-account successfully created</text>", "sub-account successfully created"),
    ],
)
def test_annex_5_s_words_are_read_in_either_field(inner: str, told: str | None) -> None:
    """A sub-account is created whether the words come beside the figure or in its place."""
    assert said(CreateSubAccount, inner).text == told


def test_figures_are_read_of_104_alone() -> None:
    """103 says that there is no credit left; a figure in its words is none of the request's."""
    assert refused(SendSms, "<status>103</status><statusText>33 612 345 678 - 12</statusText>").needed is None
    assert refused(SendSms, "<status>104</status><statusText>30 credits, 12</statusText>").needed == Decimal(30)


def test_faults_end_a_send_as_the_design_says() -> None:
    """A Fault Client is failed and may be sent again; a Fault Server is unknown, and never repeated."""
    assert judge(FaultRefused("x"), keyed=False, unanswered=False) is ChunkEvent.FAIL
    assert judge(ServerFailure("x"), keyed=False, unanswered=False) is ChunkEvent.LOSE
