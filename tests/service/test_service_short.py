"""One text to one number takes a short way, which sends what the long one would."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidRequest, Mail2SmsBackend, MmsBackend, RestBackend, SmsMessage, SoapBackend
from allmysms_async.backend import SendRequest, Sends, limits_by_message
from allmysms_async.clock import SystemClock
from allmysms_async.prepare import send_request

BACKENDS: dict[str, Sends] = {
    "rest": RestBackend("demo", "k"),
    "soap": SoapBackend("demo", "k"),
    "mail2sms": Mail2SmsBackend("demo", "k", mail_from="sms@shop.example", hostname="127.0.0.1"),
    "mms": MmsBackend("demo", "k"),
}
NUMBERS = ["0612345678", "+33612345678", "612345678", "+32470123456", "+262692123456", "0112345678", "", "0612", "06x"]
NUMBERS += [
    "06 12 34 56 78",
    "+33 6 12 34 56 78",
    " 0612345678 ",
    "06 39 12 34 56",
    "6 12" + " " * 60 + "34 56 78",
    "06.12.34.56.78",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.sampled_from(["Bonjour", "Zoé €", "œuf", "a" * 161, "é" * 2000, "#param_1#", "", " ", "\x00", "]" * 153]),
)


def asked(backend: Sends, message: SmsMessage, to: Any) -> SendRequest | str:
    """Return the request that a send makes, or what it is refused with."""
    try:
        request = send_request(
            backend, message, to, limits_of=limits_by_message(backend), clock=SystemClock(), key=None, name="n"
        )
    except InvalidRequest as error:
        return f"{type(error).__name__}: {error}"
    return msgspec.structs.replace(request, idempotency_key=None)


@pytest.mark.parametrize("name", BACKENDS)
@given(text=TEXTS, number=st.sampled_from(NUMBERS), encoding=st.sampled_from(["auto", "gsm7", "unicode"]))
def test_short_way_sends_what_the_long_one_does(name: str, text: str, number: str, encoding: Any) -> None:
    """A number alone, and the same number in a list, make the same request, or the same refusal."""
    message = SmsMessage(text, encoding=encoding)
    assert asked(BACKENDS[name], message, number) == asked(BACKENDS[name], message, [number])
