"""Password, login, text and numbers are shown nowhere: not in what is printed, pickled, logged or raised."""

import asyncio
import base64
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import AllMySmsError, EnvoyerSmsProBackend
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.protocols.envoyersmspro.account import CreateAccount
from allmysms_async.protocols.envoyersmspro.message import SendMessage
from allmysms_async.protocols.envoyersmspro.stop import ActivateStop, CheckStop, DeactivateStop
from allmysms_async.transports import H11Transport, HttpxTransport

PASSWORD, LOGIN, TEXT, PHONE = "s3cretOfDemo", "0698765432", "Votre code est 482159", "33612345678"
SEND = SendMessage(TEXT, (PHONE,), "MAGASIN")
ECHO = f"/message/send?login={LOGIN}&password={PASSWORD}&text={TEXT}&recipients={PHONE}".encode()
ANSWERS = {
    "error": b"<envoyersmspro><status>fail</status><error><request>%s</request><error_id>5</error_id>"
    b"<error_message>Not enough SMS - %s</error_message></error></envoyersmspro>" % (ECHO, ECHO),
    "wrong numbers": b"<envoyersmspro><status>fail</status><error><request>%s</request><error_id>3</error_id>"
    b"<error_message>Bad value of parameters - Wrong numbers : %s</error_message></error></envoyersmspro>"
    % (ECHO, PHONE.encode()),
    "unlisted": b"<envoyersmspro><status>fail</status><error><request>%s</request><error_id>6</error_id></error>"
    b"</envoyersmspro>" % ECHO,
    "cut": b"<envoyersmspro><status>fail</status><error><request>%s" % ECHO,
    "page": b"<html>" + ECHO,
}
FIGURE = (
    b"<envoyersmspro><status>success</status><message><message_id>1</message_id><sms_sent>%s</sms_sent>"
    b"</message></envoyersmspro>" % ECHO.replace(b"&", b"&amp;")
)


class Fixed:
    """A transport that keeps what it is asked, and answers what it was told."""

    def __init__(self, body: bytes) -> None:
        """Answer every request with a body."""
        self.body = body
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.requests.append(request)
        return HttpResponse(status=200, headers={}, body=self.body)

    async def aclose(self) -> None:
        """Do nothing."""


def check(shown: str) -> None:
    """Check that something that is shown holds no secret."""
    tokens = [base64.b64encode(f"{login}:{PASSWORD}".encode()).decode() for login in ("demo", LOGIN)]
    for secret in (PASSWORD, LOGIN, TEXT, "482159", PHONE, *tokens):
        assert secret not in shown


@pytest.mark.parametrize("basic_auth", [True, False])
async def test_request_shows_nothing_and_holds_no_secret_in_its_address(basic_auth: bool) -> None:
    """Credentials travel in a header or the body; neither is shown, and nothing of it is pickled."""
    transport = Fixed(b"")
    backend = EnvoyerSmsProBackend(LOGIN, PASSWORD, transport=transport, basic_auth=basic_auth)
    with pytest.raises(AllMySmsError):
        await backend.perform(SEND)
    (request,) = transport.requests
    check(f"{request!r} {request} {request.url} {backend!r} {backend} {vars(backend)} {SEND!r}")
    for held in (request, backend, backend._line, backend._line._credentials):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(held)


async def test_figure_that_is_none_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in a figure's place is in ``raw`` alone."""
    result = await EnvoyerSmsProBackend(LOGIN, PASSWORD, transport=Fixed(FIGURE)).perform(SEND)
    assert result.sms_sent is None
    check(f"{result!r} {caplog.text}")


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
async def test_error_holds_no_secret(body: bytes) -> None:
    """Whatever the provider repeats, the error and its traceback hold none of it."""
    backend = EnvoyerSmsProBackend(LOGIN, PASSWORD, transport=Fixed(body))
    with pytest.raises(AllMySmsError) as caught:
        await backend.perform(SEND)
    check("".join(traceback.format_exception(caught.value)))
    check(f"{caught.value!r} {caught.value} {vars(caught.value)} {pickle.dumps(caught.value)!r}")


@pytest.mark.parametrize("over", [H11Transport, HttpxTransport])
@pytest.mark.parametrize("fault", ["status_5", "http_400", "reset_before", "http_503"])
async def test_logs_hold_no_secret(
    sandbox: Any,
    connect: Callable[..., EnvoyerSmsProBackend],
    caplog: pytest.LogCaptureFixture,
    fault: str,
    over: Callable[[], Any],
) -> None:
    """With every logger at DEBUG, those of the libraries below included, a send over the wire logs no secret."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "asyncio", "allmysms_async", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    sandbox.faults([{"fault": fault}])
    async with over() as transport:
        for basic_auth in (True, False):
            backend = connect(basic_auth=basic_auth, password=PASSWORD, transport=transport)
            await asyncio.gather(backend.perform(SEND), return_exceptions=True)

    assert over is not HttpxTransport or any(record.name.startswith("httpcore") for record in caplog.records)
    for record in caplog.records:
        check(f"{record.getMessage()} {record.args}")


async def test_answers_and_questions_show_no_number(sandbox: Any, connect: Callable[..., EnvoyerSmsProBackend]) -> None:
    """What the full API takes and returns can be logged: no number in it, whole, and no words."""
    api = connect().api
    sent = await api.messages.send(TEXT, [PHONE], "MAGASIN", wants_replies=True)
    sandbox.advance(60)
    stats = await api.messages.stats(sent.message_id)
    barred = await api.stops.activate(PHONE)
    checked = await api.stops.check(PHONE)
    freed = await api.stops.deactivate(PHONE)
    held = [sent, stats, *stats.recipients, barred, checked, freed, await api.accounts.list()]
    operations = [SEND, ActivateStop(PHONE), CheckStop(PHONE), DeactivateStop(PHONE), CreateAccount("Boutique")]
    for each in [*held, *operations]:
        check(f"{each!r} {each}")
        assert type(each).__name__ in repr(each)
    assert checked.active
    assert stats.recipients[0].mobile_number == PHONE
