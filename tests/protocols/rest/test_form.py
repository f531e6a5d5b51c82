"""Form fields on the wire: nothing changed, nothing unsafe, the key in the body alone."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidRequest, InvalidSchedule, InvalidText
from allmysms_async.exchange import HttpRequest
from allmysms_async.model import Recipient, Secret
from allmysms_async.protocols.rest.campaigns import GetCampaignsInfo
from allmysms_async.protocols.rest.codec import Credentials, encode
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimpleSend
from tests.cases import each

KEY = "k3y-0f-the-account+/="
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


def encoded(operation: Operation[Any], *, sub_account: str | None = None) -> HttpRequest:
    """Encode an operation for a demo account."""
    named = None if sub_account is None else Secret(sub_account)
    credentials = Credentials(login=Secret("demo"), api_key=Secret(KEY), sub_account=named)
    return encode(operation, credentials, base_url="https://gateway.test", timeout=7, max_response_bytes=1000)


def fields(request: HttpRequest) -> dict[str, str]:
    """Return the form fields of a request, as a server reads them."""
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@given(text=TEXTS, campaign=TEXTS, params=st.lists(TEXTS, min_size=2, max_size=2))
def test_flow_is_read_back_as_it_was(text: str, campaign: str, params: list[str]) -> None:
    """Whatever a text, a name or a value holds, the flow's JSON carries it unchanged."""
    operation = SendSms(text, [Recipient("33612345678", tuple(params))], dynamic=2, campaign_name=campaign)
    data = json.loads(fields(encoded(operation))["smsData"])["DATA"]
    assert (data["MESSAGE"], data["CAMPAIGN_NAME"], data["DYNAMIC"]) == (text, campaign, "2")
    assert data["SMS"] == [{"MOBILEPHONE": "33612345678", "PARAM_1": params[0], "PARAM_2": params[1]}]


@each(
    "text",
    [
        "</MESSAGE><SMS>",
        "]]>",
        "&amp; & &#38;",
        "a=b&apiKey=other",
        'say "hi" \\ \\n',
        "100 % + 1",
        "deux\nlignes",
        "# ;,?/:@",
        "€ é œ 👋",
        "\u2028",
    ],
)
def test_special_characters_stay_text(text: str) -> None:
    """What means something in XML, JSON or a form is a text like any other; a newline stays one character."""
    assert fields(encoded(SimpleSend(text, "33612345678")))["message"] == text
    flow = fields(encoded(SendSms(text, [Recipient("33612345678")])))["smsData"]
    assert json.loads(flow)["DATA"]["MESSAGE"] == text


def test_key_is_in_the_body_alone() -> None:
    """The key is one form field, and neither in the address nor in a header."""
    request = encoded(SendSms("Bonjour", [Recipient("33612345678")]), sub_account="jdoe_subaccount")
    assert fields(request)["apiKey"] == KEY
    outside = [request.url, request.method, request.name, *request.headers, *request.headers.values(), repr(request)]
    assert not any(KEY in unquote(part) for part in outside)
    assert "?" not in request.url


def test_sub_account_travels_in_its_header() -> None:
    """Acting for a sub-account is said in the header of annex 14, and only then."""
    operation = GetAcks("c-1")
    assert encoded(operation, sub_account="jdoe_subaccount").headers["Allmysms-Subaccount"] == "jdoe_subaccount"
    assert "Allmysms-Subaccount" not in encoded(operation).headers


def test_form_says_what_it_is() -> None:
    """A request says that it is a form, in UTF-8, and keeps the caller's limits."""
    request = encoded(GetAcks("c-1"))
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert (request.timeout, request.max_response_bytes) == (7, 1000)


def test_flow_holds_every_option_under_its_printed_name() -> None:
    """Each variable of §7.2 travels under its printed name, as text; those not given do not travel."""
    operation = SendSms(
        "Bonjour",
        [Recipient("33612345678")],
        cli_msg_id="order-7",
        tracking=True,
        coding=2,
        alerting=False,
        verbose=True,
        unique_identifier="k-1",
    )
    assert json.loads(fields(encoded(operation))["smsData"]) == {
        "DATA": {
            "MESSAGE": "Bonjour",
            "CLIMSGID": "order-7",
            "TRACKING": "1",
            "CODING": "2",
            "ALERTING": "0",
            "VERBOSE": "1",
            "UNIQUEIDENTIFIER": "k-1",
            "SMS": [{"MOBILEPHONE": "33612345678"}],
        }
    }


def test_simple_send_holds_every_option_under_its_printed_name() -> None:
    """Each parameter of §6 travels under its printed name."""
    date = datetime(2027, 1, 2, 9, tzinfo=UTC)
    operation = SimpleSend("Bonjour", "33612345678", date=date, campaign="c", coding=1, unique_identifier="k-1")
    assert fields(encoded(operation)) == {
        "login": "demo",
        "apiKey": KEY,
        "returnformat": "json",
        "message": "Bonjour",
        "mobile": "33612345678",
        "date": "2027-01-02 10:00:00",
        "campaign": "c",
        "coding": "1",
        "uniqueidentifier": "k-1",
    }


@pytest.mark.parametrize(("month", "shown"), [(1, "13:30:00"), (7, "14:30:00")])
def test_date_travels_by_the_clocks_of_paris(month: int, shown: str) -> None:
    """A moment is written as the clocks of Paris show it, in winter and in summer."""
    moment = datetime(2027, month, 2, 12, 30, tzinfo=UTC)
    assert fields(encoded(SimpleSend("a", "b", date=moment)))["date"] == f"2027-0{month}-02 {shown}"


@pytest.mark.parametrize(
    "operation",
    [
        SendSms("a", [Recipient("33612345678")], date=datetime(2027, 1, 2)),
        SimpleSend("a", "b", date=datetime(2027, 1, 2)),
        GetCampaignsInfo(datetime(2027, 1, 2), datetime(2027, 1, 3)),
    ],
)
def test_naive_date_is_refused(operation: Operation[Any]) -> None:
    """A date without a time zone is refused here, rather than read in the machine's own."""
    with pytest.raises(InvalidSchedule):
        encoded(operation)


@pytest.mark.parametrize(
    "operation",
    [SendSms("a\ud800", [Recipient("33612345678")]), SimpleSend("a\ud800", "b"), GetAcks("\udcff")],
)
def test_half_a_character_is_refused(operation: Operation[Any]) -> None:
    """A text that UTF-8 cannot carry is refused with a typed error that does not show it."""
    with pytest.raises(InvalidText) as caught:
        encoded(operation)
    assert isinstance(caught.value, InvalidRequest)
    assert caught.value.reason == "malformed"
