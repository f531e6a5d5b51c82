"""The short way of one text to one number writes and reads what the long way does, or leaves it to that."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidRequest, Recipient, SendReceipt, SmsMessage
from allmysms_async.backend import SendRequest
from allmysms_async.errors import AllMySmsError
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Secret
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.codec import Credentials, Formats, decode, encode
from allmysms_async.protocols.rest.one import SENT_OR_NOT, Writer, read_one, writer
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sms import SendSms
from allmysms_async.text import Coding
from tests.cases import each

from .test_sent import ORDINARY, VALUES

ADDRESS = "https://api.example.com"
LOGINS = {
    None: Credentials(login=Secret("de&mo TheNumberOfThePerson"), api_key=Secret("k=é")),
    "sub": Credentials(login=Secret("demo"), api_key=Secret("k"), sub_account=Secret("sub")),
}
FORMATS = [Formats(flow=flow, answer=answer) for flow in ("json", "xml") for answer in ("json", "xml")]  # type: ignore[arg-type]
WRITERS: dict[Any, Writer] = {
    (login, number): writer(credentials, ADDRESS, formats)
    for login, credentials in LOGINS.items()
    for number, formats in enumerate(FORMATS)
}
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["Bonjour", "Zoé €", 'a"b\\c/d', "a\r\nb", "50 % & + = ?", "TheKeyOfTheRequest", "\x7f\x80"]),
)
KEYS = st.sampled_from([None, "0123abcd", "a-b", "TheTextOfTheMessage", "é", "a b", "٣"])
PHONES = st.sampled_from(["33612345678", "687751234", "32470123456", "+33612345678", "é", ""])
MESSAGES = st.builds(
    SmsMessage,
    st.just(""),
    sender=st.sampled_from([None, "My Shop", "TheTextOfThe"]),
    reference=st.sampled_from([None, None, "r"]),
    track_links=st.sampled_from([False, False, True]),
    priority=st.sampled_from([False, False, True]),
)
REQUESTS = st.builds(
    SendRequest,
    message=MESSAGES,
    text=TEXTS,
    coding=st.sampled_from(list(Coding)),
    recipients=st.lists(st.builds(Recipient, PHONES), min_size=1, max_size=2),
    campaign_name=st.sampled_from([None, None, "n"]),
    idempotency_key=KEYS,
)


@pytest.mark.parametrize("number", range(len(FORMATS)))
@pytest.mark.parametrize("login", LOGINS)
@given(request_asked=REQUESTS)
def test_short_way_writes_what_the_long_one_does(login: str | None, number: int, request_asked: SendRequest) -> None:
    """Whatever it takes on, it writes to the byte as the codec does, credentials and header included."""
    written = WRITERS[login, number](request_asked, 3.0, 5)
    if written is not None:
        operation = neutral.flow(SendSms, request_asked, verbose=True, key=request_asked.idempotency_key)
        options: Any = {"base_url": ADDRESS, "timeout": 3.0, "max_response_bytes": 5, "formats": FORMATS[number]}
        assert written == encode(operation, LOGINS[login], **options)


@pytest.mark.parametrize("login", LOGINS)
def test_usual_request_takes_the_short_way(login: str | None) -> None:
    """One text to one number is written by it, with a sender or without: else it would be there for nothing."""
    for sender in (None, "My Shop"):
        request = asked(message=SmsMessage("", sender=sender))
        assert WRITERS[login, 0](request, 3.0, 5) is not None


def asked(**options: Any) -> SendRequest:
    """Return a request for one text to one number."""
    given = {
        "message": SmsMessage(""),
        "text": "Votre code est 1234.",
        "coding": Coding.GSM7,
        "recipients": (Recipient("33612345678"),),
        "parts": 1,
        "idempotency_key": "0a1b",
    }
    return SendRequest(**(given | options))


def by_the_long_way(response: HttpResponse, request: SendRequest) -> SendReceipt | None:
    """Return the receipt that the codec makes of an answer, or None where it refuses it."""
    try:
        result = decode(SendSms, response, passing=SENT_OR_NOT)
    except (AllMySmsError, InvalidRequest):
        return None
    found = receipt(result, request.recipients, request.parts, request.idempotency_key)
    return msgspec.structs.replace(found, results=tuple(found.results), raw=dict(found.raw))


@given(
    changed=st.dictionaries(
        st.sampled_from([*ORDINARY, "treatmentStatus", "error", "discardedNumbersDetails"]), VALUES, max_size=2
    ),
    left_out=st.sets(st.sampled_from(list(ORDINARY)), max_size=2),
    identifier=st.sampled_from(["f1e2", "", "x" * 129, "a\x00", None]),
    phone=st.sampled_from(["33612345678", "+33612345678", "33699999999", None]),
    parts=st.sampled_from([1, 3]),
    status=st.sampled_from([200, 200, 200, 201, 500]),
)
def test_short_way_reads_what_the_long_one_does(
    changed: dict[str, Any], left_out: set[str], identifier: str | None, phone: str | None, parts: int, status: int
) -> None:
    """Whatever is missing, more, or of another type: the same receipt to the digit, or it is left to the long way."""
    fields: dict[str, Any] = {"smsIds": [{"phoneNumber": phone, "smsId": identifier}]}
    fields = {name: value for name, value in (ORDINARY | fields).items() if name not in left_out} | changed
    response = HttpResponse(status=status, headers={}, body=json.dumps(fields).encode())
    request = asked(parts=parts)
    found = read_one(response, request)
    if found is not None:
        careful = by_the_long_way(response, request)
        assert found == careful
        assert [str(getattr(found, name)) for name in found.__struct_fields__] == [
            str(getattr(careful, name)) for name in found.__struct_fields__
        ]


@each("cost", [0.045, 0.8, 10, 10.5, 1e-5, 0, 123456789.5, 1e20, -1])
@each("figure", ["cost", "balance", "credits", "nbSms"])
def test_figures_are_read_the_same_either_way(figure: str, cost: float) -> None:
    """A figure in its range has the same digits; one that cannot be right is left to the way that warns of it."""
    body = json.dumps(ORDINARY | {figure: cost}).encode()
    response, request = HttpResponse(status=200, headers={}, body=body), asked()
    found, careful = read_one(response, request), by_the_long_way(response, request)
    assert careful is not None
    assert found is None or (found == careful and str(found.cost) == str(careful.cost))
    assert found is None or careful.warning is None


def test_ordinary_answer_takes_the_short_way() -> None:
    """The answer that nearly every send has is read by it."""
    body = msgspec.json.encode(ORDINARY)
    assert read_one(HttpResponse(status=200, headers={}, body=body), asked()) is not None
