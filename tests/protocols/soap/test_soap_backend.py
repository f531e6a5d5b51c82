"""The backend: what it refuses before anything is sent, where it sends to, what it shows, what it costs the loop."""

import logging
import pickle
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from lxml import etree

import allmysms_async
from allmysms_async import (
    AllMySmsError,
    Campaign,
    InvalidRequest,
    InvalidText,
    NewSubAccount,
    OutcomeUnknown,
    Reason,
    Recipient,
    SmsMessage,
    SmsService,
    SoapBackend,
    UnsupportedFeature,
)
from allmysms_async.backend import CAPABILITIES, SendRequest
from allmysms_async.errors import InvalidSender
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import Secret
from allmysms_async.protocols.soap.account import CreateSubAccount
from allmysms_async.protocols.soap.envelope import EnvelopeBuilder
from allmysms_async.protocols.soap.reports import GetAcks
from allmysms_async.protocols.soap.sms import SendSms
from allmysms_async.sandbox.soap.wsdl import description
from allmysms_async.text import Coding

KEY, TEXT, PHONE = "p4ssOfTheAccount", "Votre code est 482159", "33612345678"
SENT = b"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body><sendSmsResponse><return>
<status>100</status><campaignId>c-1</campaignId></return></sendSmsResponse></E:Body></E:Envelope>"""


class Fixed:
    """A transport that keeps what it is asked, and answers what it was told."""

    def __init__(self, body: bytes = SENT) -> None:
        """Answer every request with a body."""
        self.body = body
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.requests.append(request)
        return HttpResponse(status=200, headers={}, body=self.body)

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.fixture(name="transport")
def _transport() -> Fixed:
    """A transport that says that everything was sent."""
    return Fixed()


@pytest.fixture(name="make")
def _make(transport: Fixed) -> Callable[..., SmsService]:
    """Make a service over a backend with options."""

    def make(**options: Any) -> SmsService:
        return SmsService(SoapBackend("demo", KEY, transport=transport, **options))

    return make


# -- refused before anything is sent ----------------------------------------------------------------------------------

REFUSED: dict[str, tuple[SmsMessage, Recipient, type[AllMySmsError], str]] = {
    "unicode": (
        SmsMessage("Ciao 🎉 ça"),
        Recipient(PHONE),
        InvalidText,
        "ç (U+00E7): send as Unicode. But this protocol has no Unicode texts",
    ),
    "unicode in a value": (SmsMessage("#param_1#"), Recipient(PHONE, ("Łuc",)), InvalidText, "Ł (U+0141)"),
    "unicode asked": (SmsMessage("Ciao", encoding="unicode"), Recipient(PHONE), InvalidText, "no Unicode"),
    "too long": (SmsMessage("x" * 641), Recipient(PHONE), InvalidText, "641 units"),
    "too long expanded": (SmsMessage("#param_1#" * 2), Recipient(PHONE, ("x" * 321,)), InvalidText, "text_too_long"),
    "control": (SmsMessage("Bon\x00jour"), Recipient(PHONE), InvalidText, "U+0000"),
    "half a character": (SmsMessage("Bon\ud83djour"), Recipient(PHONE), InvalidText, "U+D83D"),
    "control in a value": (SmsMessage("#param_1#"), Recipient(PHONE, ("\x0b",)), InvalidText, "invalid_param"),
    "value missing": (SmsMessage("#param_1# #param_2#"), Recipient(PHONE, ("a",)), InvalidText, "missing_param"),
    "gap": (SmsMessage("#param_2#"), Recipient(PHONE, ("a", "b")), InvalidText, "#param_1# is missing"),
    "space in the sender": (SmsMessage("x", sender="MON MAG"), Recipient(PHONE), InvalidSender, "without a space"),
    "digit first": (SmsMessage("x", sender="1MAG"), Recipient(PHONE), InvalidSender, "letter"),
    "accent in the sender": (SmsMessage("x", sender="ÉTÉ"), Recipient(PHONE), InvalidSender, "accents"),
    "short sender": (SmsMessage("x", sender="AB"), Recipient(PHONE), InvalidSender, "3 to 11"),
    "long sender": (SmsMessage("x", sender="ABCDEFGHIJKL"), Recipient(PHONE), InvalidSender, "3 to 11"),
    "tracked": (SmsMessage("x", track_links=True), Recipient(PHONE), UnsupportedFeature, "rest"),
    "urgent": (SmsMessage("x", priority=True), Recipient(PHONE), UnsupportedFeature, "rest"),
    "naive date": (SmsMessage("x", send_at=datetime(2099, 1, 1)), Recipient(PHONE), InvalidRequest, "time zone"),
    "control in the reference": (SmsMessage("x", reference="a\x01"), Recipient(PHONE), InvalidRequest, "printable"),
}


@pytest.mark.parametrize(("message", "to", "kind", "what"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    make: Callable[..., SmsService],
    transport: Fixed,
    message: SmsMessage,
    to: Recipient,
    kind: type[AllMySmsError],
    what: str,
) -> None:
    """What this protocol, XML or PHP cannot carry is one typed error, and no request."""
    async with make() as sms:
        with pytest.raises(kind, match=r"nothing was sent|GSM-7|cannot hold|placeholders|no value") as caught:
            await sms.send(message, to)
    assert what in str(caught.value)
    assert transport.requests == []


async def test_low_cost_takes_160_characters(make: Callable[..., SmsService], transport: Fixed) -> None:
    """The cheaper route takes 160 and the usual one 640, and the request says which it is."""
    async with make() as sms:
        await sms.send("x" * 640, PHONE)
    async with make(lowcost=True, mail_notif=True) as sms:
        await sms.send("x" * 160, PHONE)
        with pytest.raises(InvalidText, match="161 units"):
            await sms.send("x" * 161, PHONE)
    usual, cheap = (etree.fromstring(request.body) for request in transport.requests)
    assert [usual.findtext(".//lowcost"), usual.findtext(".//mailNotif")] == ["0", None]
    assert [cheap.findtext(".//lowcost"), cheap.findtext(".//mailNotif")] == ["1", "1"]


async def test_unicode_row_is_rejected_and_the_others_sent(make: Callable[..., SmsService]) -> None:
    """One value outside GSM-7 does not sink the campaign: that row is rejected, with its reason."""
    people = [Recipient("0612345678", ("Zoé",)), Recipient("0611111111", ("Łukasz",))]
    async with make() as sms:
        message = SmsMessage("Bonjour #param_1#", purpose="transactional")
        result = await sms.run(Campaign("x", message, people))
    assert (result.accepted, result.rejected, result.rejections) == (1, 1, {Reason.NEEDS_UNICODE: 1})


DIRECT: dict[str, tuple[Any, str]] = {
    "nobody": (SendSms(message="x", recipients=()), "nobody"),
    "too many values promised": (SendSms(message="#param_1#", recipients=(Recipient("6"),), dynamic=2), "dynamic"),
    "value missing": (SendSms(message="#param_1#", recipients=(Recipient("6"),), dynamic=1), "#param_1# has no value"),
    "control in the name": (SendSms(message="x", recipients=(Recipient("6"),), campaign_name="a\x08"), "U+0008"),
    "control in the text": (SendSms(message="\x1b", recipients=(Recipient("6"),)), "U+001B"),
    "non-character": (SendSms(message="x", recipients=(Recipient("6\uffff"),)), "U+FFFF"),
    "naive date": (SendSms(message="x", recipients=(Recipient("6"),), date=datetime(2099, 1, 1)), "time zone"),
    "campaign id": (GetAcks("a\x00"), "campaign id holds U+0000"),
    "sub-account": (CreateSubAccount(NewSubAccount(login="a")), "needs first_name"),
}


@pytest.mark.parametrize(("operation", "what"), DIRECT.values(), ids=DIRECT)
async def test_operation_that_cannot_travel_is_refused(transport: Fixed, operation: Any, what: str) -> None:
    """An operation that is called by itself is checked too: it names the field, and nothing is sent."""
    backend = SoapBackend("demo", KEY, transport=transport)
    with pytest.raises(InvalidRequest, match="nothing was") as caught:
        await backend.perform(operation)
    await backend.aclose()
    assert what in str(caught.value)
    assert transport.requests == []


async def test_what_the_protocol_lacks_is_refused_by_name(make: Callable[..., SmsService], transport: Fixed) -> None:
    """A report of one text, and replies to nothing in particular, are refused before any I/O."""
    async with make() as sms:
        with pytest.raises(UnsupportedFeature) as caught:
            await sms.delivery_report("7")
        assert caught.value.backends == ("rest",)
        with pytest.raises(InvalidRequest, match="campaign id"):
            [reply async for reply in sms.replies()]
        with pytest.raises(UnsupportedFeature):
            await sms.simulate("x", PHONE)
        with pytest.raises(UnsupportedFeature):
            await sms.send("x", PHONE, idempotency_key="k")
    assert transport.requests == []


def test_capabilities_are_those_of_the_table(transport: Fixed) -> None:
    """The table of capabilities says of this backend what it is."""
    backend = SoapBackend("demo", KEY, transport=transport)
    assert {kind for kind in CAPABILITIES if isinstance(backend, kind)} == {
        kind for kind, (_, names) in CAPABILITIES.items() if "soap" in names
    }


async def test_unanswered_send_is_never_repeated(told: Any) -> None:
    """SOAP has no idempotency keys: an answer that says nothing is unknown after one attempt."""
    told.body = b"<html/>"
    async with SmsService(told.backend()) as sms:
        with pytest.raises(OutcomeUnknown, match="no idempotency keys"):
            await sms.send("Bonjour", PHONE)
    assert len(told.requests) == 1


# -- where it sends to ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    ["http://api.msinnovations.com/soap/server.php", "ftp://x/", "https://", "https://a:b@x/", "api.msinnovations.com"],
)
def test_address_that_would_show_the_password_is_refused(transport: Fixed, endpoint: str) -> None:
    """Plain http to another host, and addresses with credentials, are refused; the refusal has no password."""
    with pytest.raises(InvalidRequest) as caught:
        SoapBackend("demo", KEY, endpoint=endpoint, transport=transport)
    assert KEY not in str(caught.value)


def test_plain_http_is_allowed_with_a_warning(transport: Fixed) -> None:
    """Plain http needs leave, and then warns, at the caller's line; loopback needs neither, https is the default."""
    endpoint = "http://api.msinnovations.com/soap/server.php"
    with pytest.warns(UserWarning, match="in clear to api.msinnovations.com") as caught:
        SoapBackend("demo", KEY, endpoint=endpoint, allow_plain_http=True, transport=transport)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SoapBackend("demo", KEY, endpoint="http://127.0.0.1:1/", transport=transport)
        assert "https://" in repr(SoapBackend("demo", KEY, transport=transport))


async def test_request_is_what_soap_11_asks_for(make: Callable[..., SmsService], transport: Fixed) -> None:
    """The request is a POST of text/xml with its SOAPAction, to the endpoint."""
    async with make(endpoint="https://example.com/soap/server.php") as sms:
        await sms.send("Bonjour", PHONE)
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", "https://example.com/soap/server.php")
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert request.headers["SOAPAction"] == '"http://api.msinnovations.com/api/soap/server.php#sendSms"'


# -- the WSDL ---------------------------------------------------------------------------------------------------------


@pytest.fixture(name="no_network")
def _no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note and refuse every attempt to reach out."""
    tried: list[object] = []

    def refuse(*args: object, **_: object) -> NoReturn:
        tried.append(args)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def custom(path: Path, extra: str, where: str = "</xsd:schema>") -> Path:
    """Write the sandbox's WSDL with something more in it."""
    text = description("https://x").decode().replace(where, extra + where, 1)
    path.write_text(text, encoding="utf-8")
    return path


ENC = 'xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/"'
STRUCT = (
    f'<xsd:complexType name="A" {ENC}><xsd:sequence><xsd:element name="x" type="enc:Struct"/></xsd:sequence>'
    "</xsd:complexType>"
)
ARRAY = (
    f'<xsd:complexType name="B" {ENC} xmlns:w="http://schemas.xmlsoap.org/wsdl/"><xsd:complexContent>'
    '<xsd:restriction base="enc:Array"><xsd:attribute ref="enc:arrayType" w:arrayType="xsd:string[]"/>'
    "</xsd:restriction></xsd:complexContent></xsd:complexType>"
)


@pytest.mark.parametrize(
    "extra",
    [
        "",
        STRUCT,
        ARRAY,
        '<xsd:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/>',
    ],
    ids=["plain", "struct", "array", "import"],
)
async def test_user_s_wsdl_is_built_by_without_the_network(
    tmp_path: Path, transport: Fixed, no_network: list[object], extra: str
) -> None:
    """A user's own WSDL is used, and SOAP's own types in it are known without fetching them."""
    backend = SoapBackend("demo", KEY, wsdl=custom(tmp_path / "own.wsdl", extra), transport=transport)
    await backend.perform(SendSms(message="x", recipients=(Recipient("336"),)))
    await backend.aclose()
    assert b"<mobilePhone" in transport.requests[0].body
    assert no_network == []


BAD = {
    "imports": '<xsd:import namespace="urn:other" schemaLocation="http://127.0.0.1:1/other.xsd"/>',
    "includes": '<xsd:include schemaLocation="http://127.0.0.1:1/other.xsd"/>',
    "includes a file": '<xsd:include schemaLocation="/etc/hostname"/>',
    "names nothing": '<xsd:complexType name="A"><xsd:sequence><xsd:element name="x" type="tns:Nope"/></xsd:sequence>'
    "</xsd:complexType>",
}


@pytest.mark.parametrize("extra", BAD.values(), ids=BAD)
async def test_wsdl_that_wants_more_is_refused(
    tmp_path: Path, transport: Fixed, no_network: list[object], extra: str
) -> None:
    """A WSDL that wants another document, or is broken, is refused; nothing is fetched and nothing sent."""
    backend = SoapBackend("demo", KEY, wsdl=custom(tmp_path / "own.wsdl", extra), transport=transport)
    with pytest.raises(InvalidRequest, match="WSDL"):
        await backend.account()
    await backend.aclose()
    assert (no_network, transport.requests) == ([], [])


FILES = {
    "empty": b"",
    "text": b"hello",
    "xml": b"<a/>",
    "doctype": b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
    "no service": description("https://x").replace(b"<service", b"<other").replace(b"</service", b"</other"),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_file_that_is_no_wsdl_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no WSDL is one typed error, as is one that is not there."""
    path = tmp_path / "own.wsdl"
    with pytest.raises(InvalidRequest, match="cannot be read"):
        EnvelopeBuilder(path)
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match="WSDL"):
        EnvelopeBuilder(str(path))


def test_wsdl_without_an_operation_refuses_it(tmp_path: Path) -> None:
    """What the WSDL at hand does not have is refused by name."""
    path = tmp_path / "own.wsdl"
    path.write_bytes(description("https://x").replace(b"getStop", b"getStops"))
    builder = EnvelopeBuilder(path)
    with pytest.raises(InvalidRequest, match="getStop: the WSDL does not have"):
        builder.build("getStop", {"clientId": "a", "passCode": "b"})
    with pytest.raises(InvalidRequest, match="getAcks: the WSDL does not have"):
        builder.build("getAcks", {"clientId": "a"} | {"nope": "b"})


# -- secrets ----------------------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """Return everything that printing a value shows."""
    return f"{value!r} {value} {[value]}"


def check(text: str) -> None:
    """Check that something that is shown holds no secret."""
    assert not any(secret in text for secret in (KEY, TEXT, "482159", PHONE, "0612345678"))


SEND = SendRequest(message=SmsMessage(TEXT), text=TEXT, coding=Coding.GSM7, recipients=(Recipient(PHONE),))


async def test_password_is_shown_nowhere(transport: Fixed) -> None:
    """Neither a backend, a request, nor an operation shows the password, the text or a number, and none is pickled."""
    backend = SoapBackend("demo-login", KEY, transport=transport)
    await backend.send(SEND)
    await backend.aclose()
    (request,) = transport.requests
    assert KEY.encode() in request.body
    new = NewSubAccount(login="a", password=Secret(KEY))
    for value in (backend, vars(backend), request, f"{request.url}{request.headers}", CreateSubAccount(new)):
        check(shown(value))
    assert "demo-login" not in shown(backend)
    check(shown(SendSms(message=TEXT, recipients=(Recipient(PHONE),))))
    for value in (backend, vars(backend)["_credentials"], CreateSubAccount(new), new):
        with pytest.raises(TypeError):
            pickle.dumps(value)


@pytest.mark.parametrize("passcode", ["", "a\n", "a\x00b"])
def test_impossible_password_is_refused_without_being_shown(passcode: str) -> None:
    """A password that cannot travel is refused, and the refusal does not hold it."""
    with pytest.raises(InvalidRequest) as caught:
        SoapBackend("demo", passcode)
    assert not passcode or passcode not in str(caught.value)


@pytest.mark.parametrize("ends", ["answered", "refused", "garbage", "fault", "unreachable"])
async def test_logs_and_errors_hold_no_secret(told: Any, caplog: pytest.LogCaptureFixture, ends: str) -> None:
    """With every logger at DEBUG, zeep's included, a send over the wire logs no secret, and its error holds none."""
    echo = f"{KEY} {TEXT} {PHONE}"
    bodies = {
        "answered": SENT.decode(),
        "refused": SENT.decode().replace("100", "102").replace("c-1", echo),
        "garbage": echo,
        "fault": f"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body><E:Fault><faultcode>{KEY}
            </faultcode><faultstring>{echo}</faultstring></E:Fault></E:Body></E:Envelope>""",
        "unreachable": "",
    }
    told.body = bodies[ends].encode()
    if ends == "unreachable":
        told.port = 1
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    backend = SoapBackend("demo", KEY, endpoint=f"http://127.0.0.1:{told.port}/")
    error: AllMySmsError | None = None
    try:
        await backend.send(SEND)
    except AllMySmsError as caught:
        error = caught
    await backend.aclose()
    assert (error is None) is (ends == "answered")
    assert any(record.name.startswith("zeep") for record in caplog.records)
    for record in caplog.records:
        check(f"{record.getMessage()} {record.args}")
    if error is not None:
        check(shown(error) + "".join(traceback.format_exception(error)))
        check(pickle.dumps(error).decode("latin-1"))


# -- what it costs the loop -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_the_library_imports_neither_zeep_nor_lxml() -> None:
    """The heavy libraries come with the first SOAP request, not with the library."""
    code = (
        "import sys, allmysms_async; allmysms_async.SoapBackend('demo', 'pass');"
        "print(sorted({'zeep', 'lxml', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=280)
    assert done.stdout.strip() == "[]"


def answer_of(people: list[Recipient]) -> bytes:
    """Return an answer that has an identifier for each recipient."""
    items = "".join(
        f'<item i:type="s"><mobilePhone i:type="s">{person.phone}</mobilePhone><id i:type="s">{number}</id>'
        '<part i:type="s">1</part></item>'
        for number, person in enumerate(people)
    )
    return f"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"
        xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><E:Body><sendSmsResponse><return><status>100</status>
        <campaignId>c</campaignId><ids>{items}</ids></return></sendSmsResponse></E:Body></E:Envelope>""".encode()


async def test_chunk_of_200_blocks_the_loop_for_less_than_20_ms(longest_gap: Any) -> None:
    """Building and reading the default chunk, two values each, leaves the event loop its turns."""
    people = [Recipient(str(33_620_000_000 + number), ("Prénom", "https://example.com/x")) for number in range(200)]
    text = "Bonjour #param_1#, voici le lien #param_2#, bonne journée et à bientôt. STOP au 36180"
    request = SendRequest(
        message=SmsMessage(text), text=text, coding=Coding.GSM7, recipients=tuple(people), params=2, parts=200
    )
    backend = SoapBackend("demo", KEY, transport=Fixed(answer_of(people)))
    assert backend.limits.recipients == len(people)
    assert len((await backend.send(request)).accepted) == 200
    gaps = [await longest_gap(backend.send(request)) for _ in range(7)]
    await backend.aclose()
    # What is the work's doing is in every run; what a busy machine adds to it, in some.
    assert min(gaps) < (0.020 if sys.gettrace() is None else 0.040), gaps  # measuring coverage doubles it


@pytest.mark.slow
def test_first_request_does_not_hold_the_loop_for_the_import() -> None:
    """zeep's import, 0.2 s and more, leaves the event loop its turns too."""
    code = f"""
import asyncio, sys, time
sys.path[:0] = {sys.path!r}
from allmysms_async import SoapBackend
from allmysms_async.exchange import HttpResponse
class Fixed:
    async def send(self, request):
        return HttpResponse(status=200, headers={{}}, body={answer_of([])!r})
    async def aclose(self): pass
async def main():
    from allmysms_async.protocols.soap.sms import SendSms
    from allmysms_async import Recipient
    backend = SoapBackend("demo", "pass", transport=Fixed())
    turns = 0
    async def tick():
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1
    ticking = asyncio.create_task(tick())
    await backend.perform(SendSms(message="x", recipients=[Recipient("336")]))
    await backend.aclose()
    print(turns, "zeep" in sys.modules)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=280)
    turns, imported = done.stdout.split()
    assert imported == "True"
    assert int(turns) >= 10


async def test_backend_that_was_closed_works_again_with_a_transport_of_the_caller_s(transport: Fixed) -> None:
    """Closing ends the thread; with a transport that is still open, a later call starts another."""
    backend = SoapBackend("demo", KEY, transport=transport)
    await backend.send(SEND)
    await backend.aclose()
    await backend.aclose()
    await backend.send(SEND)
    await backend.aclose()
    assert len(transport.requests) == 2


def test_package_holds_what_it_reads() -> None:
    """The WSDL and the schema are in the package, and the WSDL imports nothing."""
    folder = Path(allmysms_async.__file__).parent / "protocols" / "soap"
    text = (folder / "allmysms.wsdl").read_text(encoding="utf-8")
    assert "import " not in text.partition("-->")[2]
    assert (folder / "soap-encoding.xsd").is_file()
