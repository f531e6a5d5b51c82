"""What callers give in the wrong place or of the wrong type is not repeated by the error that says so."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from allmysms_async import (
    Campaign,
    EnvoyerSmsProBackend,
    InvalidRequest,
    Mail2SmsBackend,
    MmsBackend,
    Recipient,
    RestBackend,
    SmsMessage,
    SoapBackend,
)
from allmysms_async.transports.smtp import SmtpTransport
from tests.cases import each

from . import conftest as here

FIGURES: tuple[Any, ...] = (482159, 482159.5, -482159, 33612345678)
"""A one-time code, a key that somebody forgot to quote, a phone number."""

# The variables of this file's own frames, which whoever draws a traceback shows, do hold what was given.
WAYS = {way: show for way, show in here.ERRORS.items() if way not in {"capture_locals", "rich traceback", "traceback"}}


def told(error: BaseException) -> None:
    """Check that an error shows no figure that was given, whoever shows it."""
    assert isinstance(error, InvalidRequest)
    for way, show in WAYS.items():
        shown = show(error)
        assert "482159" not in shown, way
        assert "33612345678" not in shown, way
        here.check(shown, way)
    assert "nothing was sent" in str(error).lower()


OPENED: dict[str, Callable[..., Any]] = {
    "rest.login": lambda value: RestBackend(value, here.KEY),
    "rest.api_key": lambda value: RestBackend("demo", value),
    "rest.sub_account": lambda value: RestBackend("demo", here.KEY, sub_account=value),
    "rest.with_sub_account": lambda value: RestBackend("demo", here.KEY).with_sub_account(value),
    "soap.login": lambda value: SoapBackend(value, here.KEY),
    "soap.passcode": lambda value: SoapBackend("demo", value),
    "mms.login": lambda value: MmsBackend(value, here.KEY),
    "mms.password": lambda value: MmsBackend("demo", value),
    "mail2sms.login": lambda value: Mail2SmsBackend(value, here.KEY, mail_from="a@b.fr"),
    "mail2sms.api_key": lambda value: Mail2SmsBackend("demo", value, mail_from="a@b.fr"),
    "mail2sms.mail_from": lambda value: Mail2SmsBackend("demo", here.KEY, mail_from=value),
    "mail2sms.username": lambda value: Mail2SmsBackend(
        "demo", here.KEY, mail_from="a@b.fr", hostname="127.0.0.1", username=value, password=here.PASSWORD
    ),
    "mail2sms.password": lambda value: Mail2SmsBackend(
        "demo", here.KEY, mail_from="a@b.fr", hostname="127.0.0.1", username="shop", password=value
    ),
    "smtp.password": lambda value: SmtpTransport("127.0.0.1", username="shop", password=value),
    "envoyersmspro.login": lambda value: EnvoyerSmsProBackend(value, here.KEY),
    "envoyersmspro.password": lambda value: EnvoyerSmsProBackend("demo", value),
    "envoyersmspro.account_id": lambda value: EnvoyerSmsProBackend("demo", here.KEY, account_id=value),
    "envoyersmspro.default_sender": lambda value: EnvoyerSmsProBackend("demo", here.KEY, default_sender=value),
}


@each("value", FIGURES)
@each("opened", OPENED.values(), ids=OPENED)
def test_a_credential_that_is_a_figure_is_not_repeated(opened: Callable[..., Any], value: object) -> None:
    """A key, a password or a login given as a figure is refused, and its error tells no more than its type."""
    with pytest.raises(InvalidRequest) as caught:
        opened(value)

    told(caught.value)


SENT: dict[str, Callable[[Any, Any], Awaitable[object]]] = {
    "text": lambda sms, value: sms.send(value, here.NUMBER),
    "text of a message": lambda sms, value: sms.send(SmsMessage(value), here.NUMBER),
    "recipients": lambda sms, value: sms.send("Bonjour", value),
    "recipient": lambda sms, value: sms.send("Bonjour", [value]),
    "phone": lambda sms, value: sms.send("Bonjour", Recipient(value)),
    "key": lambda sms, value: sms.send("Bonjour", here.NUMBER, idempotency_key=value),
    "sender": lambda sms, value: sms.send("Bonjour", here.NUMBER, sender=value),
    "name": lambda sms, value: sms.send("Bonjour", here.NUMBER, name=value),
    "reference": lambda sms, value: sms.send(SmsMessage("Bonjour", reference=value), here.NUMBER),
    "date": lambda sms, value: sms.send(SmsMessage("Bonjour", send_at=value), here.NUMBER),
    "journal": lambda sms, value: sms.run(
        Campaign("soldes", SmsMessage("Bonjour", purpose="otp"), [here.NUMBER]), journal=value
    ),
    "name of a campaign": lambda sms, value: sms.run(
        Campaign(value, SmsMessage("Bonjour", purpose="otp"), [here.NUMBER])
    ),
    "text of a campaign": lambda sms, value: sms.run(Campaign("soldes", value, [here.NUMBER])),
    "source": lambda sms, value: sms.run(Campaign("soldes", SmsMessage("Bonjour", purpose="otp"), value)),
}


@pytest.mark.parametrize("value", FIGURES)
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_what_is_sent_is_not_repeated(protocol: str, sent: Callable[..., Any], value: object) -> None:
    """A text, a key, a sender, a number or a journal given as a figure is refused, and not repeated."""
    sms = here.service(here.backend(protocol, 1))
    with pytest.raises(InvalidRequest) as caught:
        await sent(sms, value)
    await sms.aclose()

    told(caught.value)


def test_a_setting_is_told_as_it_was_given() -> None:
    """Seconds and counts are no secrets: their errors name them."""
    with pytest.raises(InvalidRequest, match=r"not -2\.5; nothing was sent"):
        RestBackend("demo", here.KEY, timeout=-2.5)
    with pytest.raises(InvalidRequest, match="not a figure so large; nothing was sent"):
        RestBackend("demo", here.KEY, timeout=10**400)
    with pytest.raises(InvalidRequest, match="not nan; nothing was sent"):
        RestBackend("demo", here.KEY, timeout=float("nan"))
    with pytest.raises(InvalidRequest, match="is 0, it must be at least 1"):
        RestBackend("demo", here.KEY, max_response_bytes=0)
