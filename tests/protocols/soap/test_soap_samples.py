"""The manual's own envelopes, typed in from its pages, through the builder and the reader."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from lxml import etree

from allmysms_async.exchange import HttpResponse
from allmysms_async.model import NewSubAccount, Recipient, Secret
from allmysms_async.protocols.soap.account import CreateSubAccount, DeleteCampaign, GetInfo, GetStop
from allmysms_async.protocols.soap.codec import Credentials, decode, encode
from allmysms_async.protocols.soap.envelope import EnvelopeBuilder
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.reports import GetAcks, GetPull
from allmysms_async.protocols.soap.sms import SendSms
from allmysms_async.protocols.soap.tree import read_answer
from tests.cases import each

SAMPLES = Path(__file__).parents[2] / "samples" / "soap"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"


def paris(*parts: int) -> datetime:
    """Return a moment by the clocks of Paris."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[arg-type]


ACCOUNT = NewSubAccount(
    first_name="?",
    last_name="?",
    company="?",
    mobile="?",
    email="?",
    login="?",
    password=Secret("?"),
    phone="?",
    website="?",
    address="?",
    zip_code="?",
    city="?",
    country="?",
    notify_owner=True,
    notify_master=False,
    post_paid=True,
)
SEND = SendSms(
    message="? #param_1#",
    recipients=(Recipient("?", ("?",)),),
    dynamic=1,
    lowcost=False,
    campaign_name="?",
    cli_msg_id="?",
    date=paris(2011, 5, 25, 18),
    tpoa="?",
    mail_notif=True,
)
IDS = tuple({"mobile_phone": "336xxxxxxx", "id": number, "part": "1"} for number in ("32845703", "32845704"))
STOPS = (
    ("33612345678", paris(2014, 1, 22, 14, 34, 12)),
    ("33612345679", paris(2014, 1, 25, 14, 47, 30)),
    ("33612345680", paris(2014, 1, 22, 17, 13, 12)),
    ("33612345681", paris(2014, 1, 22, 15, 6, 46)),
)
PULL = {
    "id": None,
    "campaign_id": "ap_11115693606",
    "message": "Test pull",
    "reception_date": paris(2013, 6, 25, 11, 31, 29),
    "phone_number": "33611223344",
}
ACK = {
    "phone_number": "33611223344",
    "status": "1",
    "comment": "Delivered",
    "reception_date": paris(2013, 6, 25, 11, 32, 3),
}

# The case, its operation, and what its answer says.
CASES: list[tuple[str, Operation[Any], dict[str, Any]]] = [
    (
        "send_sms",
        SEND,
        {"status": "100", "status_text": "Le message a été envoyé", "credits": Decimal(1440), "invalid_numbers": ""}
        | {"campaign_id": "ap_111110693496", "ids": IDS},
    ),
    ("get_acks", GetAcks("?"), {"status": "0", "acks": (ACK,), "cli_msg_id": "myMsgId"}),
    ("get_pull", GetPull("?"), {"status": "0", "pulls": (PULL,), "cli_msg_id": "myMsgId"}),
    ("get_info", GetInfo(), {"status": "active account", "credits": Decimal(1410)}),
    ("delete_campaign", DeleteCampaign("?"), {"status": "OK"}),
    (
        "get_stop",
        GetStop(),
        {
            "stops": tuple(
                {"phone_number": phone, "comment": "stop", "reception_date": moment} for phone, moment in STOPS
            )
        },
    ),
    ("create_sub_account", CreateSubAccount(ACCOUNT), {"text": "Sub-account successfully created"}),
]
NAMES = [case[0] for case in CASES]


@pytest.fixture(scope="module", name="builder")
def _builder() -> EnvelopeBuilder:
    """A builder by the WSDL of the package."""
    return EnvelopeBuilder()


def built(builder: EnvelopeBuilder, operation: Operation[Any]) -> bytes:
    """Return the envelope of an operation."""
    who = Credentials(login=Secret("?"), passcode=Secret("?"))
    return encode(operation, who, builder, endpoint="https://x/", timeout=1, max_response_bytes=1).body


def outline(element: Any) -> tuple[Any, ...]:
    """Return what an envelope says beside its values: names, order, types by their full names, and encodingStyle."""
    kind = element.get(f"{XSI}type")
    if kind is not None:
        prefix, _, name = kind.rpartition(":")
        kind = f"{{{element.nsmap[prefix]}}}{name}"
    inner = tuple(
        outline(child) for child in element if isinstance(child.tag, str) and child.tag != f"{ENVELOPE}Header"
    )
    return element.tag, kind, element.get(f"{ENVELOPE}encodingStyle"), inner


@pytest.mark.parametrize(("case", "operation", "_says"), CASES, ids=NAMES)
def test_printed_request_is_what_is_built(
    builder: EnvelopeBuilder, case: str, operation: Operation[Any], _says: object
) -> None:
    """Every printed request is built: the same names in the same order, the same types, the same encoding."""
    printed = etree.fromstring((SAMPLES / case / "request").read_bytes())
    assert outline(etree.fromstring(built(builder, operation))) == outline(printed)


@each(("case", "operation", "says"), CASES, ids=NAMES)
def test_printed_answer_is_read_without_loss(case: str, operation: Operation[Any], says: dict[str, Any]) -> None:
    """Every printed answer gives each of its fields, whatever type it is printed with."""
    body = (SAMPLES / case / "response").read_bytes()
    result = decode(type(operation), HttpResponse(status=200, headers={}, body=body))
    fields = msgspec.structs.asdict(result)
    raw = fields.pop("raw")
    plain = msgspec.to_builtins(fields, builtin_types=(datetime, Decimal))
    assert msgspec.convert(plain, dict) == msgspec.to_builtins(says, builtin_types=(datetime, Decimal))
    assert set(leaves(raw)) == {text for text in texts(etree.fromstring(body)) if text}


def leaves(value: Any) -> Iterator[str]:
    """Yield every text in a raw answer."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif value:
        yield value


def texts(element: Any) -> Iterator[str]:
    """Yield every text that a document holds."""
    yield from ((one.text or "").strip() for one in element.iter() if not len(one))


def test_every_operation_has_a_sample() -> None:
    """The folder of samples and this table name the same seven operations, each with its source."""
    assert sorted(NAMES) == sorted(folder.name for folder in SAMPLES.iterdir())
    assert all((SAMPLES / name / "SOURCE").read_text(encoding="utf-8").startswith("SOAP API") for name in NAMES)


def test_values_arrive_as_they_were_given(builder: EnvelopeBuilder) -> None:
    """What the envelope holds is what was asked: the date as YYYY-MM-DD, accents, ampersands, line ends."""
    body = built(
        builder,
        SendSms(
            message="Été à 50 € <b>&amp; #param_1#\r\nfin",
            recipients=(Recipient("0612345678", ("a & <b>",)), Recipient("0611111111", ("",))),
            dynamic=1,
            date=paris(2027, 7, 14, 9, 30),
        ),
    )
    document = etree.fromstring(body)
    found = {element.tag: element.text or "" for element in document.iter() if not len(element)}
    assert found["message"] == "Été à 50 € <b>&amp; #param_1#\r\nfin"
    assert found["date"] == "2027-07-14 09:30:00"
    assert [item.text for item in document.iter("item") if not len(item)] == ["a & <b>", None]
    assert {"campaignName", "cliMsgId", "tpoa", "mailNotif", "lowcost"}.isdisjoint(found)


def test_answer_shapes_of_php_are_all_read() -> None:
    """Maps, nil, lists of one, hrefs and empty structs are read by their shape."""
    body = b"""<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"
      xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:C="http://schemas.xmlsoap.org/soap/encoding/"><E:Body>
      <xResponse><return i:type="a:Map">
        <item><key>one</key><value i:type="b:ArrayOfThing"><item>1</item></value></item>
        <item><key>nil</key><value i:nil="1">x</value></item>
        <item><key>ref</key><value href="#r"/></item>
        <item><key>empty list</key><value C:arrayType="x[0]"/></item>
        <item><key>empty struct</key><value i:type="C:Struct"/></item>
        <item><key>repeated</key><value><a>1</a><b/><a>2</a><a>3</a></value></item>
      </return></xResponse><m id="r"><k>v</k></m></E:Body></E:Envelope>"""
    assert read_answer(body, "x") == {
        "one": ["1"],
        "nil": None,
        "ref": {"k": "v"},
        "empty list": [],
        "empty struct": {},
        "repeated": {"a": ["1", "2", "3"], "b": ""},
    }
