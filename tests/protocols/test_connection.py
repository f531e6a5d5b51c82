"""What every protocol checks of what it is given, before anything is sent, and what every backend is as an object."""

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from allmysms_async import EnvoyerSmsProBackend, InvalidRequest, Mail2SmsBackend, MmsBackend, RestBackend, SoapBackend
from allmysms_async.backend import SendRequest
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.protocols.envoyersmspro.account import GetAccountStatus
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.soap.account import GetInfo as SoapGetInfo
from allmysms_async.text import Coding
from tests.cases import each

SECRET = "s3cret-of-the-shop"
OTHER = "http://gateway.example/api"


class Silent:
    """A transport that was never to be used; notes what it is given, and whether it was closed."""

    def __init__(self) -> None:
        """Begin unused."""
        self.requests: list[object] = []
        self.closed = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Note a request, and answer nothing of use."""
        self.requests.append(request)
        return HttpResponse(status=200, headers={}, body=b"")

    async def aclose(self) -> None:
        """Note the end."""
        self.closed += 1


Open = Callable[..., Any]

HTTP: dict[str, tuple[str, Open]] = {
    "rest": ("base_url", lambda **given: RestBackend(**{"login": "demo", "api_key": SECRET} | given)),
    "soap": ("endpoint", lambda **given: SoapBackend(**{"login": "demo", "passcode": SECRET} | given)),
    "mms": ("base_url", lambda **given: MmsBackend(**{"login": "demo", "password": SECRET} | given)),
    "envoyersmspro": (
        "base_url",
        lambda **given: EnvoyerSmsProBackend(
            **{"login": "demo", "password": SECRET, "default_sender": "MAGASIN"} | given
        ),
    ),
}
ALL: dict[str, Open] = {name: opened for name, (_, opened) in HTTP.items()} | {
    "mail2sms": lambda **given: Mail2SmsBackend(
        **{"login": "demo", "api_key": SECRET, "mail_from": "shop@example.com"}
        | ({} if "transport" in given else {"hostname": "127.0.0.1"})
        | given
    )
}
PROOF = {"rest": "api_key", "soap": "passcode", "mms": "password", "envoyersmspro": "password", "mail2sms": "api_key"}

BAD = {
    "": "does not begin",
    "gateway.example": "does not begin",
    "//gateway.example": "does not begin",
    "ftp://gateway.example": "does not begin",
    "file:///etc/passwd": "does not begin",
    "javascript:alert(1)": "does not begin",
    "https://": "no host",
    "https:///soap": "no host",
    "https://:443": "no host",
    "https://[::1": "cannot be read",
    "https://::1]": "cannot be read",
    "https://[gateway]": "cannot be read",
    "https://x:99999": "port",
    "https://x:0": "port",
    "https://x:-1": "port",
    "https://x:https": "port",
    "https://x:80:80": "port",
    "https://x:\u0661": "port",
    "https://x/#f": "fragment",
    "https://x/#": "fragment",
    "https://x?": "query",
    f"https://x/?key={SECRET}": "query",
    f"https://demo:{SECRET}@x": "credentials",
    f"https://{SECRET}@x": "credentials",
    f"http://demo:{SECRET}@127.0.0.1": "credentials",
    f"https://demo:{SECRET}@[::1": "credentials",
    f"https://:{SECRET}@x:99999": "credentials",
    f"demo:{SECRET}@x": "credentials",
    "https://@x": "credentials",
    " https://x": "blanks",
    "https://x ": "blanks",
    "https://x\r\nHost: y": "blanks",
    "https://x/\0": "blanks",
    "https://x/\ud800": "blanks",
    "https://x\u3000y": "blanks",
    "https://x\\y": "blanks",
    "https://<x>": "blanks",
    "https://x/" + "a" * 2000: "2000 characters",
}


@each("wire", HTTP)
@each(("bad", "said"), BAD.items(), ids=map(ascii, range(len(BAD))))
@each("allowed", [False, True], ids=["https", "plain"])
def test_an_address_that_leads_nowhere_is_refused_at_once(wire: str, bad: str, said: str, allowed: bool) -> None:
    """Every protocol refuses the same addresses before anything is sent, saying which argument, what and what to do."""
    argument, opened = HTTP[wire]
    transport = Silent()
    with pytest.raises(InvalidRequest) as caught:
        opened(**{argument: bad}, transport=transport, allow_plain_http=allowed)
    assert str(caught.value).startswith(f"{argument} ")
    assert said in str(caught.value)
    assert "nothing was sent" in str(caught.value)
    assert "https://api.example.com" in str(caught.value.remedy)
    assert SECRET not in f"{caught.value} {caught.value!r} {vars(caught.value)} {pickle.dumps(caught.value)!r}"
    assert transport.requests == []


@each("wire", HTTP)
@each("kind", [None, 1, b"https://x", ["https://x"]], ids=["none", "int", "bytes", "list"])
def test_an_address_that_is_no_text_is_refused(wire: str, kind: object) -> None:
    """What is no text is refused by its type."""
    argument, opened = HTTP[wire]
    with pytest.raises(InvalidRequest, match=f"{argument} must be a text"):
        opened(**{argument: kind}, transport=Silent())


@each("wire", HTTP)
@each(
    "good",
    [
        "https://gateway.example",
        "HTTPS://Gateway.Example:8443",
        "https://[::1]:8443",
        "https://127.0.0.1:1/a/b",
        "https://passerelle-\u00e9.example",
        "http://localhost:65535",
        "http://127.0.0.1",
        "http://[::1]:80",
    ],
)
def test_an_address_that_is_one_is_taken_as_it_is(wire: str, good: str) -> None:
    """An address over https, or of this machine, is where requests go, and all that a backend shows."""
    argument, opened = HTTP[wire]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backend = opened(**{argument: good}, transport=Silent())
    assert repr(backend) == f"<{type(backend).__name__} {good}>"


@each("wire", HTTP)
@each("path", ["", "/", "//"])
def test_roots_are_one_with_and_without_a_slash(wire: str, path: str) -> None:
    """A root's last slash, and the API's own path after it, change nothing; an endpoint is kept to the slash."""
    argument, opened = HTTP[wire]
    own = {"rest": "/http/9.0", "envoyersmspro": "/api"}.get(wire, "")
    given = f"https://gateway.example{own}{path}"
    kept = given if wire == "soap" else "https://gateway.example"
    assert repr(opened(**{argument: given}, transport=Silent())).endswith(f" {kept}>")


@pytest.mark.parametrize("wire", HTTP)
def test_plain_http_to_another_machine_takes_leave(wire: str) -> None:
    """Without leave credentials never travel in clear; with it a warning stands at the caller's line."""
    argument, opened = HTTP[wire]
    with pytest.raises(InvalidRequest, match=f"{argument} is plain http.*nothing was sent") as caught:
        opened(**{argument: OTHER}, transport=Silent())
    assert "allow_plain_http=True" in str(caught.value.remedy)
    with pytest.warns(UserWarning, match="in clear to gateway.example") as told:
        opened(**{argument: OTHER}, transport=Silent(), allow_plain_http=True)
    assert [one.filename for one in told] == [__file__]


# -- credentials ------------------------------------------------------------------------------------------------------


@each("wire", ALL)
@each("argument", ["login", "proof"])
@each("value", ["", f"{SECRET}\n", f"{SECRET}\0", f"{SECRET}\x7f", f"{SECRET}\ud800"])
def test_a_credential_that_cannot_travel_is_refused_unseen(wire: str, argument: str, value: str) -> None:
    """An empty credential, or one with controls in it, is refused by its name, and not shown."""
    name = PROOF[wire] if argument == "proof" else argument
    with pytest.raises(InvalidRequest, match=f"^{name} is empty or holds characters that no {name} has") as caught:
        ALL[wire](**{name: value})
    assert "nothing was sent" in str(caught.value)
    assert SECRET not in f"{caught.value!r} {vars(caught.value)}"


@each("wire", ALL)
@each("value", [None, 1234, SECRET.encode(), [SECRET]], ids=["none", "int", "bytes", "list"])
def test_a_credential_that_is_no_text_is_refused_unseen(wire: str, value: object) -> None:
    """What is no text is refused by its type, and not shown."""
    with pytest.raises(InvalidRequest, match=f"^{PROOF[wire]} must be a text") as caught:
        ALL[wire](**{PROOF[wire]: value})
    assert SECRET not in f"{caught.value!r} {vars(caught.value)}"


# -- transport and time ----------------------------------------------------------------------------------------------

SEND = SendRequest(
    message=SmsMessage("Bonjour"), text="Bonjour", coding=Coding.GSM7, recipients=(Recipient("33612345678"),), parts=1
)
FIGURES = [0, -1, True, None, "60", float("nan"), float("inf"), 10**400]


@each("wire", ALL)
@each("figure", FIGURES, ids=map(str, range(len(FIGURES))))
def test_a_time_out_that_is_none_is_refused(wire: str, figure: object) -> None:
    """Seconds over 0, and finite: whatever else is given is refused with its argument's name."""
    with pytest.raises(InvalidRequest, match=r"^timeout must be seconds.*nothing was sent"):
        ALL[wire](timeout=figure)


@each("wire", HTTP)
@each("figure", [0, -1, True, None, "60", 1.5])
def test_a_bound_that_is_none_is_refused(wire: str, figure: object) -> None:
    """A largest answer is a whole number of bytes."""
    with pytest.raises(InvalidRequest, match=r"^max_response_bytes .*nothing was sent"):
        HTTP[wire][1](max_response_bytes=figure)


@each("wire", ALL)
@each("what", [object(), "transport", Silent], ids=["object", "text", "class"])
def test_a_transport_that_is_none_is_refused(wire: str, what: object) -> None:
    """What cannot send and be closed is no transport."""
    with pytest.raises(InvalidRequest, match=r"^transport must be an? (Http|Mail)Transport"):
        ALL[wire](transport=what)


ASKED: dict[str, Callable[[Any, Any], Any]] = {
    "rest": lambda backend, timeout: backend.call(GetInfo(), timeout=timeout),
    "soap": lambda backend, timeout: backend.perform(SoapGetInfo(), timeout=timeout),
    "envoyersmspro": lambda backend, timeout: backend.perform(GetAccountStatus(), timeout=timeout),
}


@pytest.mark.parametrize("wire", ASKED)
@pytest.mark.parametrize("figure", [0, -1, "60", float("nan")])
async def test_a_time_out_of_one_attempt_is_looked_at_too(wire: str, figure: object) -> None:
    """What could not be the backend's time-out cannot be one attempt's: nothing is sent with it."""
    transport = Silent()
    backend = HTTP[wire][1](transport=transport)
    with pytest.raises(InvalidRequest, match=r"^timeout must be seconds.*nothing was sent"):
        await ASKED[wire](backend, figure)
    assert transport.requests == []
    await backend.aclose()


@pytest.mark.parametrize("wire", HTTP)
async def test_a_time_out_of_one_send_is_looked_at_too(wire: str) -> None:
    """Nor can it be one send's."""
    transport = Silent()
    backend = HTTP[wire][1](transport=transport)
    with pytest.raises(InvalidRequest, match=r"^timeout must be seconds.*nothing was sent"):
        await backend.send(replace(SEND, timeout=-1))
    assert transport.requests == []
    await backend.aclose()


# -- the object -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", ALL)
async def test_a_transport_that_was_given_stays_the_callers(wire: str) -> None:
    """A backend closes what it opened, and nothing else."""
    transport = Silent()
    await ALL[wire](transport=transport).aclose()
    assert transport.closed == 0


async def test_a_view_closes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sub-account's view ends without the connections of the backend it came from, which closes them."""
    transport = Silent()
    monkeypatch.setattr("allmysms_async.protocols.connection.default_transport", lambda: transport)
    backend = RestBackend("demo", SECRET)
    await backend.with_sub_account("shop").aclose()
    assert transport.closed == 0
    await backend.aclose()
    assert transport.closed == 1


@each("wire", ALL)
def test_a_backend_shows_and_pickles_nothing_of_who_asks(wire: str) -> None:
    """Neither what a backend shows, nor what it is made of, holds login or secret, and nothing of it is pickled."""
    backend = ALL[wire](login="somebody", transport=Silent())
    for shown in (repr(backend), str(backend), repr(vars(backend))):
        assert "somebody" not in shown
        assert SECRET not in shown
    with pytest.raises(TypeError, match=f"{type(backend).__name__} holds credentials and connections and cannot be"):
        pickle.dumps(backend)
