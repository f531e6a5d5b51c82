"""What a send's answer says of each recipient."""

from typing import Any

import pytest

from allmysms_async.model import Accepted, Reason, Recipient, Rejected, SendReceipt, Unconfirmed
from allmysms_async.protocols.soap.receipt import receipt
from allmysms_async.protocols.soap.sms import PushId, SendSmsResult
from tests.cases import each

ANNE, BOB, CLEO = "33612345678", "33611111111", "33622222222"
PEOPLE = (ANNE, BOB, CLEO)


def told(*ids: tuple[str, str, str], code: str = "100", scheduled: bool = False, **fields: Any) -> SendReceipt:
    """Return what an answer says of Anne, Bob and Cleo."""
    fields = {"campaign_id": "c-1"} | fields
    entries = tuple(PushId(mobile_phone=phone, id=number, part=part) for phone, number, part in ids)
    result = SendSmsResult(status=code, ids=entries, **fields)
    return receipt(result, [Recipient(phone) for phone in PEOPLE], 3, scheduled=scheduled)


def test_number_with_an_identifier_of_any_part_is_accepted() -> None:
    """Whoever is listed is accepted, in whatever form and order, with the first part's identifier."""
    found = told(("+33611111111", "3", "1"), (ANNE, "1", "1"), (ANNE, "2", "2"), ("0622222222", "4", "2"))
    assert found.results == (Accepted(ANNE, "1"), Accepted(BOB, "3"), Accepted(CLEO, "4"))
    assert (found.parts, found.campaign_id, found.scheduled) == (4, "c-1", False)


@each("written", [f"{BOB}|{CLEO}|", f"{BOB}|{CLEO}", f" 0611111111 ; +{CLEO}", f"{BOB},{CLEO}"])
@each("code", ["100", "101", "113"])
def test_number_among_the_invalid_is_rejected(code: str, written: str) -> None:
    """The invalid are rejected, however they are parted."""
    found = told((ANNE, "1", "1"), code=code, invalid_numbers=written)
    assert found.results == (
        Accepted(ANNE, "1"),
        Rejected(BOB, Reason.INVALID_AT_GATEWAY),
        Rejected(CLEO, Reason.INVALID_AT_GATEWAY),
    )


def test_number_in_both_lists_is_accepted() -> None:
    """An identifier says that a text went out, whatever else is said: texting again would be twice."""
    assert told((ANNE, "1", "1"), invalid_numbers=ANNE).results[0] == Accepted(ANNE, "1")


def test_number_in_neither_list_is_not_confirmed() -> None:
    """Where others have identifiers, who has none is not known to be texted."""
    found = told((ANNE, "1", "1"), invalid_numbers=BOB)
    assert found.unconfirmed == (Unconfirmed(CLEO),)
    assert found.parts == 1


@pytest.mark.parametrize("code", ["100", "101"])
def test_silent_success_accepts_everybody(code: str) -> None:
    """A campaign id without any identifier is the gateway's word for the whole request."""
    found = told(code=code)
    assert found.accepted == tuple(Accepted(phone) for phone in PEOPLE)
    assert (found.parts, found.scheduled) == (3, code == "101")


def test_silent_success_leaves_the_invalid_out() -> None:
    """Without identifiers the invalid are still rejected; how many parts went out is not known."""
    found = told(code="101", invalid_numbers=BOB)
    assert [type(result) for result in found.results] == [Accepted, Rejected, Accepted]
    assert found.parts is None


def test_partial_send_accepts_who_is_listed() -> None:
    """113 with a campaign id went out to some: those with an identifier, or all but the invalid where none has one."""
    assert [type(result) for result in told(code="113", invalid_numbers=CLEO).results] == [Accepted, Accepted, Rejected]
    assert told((ANNE, "1", "1"), code="113").unconfirmed == (Unconfirmed(BOB), Unconfirmed(CLEO))
    assert told(code="113", invalid_numbers=CLEO, scheduled=True).scheduled is True


def test_partial_send_that_names_nobody_confirms_nobody() -> None:
    """113 that lists neither who is in nor who is out leaves everybody unknown."""
    assert told(code="113").unconfirmed == tuple(Unconfirmed(phone) for phone in PEOPLE)


@pytest.mark.parametrize("campaign_id", [None, ""])
def test_partial_send_without_a_campaign_is_unknown(campaign_id: str | None) -> None:
    """113 without a campaign id may be a refusal or a send: nobody but the invalid is known about."""
    found = told(code="113", campaign_id=campaign_id, invalid_numbers=CLEO)
    assert found.results == (Unconfirmed(ANNE), Unconfirmed(BOB), Rejected(CLEO, Reason.INVALID_AT_GATEWAY))
    assert found.campaign_id is None


def test_success_without_a_campaign_confirms_nobody() -> None:
    """100 with nothing else says nothing of anybody."""
    assert told(campaign_id=None).unconfirmed == tuple(Unconfirmed(phone) for phone in PEOPLE)


def test_receipt_shows_no_number() -> None:
    """A receipt's repr has counts; its raw answer is kept."""
    found = told((ANNE, "1", "1"), raw={"status": "100"})
    assert ANNE not in repr(found)
    assert found.raw == {"status": "100"}
