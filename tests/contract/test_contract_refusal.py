"""What a refusal carries, and what an answer is called that is none, over the protocols."""

import json
import pickle
from typing import Any

import pytest
from rich.pretty import pretty_repr

from allmysms_async import MmsBackend, NoValidNumber, Recipient, RestBackend, SmsService, SoapBackend
from allmysms_async.errors import ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse, described
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.sms import SendSms
from allmysms_async.protocols.soap.codec import decode as soap_decode
from allmysms_async.protocols.soap.sms import SendSms as SoapSendSms
from allmysms_async.redaction import Unshown
from tests.cases import each

PHONE = "33612345678"
HEAD = '<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body>'
FOOT = "</E:Body></E:Envelope>"


class Fixed:
    """A transport whose server gives one answer."""

    def __init__(self, body: str) -> None:
        """Give an answer."""
        self.body = body

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse(status=200, headers={}, body=self.body.encode())

    async def aclose(self) -> None:
        """Do nothing."""


def soap(inner: str, wrapper: str = "sendSmsResponse") -> str:
    """Return a SOAP answer."""
    return f"{HEAD}<{wrapper}><return>{inner}</return></{wrapper}>{FOOT}"


def rest(body: str) -> RestBackend:
    """Return the v9 backend over an answer."""
    return RestBackend("demo", "demo-key", transport=Fixed(body))


REFUSALS = {
    "rest": rest(json.dumps({"status": 114, "invalidNumbers": f"{PHONE}|"})),
    "rest in xml": rest(f"<sendSms><status>114</status><invalidNumbers>{PHONE}|</invalidNumbers></sendSms>"),
    "rest with details": rest(
        json.dumps({"status": 100, "discardedNumbersDetails": [{"number": PHONE, "reason": "blacklist_stop"}]})
    ),
    "soap": SoapBackend(
        "demo",
        "demo-pass",
        transport=Fixed(soap(f"<status>114</status><invalidNumbers>{PHONE}</invalidNumbers>")),
    ),
    "mms": MmsBackend(
        "demo", "demo-pass", transport=Fixed(f"Status=123\nStatusText=No\nInvalidNums={PHONE}\nCampaignID=\n")
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_send_that_is_refused_whole_carries_its_numbers_and_shows_none(name: str) -> None:
    """NoValidNumber tells whom the gateway refused, the same over every protocol, and shows nobody's number."""
    async with SmsService(REFUSALS[name]) as sms:
        with pytest.raises(NoValidNumber) as caught:
            await sms.send("Bonjour", "06 12 34 56 78")
    error = caught.value
    assert error.numbers == (PHONE,)
    for shown in (str(error), repr(error), repr(vars(error)), pretty_repr(error.numbers), f"{error.numbers}"):
        assert "12345" not in shown
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # it was made here
    assert (again.numbers, type(again.numbers)) == ((PHONE,), Unshown)


def test_numbers_that_are_none_are_told_as_they_came() -> None:
    """What no form fits is told as the gateway wrote it."""
    body = soap("<status>114</status><statusText>No valid number</statusText><invalidNumbers>01|zz</invalidNumbers>")
    with pytest.raises(NoValidNumber) as caught:
        soap_decode(SoapSendSms, HttpResponse(status=200, headers={}, body=body.encode()))
    assert caught.value.numbers == ("01", "zz")
    with pytest.raises(NoValidNumber) as caught:
        decode(
            SendSms,
            HttpResponse(status=200, headers={}, body=json.dumps({"status": 114, "invalidNumbers": "01|zz|"}).encode()),
        )
    assert caught.value.numbers == ("01", "zz")


@pytest.mark.parametrize("broken", ["<invalidNumbers><a>1</a></invalidNumbers>", "<invalidNumbers/>", ""])
def test_refusal_stays_one_whatever_its_list_is(broken: str) -> None:
    """A list that cannot be read does not turn a refusal into an open question."""
    body = soap(f"<status>114</status>{broken}")
    with pytest.raises(NoValidNumber) as caught:
        soap_decode(SoapSendSms, HttpResponse(status=200, headers={}, body=body.encode()))
    assert caught.value.numbers == ()


@each("wrapper", ["sendSmsResponse", "sendSmsReturn", "Response", "result", "sendSms"])
def test_soap_answer_is_read_by_its_place(wrapper: str) -> None:
    """SOAP leaves the name of an answer's wrapper open: the first element of the body is the answer."""
    body = soap("<status>100</status><campaignId>c-1</campaignId>", wrapper)
    result: Any = soap_decode(SoapSendSms, HttpResponse(status=200, headers={}, body=body.encode()))
    assert (result.status, result.campaign_id) == ("100", "c-1")


@pytest.mark.parametrize(
    "content",
    [
        "<sendSms><clientCode>demo</clientCode><passCode>S3CRET</passCode><status>100</status></sendSms>",
        "<getAcksResponse><return><status>0</status></return></getAcksResponse>",
    ],
)
def test_soap_answer_to_something_else_is_none(content: str) -> None:
    """The request itself, or the answer to another operation, says nothing of a send, and is not shown."""
    with pytest.raises(ProtocolError, match="not the answer") as caught:
        soap_decode(SoapSendSms, HttpResponse(status=200, headers={}, body=f"{HEAD}{content}{FOOT}".encode()))
    assert "S3CRET" not in str(caught.value)


async def test_xml_where_json_was_asked_for_is_a_receipt() -> None:
    """A send that is answered in XML was taken, and is told as taken."""
    ids = f"<smsIds><sms><phoneNumber>{PHONE}</phoneNumber><smsId>s-1</smsId></sms></smsIds>"
    answer = (
        f"<?xml version='1.0'?><sendSms><status>100</status><campaignId>c-1</campaignId><nbSms>1</nbSms>{ids}</sendSms>"
    )
    async with SmsService(rest(answer)) as sms:
        receipt = await sms.send("Bonjour", [Recipient(PHONE)])
    assert (receipt.campaign_id, receipt.parts, [each.sms_id for each in receipt.accepted]) == ("c-1", 1, ["s-1"])


@each(
    ("body", "what"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"<!DOCTYPE HTML><p>x", "an HTML page"),
        (b"<!-- x -->\n<html lang='fr'>", "an HTML page"),
        (b"<?xml version='1.0'?>\n<html/>", "an HTML page"),
        (b"<br />\n<b>Warning</b>", "an HTML page"),
        (b"<sendSms><status>100</status></sendSms>", "XML"),
        (b"<body:x/>", "XML"),
        (b'{"status": 100', "not JSON, or cut"),
        (b"OK", "plain text"),
        ("Envoyé".encode("utf-16"), "bytes that are no text"),
        (b"<" + b"<!--" * 500_000, "XML"),
    ],
)
def test_answer_is_called_what_it_is(body: bytes, what: str) -> None:
    """Only what is HTML is called so; each other thing by its own name."""
    assert described(body).startswith(what)
