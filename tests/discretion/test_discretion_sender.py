"""A number where the name of a sender should be is shown masked."""

import pytest

from allmysms_async import SmsMessage
from allmysms_async.errors import InvalidSender

from . import conftest as here

# Of the protocols, the one for MMS has no sender, and shows none.
NAMED = [protocol for protocol in here.PROTOCOLS if protocol != "mms"]


@pytest.mark.parametrize("protocol", NAMED)
@pytest.mark.parametrize("sender", ["33612345678", "+33 6 12 34 56 78", "482159", "0612345678 Eulalie", "4821"])
async def test_a_number_as_sender_is_masked(protocol: str, sender: str) -> None:
    """Who writes a number where the sender's name should be reads of it what can be told, in errors and messages."""
    sms = here.service(here.backend(protocol, 1))
    message = SmsMessage("Bonjour", sender=sender + "!")
    with pytest.raises(InvalidSender) as caught:
        await sms.send(message, here.NUMBER)
    await sms.aclose()

    assert "nothing was sent" in str(caught.value)
    for shown in (str(caught.value), repr(message)):
        assert "****" in shown
        assert sender not in shown


@pytest.mark.parametrize("protocol", NAMED)
async def test_the_name_of_a_sender_is_told(protocol: str) -> None:
    """A name that breaks the rules is shown: it is what the error is about."""
    sms = here.service(here.backend(protocol, 1))
    with pytest.raises(InvalidSender, match="MAGASIN DU 75!"):
        await sms.send("Bonjour", here.NUMBER, sender="MAGASIN DU 75!")
    await sms.aclose()
