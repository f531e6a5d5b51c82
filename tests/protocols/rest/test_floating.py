"""Fields whose types, names and shapes float from one answer to the next."""

import contextlib
import html
import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import AllMySmsError, ProtocolError
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Accepted, Recipient, Secret, Unconfirmed
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.blacklist import GetBlacklist
from allmysms_async.protocols.rest.campaigns import GetCampaignInfo, GetCampaignsInfo, GetCampaignStats
from allmysms_async.protocols.rest.codec import Formats, decode
from allmysms_async.protocols.rest.contacts import GetContacts, PopulateList
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.replies import GetPull, GetPulls
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sms import SendSms
from allmysms_async.protocols.rest.sub_accounts import GetSubAccounts
from allmysms_async.protocols.rest.wire import known_names
from tests.cases import each

OPERATIONS: list[type[Operation[Any]]] = sorted(Operation.__subclasses__(), key=lambda kind: kind.name)
SENT = {"status": 100, "statusText": "Your messages have been sent"}


def answered(operation: type[Operation[Any]], answer: object) -> Any:
    """Decode an answer given as Python values."""
    return decode(operation, HttpResponse(status=200, headers={}, body=json.dumps(answer).encode()))


# -- types ------------------------------------------------------------------------------------------------------------


@each("written", [340, "340", 340.0, "340.0", " 340 ", "3.4e2"])
def test_amount_is_decimal_however_it_is_written(written: object) -> None:
    """Credits are one Decimal, written as a number or as a text."""
    credits = answered(SendSms, SENT | {"credits": written}).credits
    assert (credits, type(credits)) == (Decimal(340), Decimal)


@pytest.mark.parametrize("written", [3, "3", 3.0, "3.0"])
def test_count_is_int_however_it_is_written(written: object) -> None:
    """A count is one int, written as a number or as a text."""
    count = answered(SendSms, SENT | {"nbContacts": written}).nb_contacts
    assert (count, type(count)) == (3, int)


@pytest.mark.parametrize("nothing", ["", None, "  "])
def test_nothing_is_none(nothing: object) -> None:
    """An empty field is the same as an absent one."""
    result = answered(SendSms, SENT | {"credits": nothing, "nbSms": nothing, "nbContacts": nothing})
    assert (result.credits, result.nb_sms, result.nb_contacts) == (None, None, None)


@pytest.mark.parametrize("status", [100, "100"])
def test_status_counts_as_number_or_text(status: object) -> None:
    """A send is accepted whether its status is a number or a text."""
    assert answered(SendSms, {"status": status}).status == "100"


@each(
    ("written", "expected"),
    [(True, True), (False, False), ("true", True), ("false", False), ("1", True), (0, False), ("", None)],
)
def test_flag_is_bool_however_it_is_written(written: object, expected: bool | None) -> None:
    """Whether a link is tracked is one bool, whatever stands for it."""
    assert answered(GetCampaignInfo, {"campaign": {"id": "a", "tracking": written}}).campaign.tracking is expected


@pytest.mark.parametrize("shown", ["2018-03-19 15:41:00", "2018-03-19\n15:41:00", "2018-03-19  15:41"])
def test_date_is_of_paris(shown: str) -> None:
    """A date is aware and of Paris, also where the manual prints a line break in it."""
    moment = answered(GetAckBySmsId, {"status": "1", "receptionDate": shown, "phoneNumber": "33612345678"})
    assert moment.reception_date == datetime(2018, 3, 19, 15, 41, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize("shown", ["0000-00-00 00:00:00", "", "soon", None])
def test_date_that_is_none_is_none(shown: str | None) -> None:
    """What is no date does not make a report unreadable."""
    result = answered(GetAckBySmsId, {"status": "1", "receptionDate": shown, "phoneNumber": "33612345678"})
    assert (result.status, result.reception_date) == ("1", None)


@pytest.mark.parametrize("shown", [[1], ["2018-03-19 15:41:00"], {"date": "2018-03-19"}])
def test_date_that_is_no_text_is_not_the_manuals_answer(shown: object) -> None:
    """A list or an object in place of a date is told by the field's name, and not passed over as no date."""
    with pytest.raises(ProtocolError, match="receptionDate"):
        answered(GetAckBySmsId, {"status": "1", "receptionDate": shown, "phoneNumber": "33612345678"})


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["statut", "status"])
@pytest.mark.parametrize("value", [1, "1"])
def test_report_status_is_read_under_both_names(name: str, value: object) -> None:
    """getAcks prints `statut` in its samples and `status` in its table."""
    (ack,) = answered(GetAcks, {"acks": [{"phoneNumber": "33612345678", name: value}]}).acks
    assert ack.status == "1"


@pytest.mark.parametrize("name", ["cliMsgId", "climsgid"])
def test_own_identifier_is_read_under_both_names(name: str) -> None:
    """getAcks prints the caller's own identifier in two spellings."""
    assert answered(GetAcks, {"acks": [], name: "order-7"}).cli_msg_id == "order-7"


@each("name", ["tpoa", "tppa", "tboa"])
@each("operation", [GetCampaignInfo, GetCampaignStats])
def test_sender_is_read_under_its_printed_names(operation: type[Operation[Any]], name: str) -> None:
    """The sender is read as `tpoa`, and as the two misprints of it."""
    assert answered(operation, {"campaign": {name: "allmysms"}}).campaign.tpoa == "allmysms"


@each("name", ["usedLists", "lists"])
@each("value", ["a|b", ["a", "b"], {"list": "a"}])
def test_used_lists_are_kept_as_they_came(name: str, value: object) -> None:
    """The lists of a campaign are read under both names, in whatever shape."""
    assert answered(GetCampaignInfo, {"campaign": {name: value}}).campaign.used_lists == value


@each(("ordered", "sent"), [("dateCommand", "dateSent"), ("commandDate", "sendingDate"), ("commandDate", "dateSent")])
@each("operation", [GetCampaignInfo, GetCampaignStats])
def test_dates_of_a_campaign_are_read_under_both_names(
    operation: type[Operation[Any]], ordered: str, sent: str
) -> None:
    """getCampaignStats names its dates otherwise than getCampaignInfo; each reads both."""
    answer = {"campaign": {ordered: "2018-03-18 12:33:51", sent: "2018-03-19 15:41:00"}}
    campaign = answered(operation, answer).campaign
    assert campaign.command_date.isoformat() == "2018-03-18T12:33:51+01:00"
    assert campaign.sending_date.isoformat() == "2018-03-19T15:41:00+01:00"


def test_name_that_holds_something_wins() -> None:
    """A field that is there under two names, one of them empty, is the other one."""
    assert answered(GetCampaignInfo, {"campaign": {"tpoa": "", "tppa": "allmysms"}}).campaign.tpoa == "allmysms"


@pytest.mark.parametrize("name", ["treatmentStatus", "treatmentstatus"])
def test_replayed_answer_is_told_by_both_spellings(name: str) -> None:
    """The answer to an earlier request with the same key carries one field more."""
    assert answered(SendSms, SENT | {name: "already"}).treatment_status == "already"


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        [{"phoneNumber": "33612345678", "smsId": "a"}],
        {"phoneNumber": "33612345678", "smsId": "a"},
        {"sms": [{"phoneNumber": "33612345678", "smsId": "a"}]},
        {"sms": {"phoneNumber": 33612345678, "smsId": "a"}},
    ],
)
def test_list_is_read_in_every_shape(ids: object) -> None:
    """A list comes as one, as a single object, or wrapped as XML wraps it."""
    (entry,) = answered(SendSms, SENT | {"smsIds": ids}).sms_ids
    assert (entry.phone_number, entry.sms_id) == ("33612345678", "a")


@pytest.mark.parametrize("nothing", ["", None, {}, []])
def test_list_without_elements_is_empty(nothing: object) -> None:
    """No reports at all is an empty tuple, however it is written."""
    assert answered(GetAcks, {"acks": nothing}).acks == ()


EMPTY = [None, "", "  ", {}, []]


@each("nothing", EMPTY)
@each(("name", "operation"), [("acks", GetAcks), ("mos", GetPulls), ("contacts", GetContacts)])
def test_empty_element_of_a_list_is_none(operation: type[Operation[Any]], name: str, nothing: object) -> None:
    """An element that holds nothing, as XML writes it, is no report, answer or contact."""
    one = {"phoneNumber": "33612345678", "MOBILEPHONE": "33612345678"}
    (found,) = getattr(answered(operation, {name: [nothing, one, nothing]}), name)
    assert found
    assert getattr(answered(operation, {name: [nothing]}), name) == ()


@each("nothing", EMPTY)
def test_send_that_was_taken_is_read_whatever_its_list_holds(nothing: object) -> None:
    """Empty identifiers do not make a taken send an error: who is told of is accepted, who is not is not confirmed."""
    ids = [nothing, {"phoneNumber": "33612345678", "smsId": "a"}]
    found = neutral_of(SendSms, answered(SendSms, SENT | {"smsIds": ids}))
    assert [type(entry) for entry in found.results] == [Accepted, Unconfirmed]


@each("odd", ["x", 7, True, ["x"], [["x"]], 1.5])
@each("operation", [GetPulls, GetPull])
def test_answer_that_is_none_loses_no_other(operation: type[Operation[Any]], odd: object) -> None:
    """What is no answer is in ``raw`` alone; the page, which is handed out once, is not lost."""
    mos = [{"phoneNumber": "33612345678", "message": "oui"}, odd]
    result = answered(operation, {"mos": mos})
    assert [mo.message for mo in result.mos] == ["oui"]
    assert result.raw["mos"] == mos
    assert answered(operation, {"mos": odd}).mos == ()


@each("name", ["apiKey", "apikey", "APIKEY", "ApiKey", "api_key", "password", "Password", "passCode"])
@each("wrap", [lambda one: one, lambda one: [{"x": one}], lambda one: {"x": {"y": [one]}}])
@each("value", ["S3CRET", {"0": "S3CRET"}, ["S3CRET"]])
def test_secret_is_wrapped_in_raw_however_it_is_written(name: str, wrap: Any, value: object) -> None:
    """Keys and passwords are wrapped in ``raw``, whatever their case and however deep they are."""
    raw = answered(GetContacts, {"contacts": [{"a": "b"}], "more": wrap({name: value}), name: value}).raw
    assert "S3CRET" not in repr(raw)
    assert type(raw[name]) is Secret


# -- whatever the values ----------------------------------------------------------------------------------------------


def test_every_operation_is_tried() -> None:
    """What follows tries each of the 38 methods."""
    assert len({kind.name for kind in OPERATIONS}) == len(OPERATIONS) == 38


NAMES = sorted(
    {wire_name for operation in OPERATIONS for wire_name in known_names(operation.result_type())}
    | {
        "error",
        "text",
        "acks",
        "mo",
        "mos",
        "contact",
        "subAccount",
        "Login",
        "Credits",
        "sms",
        "list",
        "phoneNumber",
        "smsId",
        "statut",
        "number",
        "reason",
        "date",
        "tppa",
        "lists",
        "dateSent",
    }
)


def neutral_of(operation: type[Operation[Any]], result: Any) -> Any:
    """Say in the neutral vocabulary what was read."""
    if operation is SendSms:
        return receipt(result, [Recipient("33612345678"), Recipient("33698765432")], 2, None)
    if operation in {GetPulls, GetPull}:
        return [neutral.reply(mo) for mo in result.mos]
    if operation is GetBlacklist:
        return [neutral.opt_out(entry) for entry in result.blacklist]
    if operation is GetSubAccounts:
        return [neutral.sub_account(info) for info in result.sub_accounts]
    if operation is GetCampaignsInfo:
        return [neutral.summary(info) for info in result.campaigns]
    if operation is GetAcks:
        return [neutral.report(ack, ack.sms_id) for ack in result.acks]
    if operation is GetAckBySmsId:
        return neutral.report(result, "a")
    if operation is GetInfo:
        return neutral.account(result)
    if operation is PopulateList:
        return neutral.list_change(result, 2)
    return None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "0", "100", "101", "102", "104", "114", "160", "OK", "NaN", "Infinity", "-1", "1e99", "1_0"])
    | st.sampled_from(["33612345678", "33612345678|", "2018-03-19 15:41:00", "blacklist_stop", "9999-99-99", "1,5"])
    | st.sampled_from([100, 101, 114, 33612345678])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner | st.sampled_from([None, "", {}, []]), max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner)
    ),
    max_leaves=12,
)
ANSWERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12)


@given(operation=st.sampled_from(OPERATIONS), answer=ANSWERS, sent=st.booleans())
def test_answer_is_read_or_refused_with_a_typed_error(
    operation: type[Operation[Any]], answer: dict[str, object], sent: bool
) -> None:
    """Documented fields with any values give a result or an error of this library, and nothing else."""
    body = msgspec.json.encode(answer | SENT if sent else answer)
    try:
        result = decode(operation, HttpResponse(status=200, headers={}, body=body), passing=frozenset({"114"}))
        found = neutral_of(operation, result)
    except AllMySmsError:
        return
    assert repr(result)
    if operation is SendSms:
        assert [entry.phone for entry in found.results] == ["33612345678", "33698765432"]


def as_xml(name: str, value: object) -> str:
    """Return a value as XML would hold it: a list as its name again and again."""
    if isinstance(value, list):
        return "".join(as_xml(name, one) for one in value)
    if isinstance(value, dict):
        inner = "".join(as_xml(key, one) for key, one in value.items())
    elif value is None:
        inner = ""
    else:
        inner = html.escape("".join(c for c in str(value) if c.isprintable()))
    return f"<{name}>{inner}</{name}>"


@given(operation=st.sampled_from(OPERATIONS), answer=ANSWERS, sent=st.booleans())
def test_xml_answer_is_read_or_refused_with_a_typed_error(
    operation: type[Operation[Any]], answer: dict[str, object], sent: bool
) -> None:
    """The same in XML: a result or an error of this library, and nothing else."""
    body = as_xml("answer", answer | SENT if sent else answer).encode()
    formats = Formats(flow="xml", answer="xml")
    try:
        result = decode(operation, HttpResponse(status=200, headers={}, body=body), formats=formats)
        found = neutral_of(operation, result)
    except AllMySmsError:
        return
    assert repr(result)
    if operation is SendSms:
        assert [entry.phone for entry in found.results] == ["33612345678", "33698765432"]


@given(value=VALUES)
def test_unreadable_money_leaves_a_send_open(value: object) -> None:
    """A send whose answer holds nonsense is never said to be refused: its outcome is not known."""
    body = msgspec.json.encode(SENT | {"credits": value})
    with contextlib.suppress(ProtocolError):
        assert decode(SendSms, HttpResponse(status=200, headers={}, body=body)).status == "100"
