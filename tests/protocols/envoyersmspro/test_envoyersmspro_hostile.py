"""Answers that mean harm: much work for few bytes, and requests that speak for the provider."""

import time

import pytest

from allmysms_async import EnvoyerSmsProBackend, errors
from allmysms_async.exchange import HttpResponse
from allmysms_async.protocols.envoyersmspro.answer import Failure, Unreadable, failure, parse
from allmysms_async.protocols.envoyersmspro.codec import decode
from allmysms_async.protocols.envoyersmspro.message import CancelMessage, SendMessage
from tests.cases import each

FAIL = b"<envoyersmspro><status>fail</status>"
HEAD = FAIL + b"<error><request>/message/send?text=a&recipients="
MEGABYTE = 1_000_000


@each(
    "body",
    [
        HEAD + b"33600000000," * (MEGABYTE // 12),
        FAIL + b"<" * MEGABYTE,
        FAIL + b"</" * (MEGABYTE // 2),
        FAIL + b"</request" * (MEGABYTE // 9),
        FAIL + b"</request>" * (MEGABYTE // 10) + b"<",
        FAIL + b"</request><error_id>" * (MEGABYTE // 20),
        FAIL + b"</request>&<error_id>" + b" " * MEGABYTE,
        FAIL + b"</request>&<error_message>" + b"a" * MEGABYTE,
        FAIL + b"</request>&" + b"<error_message>a" * (MEGABYTE // 16),
        b"<?xml" + b" " * MEGABYTE,
        b" " * MEGABYTE + b"<",
    ],
    ids=range(11),
)
def test_a_megabyte_that_is_no_answer_takes_no_time(body: bytes) -> None:
    """However an answer is cut or filled, reading it takes a time that grows with its length alone."""
    begun = time.process_time()
    with pytest.raises(errors.ProtocolError):
        decode(SendMessage("a", ("33600000001",), "MAGASIN"), HttpResponse(status=200, headers={}, body=body))
    assert time.process_time() - begun < 0.5


def test_elements_are_bounded() -> None:
    """An answer of a hundred thousand elements is read, one of more is refused before anything is built of it."""
    assert len(parse(b"<envoyersmspro>" + b"<a/>" * 99_999 + b"</envoyersmspro>").children) == 99_999
    with pytest.raises(Unreadable, match="too many elements"):
        parse(b"<envoyersmspro>" + b"<a/>" * 100_000 + b"</envoyersmspro>")


@pytest.mark.parametrize("end", [b"</error></envoyersmspro>", b"</error></envoyersmspro>&", b"<error_id"])
def test_request_cannot_name_the_error(end: bytes) -> None:
    """An end of the request and a number inside of what was asked are not the provider's: its own come last."""
    forged = b"</request><error_id>1</error_id><error_message>a - b</error_message><request>"
    body = FAIL + b"<error><request>/account/create?accountname=" + forged + b"</request><error_id>3</error_id>"
    body += b"<error_message>Bad value</error_message>" + end
    try:
        root = parse(body)
    except Unreadable:
        root = None

    assert failure(body, root) == Failure("3", "Bad value")


def test_answer_is_bounded_at_two_megabytes() -> None:
    """No answer of the manual comes near; 1000 reports take 150 kB."""
    assert EnvoyerSmsProBackend("0612345678", "x")._connection.max_response_bytes == 2 * 1024 * 1024


@each(
    ("recipients", "error"),
    [
        ("33612345678", errors.InvalidRequest),
        (("33612345678,33612345679",), errors.InvalidNumber),
        (("33612345678&text=b",), errors.InvalidNumber),
        (("+33612345678",), errors.InvalidNumber),
        (("\u0663\u0663612345678",), errors.InvalidNumber),
        (("",), errors.InvalidNumber),
    ],
)
def test_recipients_are_a_list_of_digits(recipients: tuple[str, ...], error: type[Exception]) -> None:
    """One text in place of a list would be sent to each of its digits; what is no number could forge another."""
    with pytest.raises(error, match=r"(?i)nothing was sent"):
        SendMessage("a", recipients, "MAGASIN", all_numbers_allowed=True).fields()


def test_cancelling_is_never_repeated() -> None:
    """After an answer that was lost, the second would say that it cannot be cancelled."""
    assert CancelMessage.replay == "never"
