"""Errors of the manual, its table of HTTP statuses, and answers that nobody should trust."""

import pickle
import time
from typing import Any

import pytest

from allmysms_async import errors
from allmysms_async.exchange import HttpResponse
from allmysms_async.protocols.envoyersmspro.account import CreateAccount, GetAccountStatus, GetAllAccounts
from allmysms_async.protocols.envoyersmspro.answer import Failure, Unreadable, failure, parse
from allmysms_async.protocols.envoyersmspro.codec import decode
from allmysms_async.protocols.envoyersmspro.message import SendMessage
from allmysms_async.protocols.envoyersmspro.operation import Operation
from allmysms_async.protocols.envoyersmspro.stats import GetMessageStats
from allmysms_async.protocols.envoyersmspro.stop import CheckStop
from tests.cases import each

PHONE, TEXT, PASSWORD = "33612345678", "Votre code est 482159", "motdepasse"
SEND = SendMessage(TEXT, (PHONE, "33612345679", "33612345680"), "Societe")
OK = b"<envoyersmspro><status>success</status><message><message_id>1</message_id>%s</message></envoyersmspro>"


def fail(error_id: object, message: str, request: str = "/message/send") -> bytes:
    """Return an error as the provider writes it."""
    return (
        f"<envoyersmspro><status>fail</status><error><request>{request}</request><error_id>{error_id}</error_id>"
        f"<error_message>{message}</error_message></error></envoyersmspro>"
    ).encode()


def raised(body: bytes, status: int = 400, operation: Operation[Any] = SEND, **headers: str) -> Any:
    """Return the error that an answer is raised as."""
    with pytest.raises(errors.AllMySmsError) as caught:
        decode(operation, HttpResponse(status=status, headers=headers, body=body))
    return caught.value


TABLE = [
    (1, "Authentication failed", errors.AuthenticationFailed),
    (2, "Missing parameters - Recipients are missing", errors.FlowRefused),
    (2, "Missing parameters – Text is missing", errors.FlowRefused),
    (2, "Missing parameters - Sendername is missing", errors.FlowRefused),
    (2, "Missing parameters - Senddate is missing", errors.ScheduleRefused),
    (2, "Missing parameters - Sendtime is missing", errors.ScheduleRefused),
    (3, "Bad value of parameters - Wrong numbers : 33612345678,33699", errors.NumbersRefused),
    (3, "Bad value of parameters – No number found", errors.NoValidNumber),
    (3, "Bad value of parameters – No message found", errors.FlowRefused),
    (3, "Bad value of parameters – Sendername cannot be a number", errors.FlowRefused),
    (3, "Bad value of parameters – Senddate must contains 8 digits", errors.ScheduleRefused),
    (3, "Bad value of parameters – Unrecognized date", errors.ScheduleRefused),
    (3, "Bad value of parameters – Sendtime must contains 4 digits", errors.ScheduleRefused),
    (3, "Bad value of parameters – Bad hour value for sendtime", errors.ScheduleRefused),
    (3, "Bad value of parameters – Bad minute value for sendtime", errors.ScheduleRefused),
    (3, "Bad value of parameters – Too many recipients", errors.FlowRefused),
    (3, "Bad value of parameters – Tag must must be shorter than 21 characters.", errors.FlowRefused),
    (3, "Bad value of parameters – Debit account has not enough SMS", errors.InsufficientCredit),
    (3, "Bad value of parameters – You do not send SMS to the +33612345678", errors.FlowRefused),
    (3, "Bad value of parameters - Offset cannot be bigger than the number of response", errors.FlowRefused),
    (4, "Message too long", errors.TextRefused),
    (5, " Not enough SMS ", errors.InsufficientCredit),
    (7, "Unknown messageid", errors.CampaignNotFound),
    (8, "Message is pending", errors.CampaignPending),
    (9, "Message is being sent", errors.CampaignNotCancellable),
    (10, "Message has been sent", errors.CampaignNotCancellable),
    (11, "Message is already cancelled", errors.CampaignNotCancellable),
    (12, "Message cannot received response", errors.NoReplies),
]


@each("status", [200, 400, 403])
@each(("error_id", "message", "kind"), TABLE, ids=[f"{row[0]}-{row[1][-20:]}" for row in TABLE])
def test_each_listed_error_is_one_typed_error(error_id: int, message: str, kind: type[Exception], status: int) -> None:
    """Whatever HTTP status it rides on, an error has its class, its number and the detail after the dash."""
    error = raised(fail(error_id, message), status)

    assert type(error) is kind
    assert error.code == str(error_id)
    assert PHONE not in f"{error!r} {error} {error.__dict__}"
    detail = message.replace("–", "-").partition(" - ")[2]
    if detail and not any(character.isdigit() for character in detail):
        assert detail.rstrip(".") in str(error)


HTTP = [
    (400, errors.RequestLimitReached),
    (401, errors.AuthenticationFailed),
    (403, errors.NotPermitted),
    (404, errors.HttpRefused),
    (429, errors.RateLimited),
    (302, errors.HttpRefused),
    (500, errors.ServerFailure),
    (502, errors.ServerFailure),
    (503, errors.RateLimited),
    (504, errors.ServerFailure),
]


@each("body", [b"", b"<html>Bad Request</html>", b"\xff\xfe", b"<envoyersmspro><status>fail</status>"])
@each(("status", "kind"), HTTP)
def test_each_http_status_means_what_the_manual_says(status: int, kind: type[Exception], body: bytes) -> None:
    """400 without an error is the request limit, 503 asks to try again, other 5xx leave it open."""
    error = raised(body, status)

    assert type(error) is kind
    assert error.code == str(status)
    assert isinstance(error, errors.OutcomeUnknown) == (status in {500, 502, 504})


@each("error_id", ["", "0", "6", "13", "9999", "x"])
def test_unlisted_error_leaves_a_send_open(error_id: str) -> None:
    """A number that the manual does not list is not its word that nothing was sent; with HTTP 400 it is the limit."""
    assert type(raised(fail(error_id, "?"), 200)) is errors.ProtocolError
    assert "may have been taken" in str(raised(fail(error_id, "?"), 200, CreateAccount("x")))
    assert type(raised(fail(error_id, "?"), 200, GetAllAccounts())) is errors.ProtocolError
    assert type(raised(fail(error_id, "?"), 400)) is errors.RequestLimitReached


def test_server_says_how_long_to_wait() -> None:
    """Retry-After in seconds is kept, with the limit and when overloaded; anything else is not."""
    for status in (400, 503):
        assert raised(b"", status, **{"retry-after": "120"}).retry_after == 120
        assert raised(b"", status, **{"retry-after": "Wed, 21 Oct"}).retry_after is None
    assert raised(b"", 400).told is True


def test_refused_numbers_are_told_by_position_and_not_kept() -> None:
    """An error says which of the request's recipients were refused, in whatever form the provider lists them."""
    words = "Bad value of parameters - Wrong numbers : +33612345680, 33612345678"
    error = raised(fail(3, words))

    assert error.positions == (0, 2)
    assert raised(fail(3, "Bad value of parameters – Wrong numbers:0612345679")).positions == (1,)
    assert raised(fail(3, "Bad value of parameters – Wrong numbers : 336999")).positions == ()
    assert b"336123456" not in pickle.dumps(error)
    assert pickle.loads(pickle.dumps(error)).positions == (0, 2)  # noqa: S301  its own


ECHO = f"/message/send?text={TEXT} & co&login=0600000000&password={PASSWORD}&recipients={PHONE}"


@pytest.mark.parametrize("request_text", [ECHO, ECHO.replace("&", "&amp;"), "<error_id>1</error_id>" + ECHO, ""])
def test_repeated_request_is_never_kept(request_text: str) -> None:
    """The answer's own request may hold text, numbers and credentials, raw: none of it is in the error."""
    error = raised(fail(5, "Not enough SMS", request_text))

    assert type(error) is errors.InsufficientCredit
    shown = f"{error!r} {error} {error.__dict__} {pickle.dumps(error)!r}"
    for secret in (TEXT, PASSWORD, PHONE, "0600000000", "482159"):
        assert secret not in shown


def test_answer_that_is_cut_inside_the_request_names_no_error() -> None:
    """What looks like an error's number inside of the repeated request may be anybody's text, and is not read."""
    cut = b"<envoyersmspro><status>fail</status><error><request>/message/send?text=<error_id>5</error_id>&"

    assert failure(cut, None) == Failure("", "")
    assert type(raised(cut, 200)) is errors.ProtocolError


def test_success_that_is_cut_is_not_a_failure() -> None:
    """A success without its end is not known to be anything, even if a failure is written into it."""
    whole = OK % b"<sms_sent>3</sms_sent>"
    for end in range(len(whole) - 1):
        assert type(raised(whole[:end], 200)) is errors.ProtocolError
    hidden = b"<envoyersmspro><status>success</status><x><status>fail</status><error_id>5</error_id>"
    assert type(raised(hidden, 200)) is errors.ProtocolError


BOMB = (
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">%s]><envoyersmspro><status>success</status>&z;</envoyersmspro>'
    % b"".join(b'<!ENTITY %c "%s">' % (99 + step, b"&%c;" % (98 + step) * 10) for step in range(24))
)
UNTRUSTED = {
    "bomb": BOMB,
    "external": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><envoyersmspro><status>success</status></envoyersmspro>',
    "entity": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><envoyersmspro><status>&e;</status></envoyersmspro>',
    "bare document type": b"<!DOCTYPE a><envoyersmspro><status>success</status></envoyersmspro>",
    "failing document type": b"<!DOCTYPE a>" + fail(5, "x"),
    "deep": b"<envoyersmspro>" + b"<a>" * 500 + b"</a>" * 500 + b"</envoyersmspro>",
    "html": b"<html><body>Maintenance</body></html>",
    "other root": b"<other><status>success</status></other>",
    "utf-16": OK.decode().encode("utf-16"),
    "two roots": OK % b"" + b"<a/>",
    "no status": b"<envoyersmspro><message><message_id>1</message_id></message></envoyersmspro>",
    "no message": b"<envoyersmspro><status>success</status></envoyersmspro>",
    "empty": b"",
    "json": b'{"status": "success"}',
}


@each("body", UNTRUSTED.values(), ids=UNTRUSTED)
def test_untrusted_answer_is_one_clear_error(body: bytes) -> None:
    """Whatever comes instead of an answer is a ProtocolError without its contents, at once."""
    begun = time.process_time()
    error = raised(body, 200)

    assert type(error) is errors.ProtocolError
    assert "what became of the request is not known" in str(error)
    assert "root:" not in str(error)
    assert error.__cause__ is None
    assert time.process_time() - begun < 1


def test_answer_declares_no_charset_of_its_own() -> None:
    """Answers are UTF-8, as the manual says, whatever their first line declares."""
    body = '<?xml version="1.0" encoding="ISO-8859-1"?><envoyersmspro><a>é</a></envoyersmspro>'.encode()
    assert parse(body).word("a") == "é"
    with pytest.raises(Unreadable):
        parse(b"<envoyersmspro>\xe9</envoyersmspro>")


def test_both_spellings_of_what_is_left_are_read() -> None:
    """The provider writes sms_remaing in some answers and sms_remaining in others."""
    for name in (b"sms_remaing", b"sms_remaining"):
        result = decode(SEND, HttpResponse(status=200, headers={}, body=OK % (b"<%s>7</%s>" % (name, name))))
        assert result.sms_remaining == 7
        assert result.sms_sent is None


@pytest.mark.parametrize("status_id", ["2", ""])
def test_stop_status_is_yes_or_no(status_id: str) -> None:
    """Any other status than 0 and 1 is not guessed at."""
    body = f"<envoyersmspro><status>success</status><stopsms><phone_number>{PHONE}</phone_number>"
    body += f"<stop_sms_status_id>{status_id}</stop_sms_status_id></stopsms></envoyersmspro>"
    assert type(raised(body.encode(), 200, CheckStop(PHONE))) is errors.ProtocolError


def test_date_that_is_none_is_nothing() -> None:
    """A zero date is no date; the raw answer keeps it."""
    body = b"<envoyersmspro><status>success</status><stats><recipient><mobile_number>1</mobile_number><delivered_date>"
    body += b"0000-00-00 00:00:00</delivered_date><status_id>3</status_id></recipient></stats></envoyersmspro>"
    result = decode(GetMessageStats("1"), HttpResponse(status=200, headers={}, body=body))

    assert result.recipients[0].delivered_date is None
    assert "0000" in str(result.raw)
    assert "0000" not in repr(result)


def test_account_status_needs_no_limit() -> None:
    """An answer without a limit leaves it unknown."""
    body = b"<envoyersmspro><status>success</status><account><sms_remaining>5</sms_remaining></account></envoyersmspro>"
    assert decode(GetAccountStatus(), HttpResponse(status=200, headers={}, body=body)).api_request_limit is None
