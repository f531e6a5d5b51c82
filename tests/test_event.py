"""Which events are one, which of two reports of a text holds, and which replies are opt-outs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.journal.event_row import time_of
from allmysms_async.model import (
    FINAL,
    DeliveryReport,
    DeliveryStatus,
    Reply,
    UnknownEvent,
    ends_opt_out,
    identity,
    opt_out_of,
    supersedes,
    text_key,
)
from allmysms_async.model.event import _prefixed
from tests.cases import each

PHONE = "33612345678"
AT = datetime(2027, 1, 5, 11, 40, 35, tzinfo=UTC)

reports = st.builds(
    DeliveryReport,
    phone=st.just(PHONE),
    status=st.sampled_from(DeliveryStatus),
    code=st.sampled_from(["1", "2", "3"]),
    received_at=st.none() | st.integers(0, 5).map(lambda hours: AT + timedelta(hours=hours)),
    campaign_id=st.just("ap_1"),
)


def _report(status: DeliveryStatus = DeliveryStatus.DELIVERED, at: datetime | None = AT, **more: str) -> DeliveryReport:
    return DeliveryReport(phone=PHONE, status=status, code="1", received_at=at, **more)  # type: ignore[arg-type]


def test_same_event_by_two_ways_is_one() -> None:
    """A webhook and a poll bring one event."""
    by_webhook = _report(campaign_id="ap_1", sms_id="77", comment="Delivered")
    by_poll = _report(campaign_id="ap_1")
    assert identity(by_webhook) == identity(by_poll)
    pushed = Reply(phone=PHONE, text="oui", received_at=AT, campaign_id="ap_1", reply_id="1", sms_id="77")
    fetched = Reply(phone=PHONE, text="oui", received_at=AT, campaign_id="ap_1", reply_id="2")
    assert identity(pushed) == identity(fetched)


def test_same_moment_in_another_zone_is_one_event() -> None:
    """A moment is the same in every zone."""
    there = AT.astimezone(timezone(timedelta(hours=5)))
    assert identity(_report(campaign_id="ap_1")) == identity(_report(at=there, campaign_id="ap_1"))


@each(
    ("one", "other"),
    [
        (_report(campaign_id="ap_1"), _report(campaign_id="ap_2")),
        (_report(campaign_id="ap_1"), _report(at=AT + timedelta(seconds=1), campaign_id="ap_1")),
        (_report(sms_id="1"), _report(sms_id="2")),
        (Reply(phone=PHONE, text="ab", campaign_id="c"), Reply(phone=PHONE, text="b", campaign_id="ca")),
        (Reply(phone=PHONE, text="1"), _report(at=None)),
        (UnknownEvent(raw={"a": "bc"}, reason=""), UnknownEvent(raw={"ab": "c"}, reason="")),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_differs_is_another_event(one: DeliveryReport, other: DeliveryReport) -> None:
    """What differs in a part that counts is two events."""
    assert identity(one) != identity(other)
    assert len(identity(one)) == 16


def test_report_without_a_send_is_of_its_text() -> None:
    """A report without its send is known by its text's identifier."""
    assert text_key(_report(sms_id="9")) == ("", "9")
    assert text_key(_report(sms_id="9", campaign_id="ap_1")) == ("ap_1", PHONE)
    assert text_key(_report()) == ("", PHONE)


@given(new=reports, old=reports)
def test_final_state_is_never_undone(new: DeliveryReport, old: DeliveryReport) -> None:
    """A word of the way never replaces the end."""
    if old.status in FINAL and new.status not in FINAL:
        assert not supersedes(new, old)
    if new.status in FINAL and old.status not in FINAL:
        assert supersedes(new, old)


@given(st.lists(reports, min_size=1, max_size=6, unique_by=lambda report: report.received_at), st.randoms())
def test_order_of_arrival_does_not_matter(arrived: list[DeliveryReport], random: object) -> None:
    """Whatever order reports come in, the same one holds."""

    def last(reports: list[DeliveryReport]) -> DeliveryReport:
        known = reports[0]
        for report in reports[1:]:
            known = report if supersedes(report, known) else known
        return known

    shuffled = list(arrived)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert last(arrived) == last(shuffled)


@each("text", ["STOP", "stop", " Stop. ", "STOP 36180", "«stop»", "Stóp", "stop merci"])
def test_first_word_stop_is_an_opt_out(text: str) -> None:
    """STOP is read however people write it."""
    found = opt_out_of(Reply(phone=PHONE, text=text, received_at=AT))
    assert found is not None
    assert (found.phone, found.since, found.source, found.ended_at) == (PHONE, AT, "reply", None)


@each("text", ["", "…", "ne pas stopper", "STOPPER", "START", "je dis stop"])
def test_other_words_are_no_opt_out(text: str) -> None:
    """Nobody is barred for a word that only holds STOP."""
    assert opt_out_of(Reply(phone=PHONE, text=text)) is None


@pytest.mark.parametrize(
    ("text", "ends"), [("START", True), (" start 36180", True), ("STARTER", False), ("STOP", False)]
)
def test_start_ends_an_opt_out(text: str, *, ends: bool) -> None:
    """START lets a number be texted again."""
    assert ends_opt_out(Reply(phone=PHONE, text=text)) is ends


def test_first_word_of_a_hostile_text_is_found_in_its_beginning() -> None:
    """A text of combining marks alone, however long, costs no more than its beginning."""
    hostile = "\u0301\u0323" * 1_000_000
    assert opt_out_of(Reply(phone=PHONE, text=hostile)) is None
    assert opt_out_of(Reply(phone=PHONE, text="STOP " + hostile)) is not None


def _told(parts: tuple[str, ...]) -> bytes:
    """Return the bytes that identities are digests of, as they are described."""
    written = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(each for part in written for each in (len(part).to_bytes(8, "big"), part))


@given(st.lists(st.text(max_size=6) | st.text("aé\udc80", min_size=120, max_size=140), max_size=6).map(tuple))
def test_parts_of_an_identity_are_written_after_their_lengths(parts: tuple[str, ...]) -> None:
    """Short ones in ASCII by a shorter way, to the same bytes."""
    assert _prefixed(parts) == _told(parts)


def test_hour_that_comes_twice_has_two_identities() -> None:
    """Two moments that a clock shows alike are two, though Python calls them equal."""
    paris = ZoneInfo("Europe/Paris")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=paris)
    assert first == first.replace(fold=1)
    one, other = (
        DeliveryReport(phone="33612345678", status=DeliveryStatus.DELIVERED, code="1", received_at=at)
        for at in (first, first.replace(fold=1))
    )
    assert identity(one) != identity(other)
    early, late = (time_of(each.received_at) for each in (one, other))
    assert early is not None
    assert late == early + 3600
