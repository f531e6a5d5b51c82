"""The manual's own flows and answers, typed in from its pages, through the encoder and the reader."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from lxml import etree

from allmysms_async import Accepted, MmsMessage, Reason, Recipient, Rejected, SmsMessage
from allmysms_async.backend import SendRequest
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import MmsKind, Secret
from allmysms_async.protocols.mms.answer import read_account, read_send, results
from allmysms_async.protocols.mms.codec import Credentials, encode_account, encode_send
from allmysms_async.text import Coding
from tests.cases import each

SAMPLES = Path(__file__).parents[2] / "samples" / "mms"
CREDENTIALS = Credentials(login=Secret("login"), password=Secret("motdepasse"))
WHEN = datetime(2007, 11, 5, 14, 10, tzinfo=UTC)
PHOTO, GIF = "http://www.example.com/photo.jpg", "http://www.example.com/photo.gif"
CAPTION = "petit message de présentation"

KINDS: dict[str, MmsMessage] = {
    "text": MmsMessage(text="message"),
    "image": MmsMessage(text=CAPTION, image=PHOTO),
    "video": MmsMessage(text=CAPTION, video="http://www.example.com/film.3gp", duration=30),
    "sound": MmsMessage(text=CAPTION, sound="http://www.example.com/air.mid", duration=12),
    "sound_and_image": MmsMessage(text=CAPTION, sound="http://www.example.com/air.amr", image=GIF, duration=0),
}


def request(mms: MmsMessage | None, text: str, phones: Sequence[str], when: datetime | None, name: str | None) -> bytes:
    """Return the body of the request that sends."""
    sending = SendRequest(
        message=SmsMessage(text, send_at=when),
        text=text,
        coding=Coding.UNICODE,
        recipients=[Recipient(phone) for phone in phones],
        campaign_name=name,
        mms=mms,
    )
    return posted(encode_send(sending, CREDENTIALS, base_url="https://x.example", timeout=1, max_response_bytes=1))


def posted(wire: HttpRequest) -> bytes:
    """Return the body of a request, which is a POST of a form whatever it asks."""
    assert wire.method == "POST"
    assert "?" not in wire.url
    assert wire.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    return wire.body


def outline(element: Any) -> object:
    """Return an element as its tag and either its text or its children, in order."""
    return element.tag, [outline(child) for child in element] or (element.text or "").strip()


def test_each_kind_is_told_from_its_media() -> None:
    """The kind follows from what is given."""
    assert [mms.kind for mms in KINDS.values()] == list(MmsKind)


@each("name", KINDS)
def test_flow_is_the_one_of_the_manual(name: str) -> None:
    """Each kind's flow has the printed tags, in their case and order, with the printed contents."""
    mms = KINDS[name]
    told = MmsMessage(**{field: getattr(mms, field) for field in mms.__struct_fields__} | {"notify": True})
    body = request(told, mms.text, ("33600000000", "33611111111"), WHEN, "nom de campagne ")
    fields = dict(parse_qsl(body.decode("ascii"), strict_parsing=True))
    assert list(fields) == ["clientcode", "passcode", "XMLFlow"]
    assert (fields["clientcode"], fields["passcode"]) == ("login", "motdepasse")
    printed = (SAMPLES / name / "request").read_bytes()
    assert outline(etree.fromstring(fields["XMLFlow"])) == outline(etree.fromstring(printed))


def test_the_form_is_written_as_php_writes_it() -> None:
    """A whole body, literally: blanks are +, all but letters, figures and -_. are percent-encoded UTF-8."""
    body = request(None, "Été <b> & Noël_1.-\n+\r~", ("33612345678",), None, None)
    assert body == (
        b"clientcode=login&passcode=motdepasse&XMLFlow=%3CDATA%3E%3CCLIENT%3ELOGIN%3C%2FCLIENT%3E"
        b"%3CMOBILEPHONE%3E%2B33612345678%3C%2FMOBILEPHONE%3E%3CMSGCLASS%3E0%3C%2FMSGCLASS%3E"
        b"%3CMESSAGE%3E%C3%89t%C3%A9+%26lt%3Bb%26gt%3B+%26amp%3B+No%C3%ABl_1.-%0A%2B%26%2313%3B~"
        b"%3C%2FMESSAGE%3E%3C%2FDATA%3E"
    )


@pytest.mark.parametrize(("notify", "written"), [(None, None), (False, "0"), (True, "1")])
def test_notification_is_asked_for_refused_or_left(notify: bool | None, written: str | None) -> None:
    """MAIL_NOTIF is 0 or 1, or absent."""
    body = request(MmsMessage(text="x", notify=notify), "x", ("33612345678",), None, None)
    flow = etree.fromstring(dict(parse_qsl(body.decode()))["XMLFlow"])
    assert flow.findtext("MAIL_NOTIF") == written
    assert flow.find("CAMPAIGN_NAME") is None
    assert flow.find("DATE") is None


def test_addresses_are_the_ones_of_the_manual() -> None:
    """Sending and asking go to the printed pages."""
    sending = SendRequest(
        message=SmsMessage("x"), text="x", coding=Coding.UNICODE, recipients=[Recipient("33612345678")]
    )
    wire = encode_send(sending, CREDENTIALS, base_url="https://x.example", timeout=1, max_response_bytes=1)
    assert wire.url == "https://x.example/amsmodule.sendmms.v2.php"
    asking = encode_account(CREDENTIALS, "a", base_url="https://x.example", timeout=1, max_response_bytes=1)
    assert asking.url == "https://x.example/amsmodule.sendsms.v6.php"


def test_account_request_is_the_one_of_the_manual() -> None:
    """The printed fields, in order, nothing else."""
    credentials = Credentials(login=Secret("votrecodeclient"), password=Secret("votremotdepasse"))
    wire = encode_account(
        credentials, "login_a_verifier", base_url="https://x.example", timeout=1, max_response_bytes=1
    )
    assert posted(wire) == (SAMPLES / "account" / "request").read_bytes()


@each("name", [*KINDS, "recoverids"])
def test_printed_answer_accepts_the_listed(name: str) -> None:
    """Both listed numbers are accepted, whatever form they come in; the junk among the refused is nobody's."""
    body = (SAMPLES / name / "response").read_bytes()
    answer = read_send(HttpResponse(status=200, headers={}, body=body), "sendmms")
    people = (Recipient("33600000000"), Recipient("33611111111"))
    assert results(answer, people) == (Accepted("33600000000"), Accepted("33611111111"))
    assert (answer.code, answer.text, answer.credits) == ("100", "Le message a été envoyé", Decimal(416))
    assert answer.whole
    if name != "recoverids":
        assert answer.campaign_id == "hbhvirbvc"
        assert answer.refused == {"0400000000", "06XXzsqsd"}
        assert answer.raw["InvalidNums"] == "0400000000|06XXzsqsd"


def test_refused_number_comes_back_in_its_own_form() -> None:
    """A refused mobile is matched on its canonical form, however it is echoed."""
    body = b"Status=100\nInvalidNums=+33600000000|0622222222\nIDs=<RECOVERIDS></RECOVERIDS>\n"
    answer = read_send(HttpResponse(status=200, headers={}, body=body), "sendmms")
    people = (Recipient("33600000000"), Recipient("33622222222"))
    assert results(answer, people) == tuple(Rejected(each.phone, Reason.INVALID_AT_GATEWAY) for each in people)


def test_printed_account_answer_is_read() -> None:
    """The space after = is no part of the words."""
    body = (SAMPLES / "account" / "response").read_bytes()
    answer = read_account(HttpResponse(status=200, headers={}, body=body), "info")
    assert (answer.code, answer.text, answer.credits) == ("100", "Compte actif", Decimal(416))


def test_every_sample_is_used_and_names_its_source() -> None:
    """Each sample says from which part of the manual it was typed in, and each is driven by a test."""
    assert {path.name for path in SAMPLES.iterdir()} == {*KINDS, "recoverids", "account"}
    assert all((path / "SOURCE").read_text().startswith("MMS module, §") for path in SAMPLES.iterdir())
