"""The error of a text that cannot be sent says that nothing was sent."""

import pytest

from allmysms_async import Campaign, InvalidText, Recipient, SmsMessage

from . import conftest as here

UNSENDABLE: dict[str, tuple[str, str]] = {
    "no gsm7": ("Bonjour 😀", "needs_unicode"),
    "a gap": ("Bonjour #param_2#", "placeholders"),
    "a leading zero": ("Bonjour #param_01#", "placeholders"),
    "half of a character": ("Bonjour \ud800", "malformed"),
    "a control": ("Bonjour \x01", "malformed"),
    "empty": (" ", "malformed"),
    "too long": ("x" * 5000, "text_too_long"),
}


def told(error: InvalidText, reason: str) -> None:
    """Check what an error says."""
    assert error.reason == reason
    assert str(error).lower().count("nothing was sent") == 1


@pytest.mark.parametrize(("text", "reason"), UNSENDABLE.values(), ids=UNSENDABLE)
async def test_a_text_that_cannot_be_sent_says_that_nothing_was_sent(protocol: str, text: str, reason: str) -> None:
    """Whatever is wrong with a text, the error of sending it, to one or to many, says once that nothing was sent."""
    sms = here.service(here.backend(protocol, 1))
    message = SmsMessage(text, encoding="gsm7", purpose="otp")
    with pytest.raises(InvalidText) as one:
        await sms.send(message, here.NUMBER)
    with pytest.raises(InvalidText) as many:
        await sms.run(Campaign("soldes", message, [here.NUMBER]))
    await sms.aclose()

    told(one.value, reason)
    told(many.value, reason)


@pytest.mark.parametrize(
    ("params", "reason"), [((), "missing_param"), (("😀",), "needs_unicode"), (("\x01",), "invalid_param")]
)
async def test_a_parameter_that_cannot_be_sent_says_that_nothing_was_sent(
    protocol: str, params: tuple[str, ...], reason: str
) -> None:
    """The same for the parameters of a recipient."""
    sms = here.service(here.backend(protocol, 1))
    with pytest.raises(InvalidText) as caught:
        await sms.send(SmsMessage("Bonjour #param_1#", encoding="gsm7"), Recipient(here.NUMBER, params))
    await sms.aclose()

    told(caught.value, reason)
