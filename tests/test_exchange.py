"""What crosses the I/O boundary: what an HTTP status means, and what is shown of a request."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import AllMySmsError, HttpRefused, OutcomeUnknown, ProtocolError, RateLimited, ServerFailure
from allmysms_async.exchange import HttpRequest, HttpResponse, check_status
from tests.cases import each


def raised(status: int, **headers: str) -> AllMySmsError:
    """Return the error that a status stands for."""
    with pytest.raises(AllMySmsError) as caught:
        check_status(HttpResponse(status=status, headers=headers, body=b"secret"), "sendSms")
    return caught.value


@each("status", [200, 201, 202, 204, 299])
def test_success_passes(status: int) -> None:
    """Any 2xx is an answer."""
    check_status(HttpResponse(status=status, headers={}, body=b""), "sendSms")


@given(status=st.integers(0, 999).filter(lambda status: not 200 <= status < 300))
def test_every_status_has_one_class(status: int) -> None:
    """3xx and 4xx were not taken, but for 408; 5xx may have been, like anything that HTTP does not have."""
    error = raised(status)
    expected: type[AllMySmsError] = HttpRefused
    if status < 200 or status >= 600:
        expected = ProtocolError
    elif status == 408 or status >= 500:
        expected = ServerFailure
    elif status == 429:
        expected = RateLimited
    assert (type(error), error.code, error.request) == (expected, str(status), "sendSms")
    assert ("may have been taken" in str(error) or "not known" in str(error)) is isinstance(error, OutcomeUnknown)
    assert "secret" not in str(error)


@each(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("86400", 86400.0),
        ("86401", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_wait_that_is_asked_for_is_read(header: str, seconds: float | None) -> None:
    """Retry-After in seconds is kept; nonsense, a date or a wait of days is not."""
    error = raised(429, **{"retry-after": header})
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_wait_that_is_not_asked_for_is_none() -> None:
    """Without Retry-After there is no wait to keep."""
    error = raised(429)
    assert isinstance(error, RateLimited)
    assert error.retry_after is None


def test_request_and_answer_show_nothing_of_their_contents() -> None:
    """What is shown is who is asked for what, and sizes."""
    request = HttpRequest(name="sendSms", url="https://a.test/", body=b"apiKey=secret", headers={"X": "secret"})
    response = HttpResponse(status=200, headers={"x": "secret"}, body=b"secret")
    assert f"{request!r} {response!r}" == (
        "<HttpRequest sendSms POST https://a.test/ 13 bytes> <HttpResponse 200 6 bytes>"
    )
    assert "secret" not in f"{request} {response}"


def test_request_cannot_be_pickled() -> None:
    """A request, whose body holds the key, is not written anywhere."""
    with pytest.raises(TypeError, match="credentials"):
        pickle.dumps(HttpRequest(name="sendSms", url="https://a.test/", body=b"apiKey=secret", headers={}))
