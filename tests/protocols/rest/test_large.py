"""Answers that are much larger than they should be."""

from typing import Any

import pytest

from allmysms_async import RestBackend
from allmysms_async.backend import SendRequest
from allmysms_async.errors import ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.protocols.rest.blacklist import GetBlacklist
from allmysms_async.text import Coding

SEND = SendRequest(message=SmsMessage("a"), text="a", coding=Coding.GSM7, recipients=(Recipient("33612345678"),))


class Answering:
    """A transport that gives one answer, as far as the request lets it."""

    def __init__(self, body: bytes) -> None:
        """Give this answer."""
        self.body = body

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer, or refuse what is longer than the request says, as a transport does."""
        if len(self.body) > request.max_response_bytes:
            raise ProtocolError("too long")
        return HttpResponse(status=200, headers={}, body=self.body)

    async def aclose(self) -> None:
        """Close nothing."""


async def test_answer_to_a_send_is_bounded_more_tightly() -> None:
    """No answer to a send is larger than 4 MB: one that is, is given up, and the outcome is open."""
    answer = Answering(b'{"status": 100, "smsIds": [' + b"{}," * 1_400_000 + b"{}]}")
    with pytest.raises(ProtocolError):
        await RestBackend("demo", "key", transport=answer).send(SEND)


@pytest.mark.slow
async def test_large_answer_leaves_the_event_loop_free(longest_gap: Any) -> None:
    """A black list of 30,000 numbers is read in a thread: others have their turns meanwhile."""
    entry = b'{"phoneNumber": "33612345678", "type": "STOP", "date": "2027-03-02 10:00:00"}'
    backend = RestBackend("demo", "key", transport=Answering(b'{"blacklist": [' + b",".join([entry] * 30_000) + b"]}"))
    gaps = [await longest_gap(backend.call(GetBlacklist())) for _ in range(3)]
    assert min(gaps) < 0.15, gaps
    await backend.aclose()
