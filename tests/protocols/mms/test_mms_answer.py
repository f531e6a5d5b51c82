"""Reading answers: every status of the tables, every usual deviation, and nothing guessed from what is cut."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import (
    Accepted,
    AllMySmsError,
    AuthenticationFailed,
    GatewayError,
    InsufficientCredit,
    NotPermitted,
    NoValidNumber,
    RateLimited,
    Recipient,
    Rejected,
    Unconfirmed,
    errors,
)
from allmysms_async.errors import FlowRefused, MediaRefused, ProtocolError, ScheduleRefused, TextRefused
from allmysms_async.exchange import HttpResponse
from allmysms_async.protocols.mms.answer import Answer, read_account, read_send, results
from tests.cases import each

PEOPLE = tuple(Recipient(f"3360000000{number}") for number in range(3))
LISTED = "".join(f"<CUSTOMER><MOBILEPHONE>060000000{n}</MOBILEPHONE></CUSTOMER>" for n in (0, 1))
WHOLE = (
    "Status=100\nStatusText=ok\nCredits=416\nInvalidNums=0600000002\nCampaignID=c1\n"
    f"IDs=<RECOVERIDS>{LISTED}</RECOVERIDS>\n"
)

SEND: dict[int, type[GatewayError]] = {
    102: AuthenticationFailed,
    103: InsufficientCredit,
    104: InsufficientCredit,
    **dict.fromkeys(range(105, 111), FlowRefused),
    111: TextRefused,
    **dict.fromkeys(range(112, 121), MediaRefused),
    121: ScheduleRefused,
    122: FlowRefused,
    123: NoValidNumber,
    200: NotPermitted,
}
ACCOUNT: dict[int, type[GatewayError]] = {
    102: AuthenticationFailed,
    200: NotPermitted,
    301: AuthenticationFailed,
    302: NotPermitted,
    303: NotPermitted,
}


def response(text: str | bytes, status: int = 200) -> HttpResponse:
    """Return an answer with a body."""
    return HttpResponse(status=status, headers={}, body=text if isinstance(text, bytes) else text.encode())


def sent(text: str | bytes) -> Answer:
    """Return what the answer to a send says."""
    return read_send(response(text), "sendmms")


def states(text: str | bytes) -> str:
    """Return what an answer says of the three people: a(ccepted), r(ejected), ? (not confirmed)."""
    letters = {Accepted: "a", Rejected: "r", Unconfirmed: "?"}
    return "".join(letters[type(result)] for result in results(sent(text), PEOPLE))


@each("code", SEND)
def test_each_status_of_a_send_is_its_error(code: int) -> None:
    """The status decides the class, in this protocol's own table; nothing was sent, and the error says so."""
    with pytest.raises(GatewayError) as caught:
        sent(f"Status={code}\nStatusText=words\n")
    assert type(caught.value) is SEND[code]
    assert (caught.value.code, caught.value.request) == (str(code), "sendmms")
    assert "nothing" in str(caught.value)


@each("code", ACCOUNT)
def test_each_status_of_an_account_is_its_error(code: int) -> None:
    """The account's own table."""
    with pytest.raises(GatewayError) as caught:
        read_account(response(f"Status={code}\nStatusText=words\n"), "info")
    assert type(caught.value) is ACCOUNT[code]


@pytest.mark.parametrize("code", [100, 300])
def test_both_printed_successes_of_an_account_are_read(code: int) -> None:
    """100 is in the sample, 300 in the table."""
    assert read_account(response(f"Status={code}\nStatusText=Compte actif\nCredits=1,5\n"), "info").credits == Decimal(
        "1.5"
    )


@each("code", ["099", "124", "160", "300", "301", "999"])
def test_a_status_that_is_not_listed_is_not_guessed(code: str) -> None:
    """An unlisted status, or one of the other table, says nothing of what was sent."""
    with pytest.raises(ProtocolError, match="not in the manual") as caught:
        sent(f"Status={code}\nStatusText=words\n")
    assert caught.value.code == code


def test_an_unlisted_status_of_an_account_is_told() -> None:
    """A status of sending is none of an account."""
    with pytest.raises(ProtocolError, match="not in the manual"):
        read_account(response("Status=104\n"), "info")


def test_credits_are_read_from_the_words() -> None:
    """104 says how many credits are needed and left."""
    with pytest.raises(InsufficientCredit) as caught:
        sent("Status=104\nStatusText=Crédit insuffisant. A utiliser: 1 200 Crédits, Disponibles: 12,5 Crédits.\n")
    assert (caught.value.needed, caught.value.available) == (Decimal(1200), Decimal("12.5"))


def test_refused_numbers_are_in_the_error() -> None:
    """123 lists every number, none of which is in the message."""
    with pytest.raises(NoValidNumber) as caught:
        sent("Status=123\nStatusText=no\nInvalidNums=0600000000|06XX\n")
    assert caught.value.numbers == ("06XX", "33600000000")
    assert "0600000000" not in str(caught.value)


@each(
    "text",
    [
        WHOLE,
        WHOLE.replace("\n", "\r\n"),
        WHOLE.replace("=", " = ").replace("060000000", " 060000000"),
        "\ufeff" + WHOLE,
        "\n\n" + WHOLE,
        WHOLE.removesuffix("\n"),
        WHOLE.replace("<CUSTOMER>", "\n  <CUSTOMER>\n    ").replace("</CUSTOMER>", "\n  </CUSTOMER>\n"),
        WHOLE.replace("Credits=416\n", "").replace("CampaignID=c1\n", "").replace("StatusText=ok\n", ""),
        WHOLE.replace("Credits=416", "Credits=beaucoup"),
        "".join(sorted(WHOLE.splitlines(keepends=True))),
    ],
    ids=["plain", "CRLF", "spaces", "BOM", "blank lines", "no end", "indented", "lines missing", "credits", "order"],
)
def test_every_usual_form_of_a_whole_answer_is_read(text: str) -> None:
    """Spaces, line ends, missing lines and another order change nothing."""
    assert states(text) == "aar"


def test_old_charsets_are_read() -> None:
    """Words in Latin-1 are words."""
    assert sent("Status=100\nStatusText=Le message a été envoyé\n".encode("latin-1")).text == "Le message a été envoyé"


@each("end", range(len(WHOLE)))
def test_an_answer_that_is_cut_anywhere_is_never_guessed(end: int) -> None:
    """Cut at any byte: without its whole status it is an error, and nobody is told to be what he is not."""
    cut = WHOLE[:end]
    if end < len("Status=100\n"):
        with pytest.raises(ProtocolError):
            sent(cut)
        return
    for told, true in zip(states(cut), "aar", strict=True):
        assert told in {"?", true}


@each(
    ("text", "expected"),
    [
        # No list: whoever is not refused was taken, if the refused came whole.
        ("Status=100\nInvalidNums=\n", "aaa"),
        ("Status=101\nInvalidNums=0600000001|\nCampaignID=c\n", "ara"),
        ("Status=100\nInvalidNums=0600000001|06", "?r?"),
        ("Status=100\nStatusText=ok\n", "???"),
        # A list: who is in neither is not confirmed.
        (f"Status=100\nInvalidNums=\nIDs=<RECOVERIDS>{LISTED}</RECOVERIDS>\n", "aa?"),
        (f"Status=100\nInvalidNums=\nIDs=<RECOVERIDS>{LISTED}", "aa?"),
        ("Status=100\nInvalidNums=\nIDs=<RECOVERIDS><CUSTOMER><MOBILEPHONE>0600000000</MOBILE", "???"),
    ],
)
def test_each_recipient_is_what_the_answer_says(text: str, expected: str) -> None:
    """In the list is accepted, refused is rejected, anything else only if the answer cannot mean another thing."""
    assert states(text) == expected


def test_the_only_recipient_of_a_success_was_taken() -> None:
    """With nobody valid the status would be 123, so one recipient needs no list."""
    alone = (Recipient("33600000000"),)
    assert results(sent("Status=100\n"), alone) == (Accepted("33600000000"),)
    listed = sent("Status=100\nIDs=<RECOVERIDS></RECOVERIDS>\n")
    assert results(listed, alone) == (Unconfirmed("33600000000"),)


@each(
    ("body", "what"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("<html>Status=100</html>", "HTML"),
        ("Maintenance", "not in lines"),
        ("Status=\n", "cut or garbled"),
        ("Status=1000\n", "cut or garbled"),
        ("Status=ok\n", "cut or garbled"),
        ("Status=100", "cut or garbled"),
        ("Status=10", "cut or garbled"),
        ("StatusText=ok\n", "not in lines"),
    ],
)
def test_what_is_no_answer_is_told_apart(body: str, what: str) -> None:
    """Each says what came, and that what was sent is not known."""
    with pytest.raises(ProtocolError, match=what) as caught:
        sent(body)
    assert "not known" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(302, errors.HttpRefused), (404, errors.HttpRefused), (429, RateLimited), (500, errors.ServerFailure)],
)
def test_http_statuses_are_told_before_the_body(status: int, error: type[AllMySmsError]) -> None:
    """Another status than 2xx is its own error; one that denies what the body confirms leaves it open."""
    with pytest.raises(errors.ProtocolError if issubclass(error, errors.HttpRefused) else error):
        read_send(response(WHOLE, status), "sendmms")
    with pytest.raises(error):
        read_send(response("Status=102\nStatusText=No\n", status), "sendmms")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | st.just(WHOLE.encode()).map(lambda b: b[:90]))
def test_no_bytes_are_another_exception(body: bytes) -> None:
    """Whatever arrives is read, or is one of the library's errors."""
    with contextlib.suppress(AllMySmsError):
        assert read_send(response(body), "sendmms").code in {"100", "101"}
