"""Bodies that are not what they should be: one typed error, and nothing of them in it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import AllMySmsError, HttpRefused, ProtocolError, RateLimited, ServerFailure
from allmysms_async.exchange import HttpResponse
from allmysms_async.plausible import odd_in
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.campaigns import DeleteCampaign, GetCampaignsInfo
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import GetAcks
from allmysms_async.protocols.rest.sms import SendSms
from tests.cases import each

OPERATIONS: list[type[Operation[Any]]] = [SendSms, GetAcks, GetCampaignsInfo, GetInfo, DeleteCampaign]
SENT = b'{"status": 100, "campaignId": "c-1", "nbContacts": 1}'

# The bytes, and what the error calls them.
BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \r\n ", "empty"),
    "html": (b"<!DOCTYPE html><html><body>503 at 33612345678</body></html>", "an HTML page"),
    "html fragment": (b"<br />\n<b>Fatal error</b>: at 33612345678", "an HTML page"),
    "xml that is none": (b"<sendSms><status>100</sendSms>", "not XML"),
    "xml that is cut": (b"<sendSms><status>100</sta", "XML that is cut"),
    "xml with a type": (b"<!DOCTYPE sendSms><sendSms><status>100</status></sendSms>", "document type"),
    "cut": (SENT[:-1], "JSON that is cut"),
    "cut in a text": (b'{"status": 100, "campaignId": "c', "JSON that is cut"),
    "text": (b"OK", "plain text, not JSON"),
    "followed by junk": (SENT + b"<br/>", "not JSON"),
    "list": (b"[" + SENT + b"]", "not an object"),
    "null": (b"null", "not an object"),
    "figure": (b"100", "not an object"),
    "wrong charset": ('{"status": 100, "statusText": "Envoyé"}'.encode("latin-1"), "not JSON"),
    "utf-16": (SENT.decode().encode("utf-16"), "not JSON"),
    "lone surrogate": (b'{"status": 100, "campaignId": "\\ud800"}', "not JSON"),
    "nul": (b'{"status": 100, "campaignId": "\x00"}', "not JSON"),
    "deep": (b'{"status": 100, "smsIds": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
    "deep and cut": (b"[" * 100_000, "not JSON"),
    "deep object": (b'{"campaign":' * 100_000, "not JSON"),
    "half a character beside a huge figure": (b'{"status": 100, "cost": 1e400, "campaignId": "\\ud800"}', "not JSON"),
}


@each("operation", OPERATIONS)
@each(("body", "what"), BODIES.values(), ids=BODIES)
def test_body_that_is_no_answer_leaves_the_outcome_open(
    operation: type[Operation[Any]], body: bytes, what: str
) -> None:
    """Whatever comes instead of an answer is one typed error, which says what came and shows nothing of it."""
    with pytest.raises(ProtocolError) as caught:
        decode(operation, HttpResponse(status=200, headers={}, body=body))
    assert what in str(caught.value)
    assert caught.value.request == operation.name
    assert len(str(caught.value)) < 200
    assert not any(word in str(caught.value) for word in ("33612345678", "Envoy", "DOCTYPE", "99999"))


NO_FIGURES = ["9" * 5000, "1e999999", "-1e999999", "NaN", "sNaN", "Infinity", "-inf", "0x10", []]


@each("field", ["nbSms", "nbContacts"])
@each("text", NO_FIGURES)
def test_count_that_is_none_does_not_undo_a_send(field: str, text: object) -> None:
    """A count that is no figure counts as none, is told by its field alone, and takes no time to read."""
    body = json.dumps({"status": 100, "campaignId": "7", field: text}).encode()
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=body))
    assert (result.campaign_id, result.nb_sms, result.nb_contacts) == ("7", None, None)
    assert (result.raw[field], odd_in(result.raw)) == (text, (field,))


@each("field", ["credits", "creditsUsed", "balance", "cost"])
@each("text", [*NO_FIGURES, "0,045", "1 EUR"])
def test_amount_that_is_none_does_not_undo_a_send(field: str, text: object) -> None:
    """A send that was taken is taken, whatever is written where its cost should be: the amount is None, raw has it."""
    body = json.dumps({"status": 100, "campaignId": "7", field: text}).encode()
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=body))
    assert result.campaign_id == "7"
    assert (result.credits, result.credits_used, result.balance, result.cost) == (None,) * 4
    assert result.raw[field] == text


@each("depth", [50, 500, 900, 990])
@each("field", ["status", "smsIds", "discardedNumbersDetails", "campaign", "acks", "error"])
@each("operation", OPERATIONS)
def test_nested_field_is_read_or_refused(operation: type[Operation[Any]], field: str, depth: int) -> None:
    """A field nested as deep as the parser allows does not break the reading of the answer."""
    body = b'{"status": 100, "%s": %s%s}' % (field.encode(), b"[" * depth, b"]" * depth)
    with contextlib.suppress(AllMySmsError):
        decode(operation, HttpResponse(status=200, headers={}, body=body))


def test_byte_order_mark_is_no_fault() -> None:
    """A byte order mark before the JSON is passed over, since PHP files often begin with one."""
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=b"\xef\xbb\xbf" + SENT))
    assert (result.status, result.campaign_id) == ("100", "c-1")


@given(body=st.binary() | st.integers(0, len(SENT) - 1).map(SENT.__getitem__).map(lambda byte: bytes([byte])))
def test_random_bytes_never_count_as_sent(body: bytes) -> None:
    """No rubbish is read as a success or as a refusal."""
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=body))


@given(length=st.integers(0, len(SENT) - 1))
def test_answer_cut_anywhere_never_counts(length: int) -> None:
    """An answer that is cut, wherever that is, leaves the outcome open."""
    with pytest.raises(ProtocolError):
        decode(SendSms, HttpResponse(status=200, headers={}, body=SENT[:length]))


@each(
    ("status", "kind"),
    [
        *((status, HttpRefused) for status in (300, 302, 307, 400, 401, 403, 404, 413)),
        (429, RateLimited),
        *((status, ServerFailure) for status in (408, 500, 502, 503, 599)),
        *((status, ProtocolError) for status in (101, 600, 999)),
    ],
)
def test_http_status_comes_before_the_body(status: int, kind: type[Exception]) -> None:
    """A status other than success decides; one that denies what the body confirms leaves it open."""
    for body, told in ((SENT, ProtocolError if issubclass(kind, HttpRefused) else kind), (b'{"status": 104}', kind)):
        with pytest.raises(told) as caught:
            decode(SendSms, HttpResponse(status=status, headers={}, body=body))
        assert type(caught.value) is told


@each("status", [200, 201, 202, 204, 299])
def test_every_success_of_http_is_read(status: int) -> None:
    """Any 2xx is an answer; what it says is in the body."""
    assert decode(SendSms, HttpResponse(status=status, headers={}, body=SENT)).campaign_id == "c-1"
