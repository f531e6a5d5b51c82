"""Requests of the gateway, as literal bytes, and the events that they are."""

import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from allmysms_async.errors import InvalidRequest
from allmysms_async.model import DeliveryReport, DeliveryStatus, Event, Reply, UnknownEvent, identity
from allmysms_async.webhooks import parse
from tests.cases import each

# 11:40:35 in Paris, in winter.
AT = datetime(2017, 2, 19, 10, 40, 35, tzinfo=UTC)
REPORT = DeliveryReport(
    phone="33612345678",
    status=DeliveryStatus.DELIVERED,
    code="1",
    comment="Délivré",
    received_at=AT,
    sms_id="4fd2e8",
    campaign_id="ap_284x",
)
REPLY = Reply(
    phone="33612345678", text="Réponse 1", received_at=AT, reply_id="32154", sms_id="4fd2e8", campaign_id="ap_284x"
)


def typed(event: Event | None) -> Event | None:
    """Return an event without what it came with."""
    if isinstance(event, DeliveryReport):
        return DeliveryReport(
            phone=event.phone,
            status=event.status,
            code=event.code,
            comment=event.comment,
            received_at=event.received_at,
            sms_id=event.sms_id,
            campaign_id=event.campaign_id,
        )
    if isinstance(event, Reply):
        return Reply(
            phone=event.phone,
            text=event.text,
            received_at=event.received_at,
            reply_id=event.reply_id,
            sms_id=event.sms_id,
            campaign_id=event.campaign_id,
        )
    return event


# The variables and their order are those of §6.2 and §14.3; the values those of §9.2, §14.2 and annex 3.
REPORTS = {
    "urlencode": b"smsId=4fd2e8&status=1&statusText=D%C3%A9livr%C3%A9&receptionDate=2017-02-19+11%3A40%3A35"
    b"&phoneNumber=33612345678&campaignId=ap_284x",
    "rawurlencode": b"smsId=4fd2e8&status=1&statusText=D%C3%A9livr%C3%A9&receptionDate=2017-02-19%2011%3A40%3A35"
    b"&phoneNumber=33612345678&campaignId=ap_284x",
    "not escaped": b"smsId=4fd2e8&status=1&statusText=D\xc3\xa9livr\xc3\xa9&receptionDate=2017-02-19 11:40:35"
    b"&phoneNumber=+33612345678&campaignId=ap_284x",
    "iso-8859-1": b"smsId=4fd2e8&status=1&statusText=D%E9livr%E9&receptionDate=2017-02-19+11%3A40%3A35"
    b"&phoneNumber=33612345678&campaignId=ap_284x",
    "other order and case": b"?CAMPAIGNID=ap_284x&PhoneNumber=0612345678&receptiondate=2017-02-19T11:40:35"
    b"&StatusText=D%c3%a9livr%c3%a9&STATUS=%201%20&SMSID=4fd2e8",
    "entities": b"smsId=4fd2e8&amp;status=1&amp;statusText=D%C3%A9livr%C3%A9&amp;receptionDate=2017-02-19+11%3A40%3A35"
    b"&amp;phoneNumber=33612345678&amp;campaignId=ap_284x",
    "broken date": b"smsId=4fd2e8&status=1.0&statusText=D%C3%A9livr%C3%A9&receptionDate=2017-02-19%0D%0A11%3A40%3A35"
    b"&phoneNumber=33612345678&campaignId=ap_284x%20",
    "statut": b"smsId=4fd2e8&statut=1&statusText=D%C3%A9livr%C3%A9&receptionDate=2017-02-%0A19+11%3A40%3A35"
    b"&phoneNumber=%2B33+6+12+34+56+78&campaignId=ap_284x",
    "repeated and more": b"smsId=&smsId=4fd2e8&status=1&status=2&statusText=D%C3%A9livr%C3%A9&operator=20801"
    b"&receptionDate=2017-02-19+10%3A40%3A35Z&phoneNumber=33612345678&phoneNumber=33699999999&campaignId=ap_284x",
    "offset": b"smsId=4fd2e8&status=1&statusText=D%C3%A9livr%C3%A9&receptionDate=2017-02-19T12:40:35+02:00"
    b"&phoneNumber=33612345678&campaignId=ap_284x",
}
REPLIES = {
    "urlencode": b"smsId=4fd2e8&smsMoId=32154&receptionDate=2017-02-19+11%3A40%3A35&phoneNumber=33612345678"
    b"&campaignId=ap_284x&message=R%C3%A9ponse+1",
    "rawurlencode": b"smsId=4fd2e8&smsMoId=32154&receptionDate=2017-02-19%2011%3A40%3A35&phoneNumber=33612345678"
    b"&campaignId=ap_284x&message=R%C3%A9ponse%201",
    "as scanned": b"smsId=4fd2e8&smsMold=32154&receptionDate=2017-02-19%2011%3A40%3A35&phoneNumber=33612345678"
    b"&campaignId=ap_284x&message=R%C3%A9ponse%201",
    "other spelling": b"smsId=4fd2e8&smsMOId=32154&receptionDate=2017-02-19%2011%3A40%3A35&phoneNumber=33612345678"
    b"&campaignId=ap_284x&message=R%E9ponse%201",
    "a status too": b"message=R%C3%A9ponse%201&status=1&smsId=4fd2e8&smsMoId=32154&campaignId=ap_284x"
    b"&receptionDate=2017-02-19%2011%3A40%3A35&phoneNumber=33612345678",
}


@each("written", REPORTS.values(), ids=REPORTS)
def test_report_is_read(written: bytes) -> None:
    """A report is the same event, however it is written: §6.2, §7.5, §9.3, annex 3."""
    assert typed(parse(written)) == REPORT
    assert typed(parse("", written.removeprefix(b"?"), method="POST")) == REPORT


@each("written", REPLIES.values(), ids=REPLIES)
def test_answer_is_read(written: bytes) -> None:
    """An answer is the same event, however it is written: §14.3, §15.3, §16.3."""
    assert typed(parse(written)) == REPLY


@each(
    ("code", "status"),
    [
        ("0", DeliveryStatus.PENDING),
        ("1", DeliveryStatus.DELIVERED),
        ("2", DeliveryStatus.UNDELIVERED),
        ("3", DeliveryStatus.HANDED_TO_OPERATOR),
        ("4", DeliveryStatus.REJECTED),
        ("5", DeliveryStatus.UNKNOWN_NUMBER),
        ("6", DeliveryStatus.UNKNOWN),
        ("-1", DeliveryStatus.UNKNOWN),
        ("DELIVRD", DeliveryStatus.UNKNOWN),
    ],
)
def test_status_is_that_of_annex_3(code: str, status: DeliveryStatus) -> None:
    """A status is what annex 3 says; one that it does not list is unknown, and kept."""
    report = parse(f"phoneNumber=33612345678&status={code}")
    assert isinstance(report, DeliveryReport)
    assert (report.status, report.code) == (status, code)


@each("written", [b"", b"?", b"&&", b"=", b"smsId=&status=%20&phoneNumber=", b"message"])
def test_check_is_no_event(written: bytes) -> None:
    """Where there is no value there is no event: the gateway's own check of an address, §42."""
    assert parse(written) is None


def test_head_is_no_event() -> None:
    """A HEAD asks, and brings nothing."""
    assert parse("phoneNumber=33612345678&status=1", method="head") is None


@each(
    ("written", "reason"),
    [
        (b"test=1", "it has no number"),
        (b"smsId=1&status=1", "it has no number"),
        (b"phoneNumber=nobody&status=1", "it has no number"),
        (b"phoneNumber=3361234%00&status=1", "it has no number"),
        (b"phoneNumber=" + b"3" * 65 + b"&status=1", "it has no number"),
        (b"phoneNumber=33612345678&smsId=1", "it has neither a status nor an answer"),
        (b"phoneNumber=33612345678&status=" + b"1" * 200, "its status can be none"),
        (b"phoneNumber=33612345678&status=a%0Ab", "its status can be none"),
    ],
)
def test_what_cannot_be_typed_is_kept_raw(written: bytes, reason: str) -> None:
    """A request of which neither can be made is kept as it came, and says why."""
    event = parse(written)
    assert isinstance(event, UnknownEvent)
    assert event.reason == reason
    assert event.raw


def test_raw_has_every_field_by_its_own_name() -> None:
    """What came is in ``raw`` by the names that it came with; of a repeated one the first value."""
    event = parse("PhoneNumber=33612345678&status=1&Status=2&status=3&x=%zz&y")
    assert isinstance(event, DeliveryReport)
    assert event.raw == {"PhoneNumber": "33612345678", "status": "1", "Status": "2", "x": "%zz", "y": ""}
    assert "33612345678" not in repr(event)


@each(
    ("raw", "text"),
    [
        (b"%E2%82%AC%20%F0%9F%99%82", "€ 🙂"),
        (b"%80", "€"),
        (b"caf%E9", "café"),
        (b"%8D%81", "\x8d\x81"),
        (b"50%+de+100%25", "50% de 100%"),
        (b"a%2Bb", "a+b"),
        (b"%ED%A0%80", "í\xa0€"),
        (b"a=b=c", "a=b=c"),
        (b"+STOP+", " STOP "),
    ],
)
def test_text_is_utf8_else_windows_1252(raw: bytes, text: str) -> None:
    """A text is UTF-8, else Windows-1252, and no byte of it is lost; a wrong escape is itself."""
    event = parse(b"phoneNumber=33612345678&message=" + raw)
    assert isinstance(event, Reply)
    assert event.text == text


@each(
    ("written", "moment"),
    [
        ("2027-07-01 10:00:00", datetime(2027, 7, 1, 8, tzinfo=UTC)),
        ("2027-01-01T10:00:00.5Z", datetime(2027, 1, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2027-01-01T10:00:00+05:30", datetime(2027, 1, 1, 10, tzinfo=timezone(timedelta(hours=5.5)))),
        ("0000-00-00 00:00:00", None),
        ("1999-01-01 00:00:00", None),
        ("hier", None),
        ("1" * 100, None),
    ],
)
def test_date_is_of_paris_unless_it_says_otherwise(written: str, moment: datetime | None) -> None:
    """A date is wall-clock time of Paris, or what its own offset says; what is none is None, and no error."""
    event = parse(f"phoneNumber=33612345678&status=1&receptionDate={quote(written)}")
    assert isinstance(event, DeliveryReport)
    assert event.received_at == moment


def test_webhook_and_answer_to_a_question_are_one_event() -> None:
    """An answer that came by webhook, and comes again by ``getPulls``, has one identity; so has a report."""
    pulled = Reply(phone="33612345678", text="Réponse 1", received_at=AT, reply_id="32154", campaign_id="ap_284x")
    asked = DeliveryReport(
        phone="33612345678", status=DeliveryStatus.DELIVERED, code="1", received_at=AT, campaign_id="ap_284x"
    )
    reply, report = parse(REPLIES["urlencode"]), parse(REPORTS["urlencode"])
    assert reply is not None
    assert report is not None
    assert (identity(reply), identity(report)) == (identity(pulled), identity(asked))


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/json", ""])
def test_object_in_json_is_read(kind: str) -> None:
    """A POST may bring an object in JSON, with figures or texts as values."""
    body = {
        "smsId": "4fd2e8", "status": 1, "statusText": "Délivré", "receptionDate": "2017-02-19 11:40:35",
        "phoneNumber": 33612345678, "campaignId": "ap_284x", "more": {"a": [1]}, "none": None,
    }  # fmt: skip
    for written in (json.dumps(body).encode(), json.dumps(body, ensure_ascii=False).encode()):
        event = parse(b"", written, method="POST", content_type=kind)
        assert typed(event) == REPORT
        assert isinstance(event, DeliveryReport)
        assert event.raw["none"] == ""


@each(
    "body",
    [
        b"{", b"[1]", b'{"a": "\\ud800"}', b"\xff\xfe", b"[" * 15_000, b'{"a":' * 3000, b"--x\r\nContent: form-data",
        b'{"phoneNumber": ' + b"9" * 5000 + b', "status": 1}',
    ],
    ids=range(8),
)  # fmt: skip
def test_body_that_cannot_be_read_is_kept_raw(body: bytes) -> None:
    """A body that is neither a form nor an object is kept as it came."""
    for kind in ("", "application/json", "multipart/form-data; boundary=x", "application/xml"):
        event = parse(b"", body, method="POST", content_type=kind)
        assert isinstance(event, UnknownEvent)
        assert event.raw


def test_body_of_a_get_does_not_count() -> None:
    """What a GET has beside its query string is nothing."""
    assert parse(b"", REPORTS["urlencode"]) is None


def test_arguments_of_another_type_are_refused() -> None:
    """A caller's mistake is named."""
    with pytest.raises(InvalidRequest, match="query must be a text or bytes"):
        parse(7)  # type: ignore[arg-type]
