"""A body that confirms a send under an HTTP status that denies it: nobody knows, and nothing is sent again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allmysms_async import EnvoyerSmsProBackend, MmsBackend, RestBackend, SmsService, SoapBackend
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.errors import OutcomeUnknown
from allmysms_async.exchange import HttpRequest, HttpResponse

_SOAP = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r><return>%b</return></r></e:Body>'
    b"</e:Envelope>"
)
_SUCCESS = b"<envoyersmspro><status>success</status><message><message_id>1</message_id></message></envoyersmspro>"
CASES: dict[str, tuple[Any, dict[str, Any], bytes]] = {
    "rest": (RestBackend, {"login": "demo", "api_key": "k"}, json.dumps({"status": 100, "campaignId": "7"}).encode()),
    "rest xml": (RestBackend, {"login": "demo", "api_key": "k"}, b"<d><status>101</status></d>"),
    "mms": (MmsBackend, {"login": "demo", "password": "k"}, b"Status=100\nStatusText=ok\nCampaignID=7\n"),
    "soap": (SoapBackend, {"login": "demo", "passcode": "k"}, _SOAP % b"<status>100</status>"),
    "soap map": (
        SoapBackend,
        {"login": "demo", "passcode": "k"},
        _SOAP % b"<item><key>status</key><value>113</value></item>",
    ),
    "envoyersmspro": (EnvoyerSmsProBackend, {"login": "a", "password": "k", "default_sender": "ABC"}, _SUCCESS),
    "envoyersmspro bom": (
        EnvoyerSmsProBackend,
        {"login": "b", "password": "k", "default_sender": "ABC"},
        b"\xef\xbb\xbf" + _SUCCESS,
    ),
}


class Wire:
    """Answers each request the same."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = HttpResponse(status=status, headers={}, body=body)
        self.sent = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.sent += 1
        return self.answer

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("status", [302, 403, 404, 429, 503])
@pytest.mark.parametrize("case", CASES)
async def test_success_under_a_refusing_status_is_unknown(case: str, status: int) -> None:
    """Whatever HTTP says, a success that was told is never called not sent; without a key it is not repeated."""
    kind, arguments, body = CASES[case]
    wire = Wire(status, body)
    backend = kind(**arguments, transport=wire)
    service = SmsService(backend, send_policy=RetryPolicy(attempts=2, base=0, cap=0))
    with pytest.raises(OutcomeUnknown):
        await service.send("Bonjour", to="0612345678")
    assert wire.sent == (2 if backend.limits.idempotent else 1)
