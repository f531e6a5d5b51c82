"""Reading a send's answer for each recipient: accepted, rejected and why, or not confirmed."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Accepted, AllAccepted, People, Reason, Recipient, Rejected, SendReceipt, Unconfirmed
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sent import read_many, read_ordinary
from allmysms_async.protocols.rest.sms import SendSms
from tests.cases import each

ANNE, BOB, CLEO = "33612345678", "33698765432", "32470123412"
SINCE = datetime(2018, 2, 18, 12, 10, 23, tzinfo=ZoneInfo("Europe/Paris"))


def ids(*numbers: str) -> list[dict[str, str]]:
    """Return `smsIds` for some numbers, as §7.4 prints it."""
    return [{"phoneNumber": number, "smsId": f"id-{number}"} for number in numbers]


def told(answer: dict[str, Any], *phones: str, key: str | None = None) -> SendReceipt:
    """Return the receipt that an answer to a send to some numbers is read as."""
    body = json.dumps({"status": 100, "campaignId": "c-1"} | answer).encode()
    result = decode(SendSms, HttpResponse(status=200, headers={}, body=body), passing=frozenset({"114"}))
    return receipt(result, [Recipient(phone) for phone in phones], len(phones), key)


def results(answer: dict[str, Any], *phones: str) -> tuple[Any, ...]:
    """Return what an answer says of each number."""
    return told(answer, *phones).results


def test_number_with_an_identifier_is_accepted() -> None:
    """Who is listed in `smsIds` is accepted, with that identifier, in the order asked."""
    assert results({"smsIds": ids(BOB, ANNE), "nbContacts": 2}, ANNE, BOB) == (
        Accepted(ANNE, f"id-{ANNE}"),
        Accepted(BOB, f"id-{BOB}"),
    )


@each("written", ["0612345678", "+33612345678", "06 12 34 56 78", "0033612345678", 33612345678])
def test_number_is_matched_in_whatever_form_it_comes_back(written: object) -> None:
    """A number that the gateway writes in another form is still the same person."""
    listed = [{"phoneNumber": written, "smsId": "a"}]
    assert results({"smsIds": listed}, ANNE) == (Accepted(ANNE, "a"),)
    assert results({"smsIds": ids(BOB), "invalidNumbers": str(written)}, ANNE, BOB)[0] == Rejected(
        ANNE, Reason.INVALID_AT_GATEWAY
    )


@each("invalid", [ANNE, f"{ANNE}|", f"|{ANNE}|", f"{ANNE}|{CLEO}", f" {ANNE} |", f"{ANNE}({ANNE}|", f"{ANNE}({ANNE})|"])
def test_number_among_the_invalid_is_rejected(invalid: str) -> None:
    """`invalidNumbers` is read with and without its last bar, and as the screen of §4 shows it."""
    assert results({"smsIds": ids(BOB), "invalidNumbers": invalid}, ANNE, BOB) == (
        Rejected(ANNE, Reason.INVALID_AT_GATEWAY),
        Accepted(BOB, f"id-{BOB}"),
    )


def test_junk_is_matched_on_the_string() -> None:
    """A number that is none comes back as it was sent, and is rejected under that form."""
    assert results({"smsIds": ids(BOB), "invalidNumbers": "06XXzsqsd|"}, "06XXzsqsd", BOB)[0] == Rejected(
        "06XXzsqsd", Reason.INVALID_AT_GATEWAY
    )


REASONS = [
    ("blacklist_stop", Reason.OPTED_OUT),
    ("blacklist_unassigned", Reason.UNASSIGNED),
    ("blacklist_manual", Reason.MANUAL_BLACKLIST),
    ("invalid", Reason.INVALID_AT_GATEWAY),
]
DATE = "2018-02-18 12:10:23"


@each(("word", "reason"), REASONS)
@each("dated", [True, False], ids=["dated", "undated"])
@each("shape", ["list", "named", "one", "mapping", "words", "keyed", "mapping in a list", "unknown"])
def test_discarded_number_is_rejected_with_its_reason(shape: str, dated: bool, word: str, reason: Reason) -> None:
    """`discardedNumbersDetails` is read in every shape it may have, with the date where there is one."""
    date = {"date": DATE} if dated and shape != "words" else {}
    details: Any = {
        "list": [{"number": CLEO, "reason": word, **date}],
        "named": [{"phoneNumber": CLEO, "reason": word, **date}],
        "one": {"phoneNumber": CLEO, "reason": word, **date},
        "mapping": {CLEO: {"reason": word, **date}},
        "words": {CLEO: word},
        "keyed": {f"+{CLEO}": {"reason": word, **date}, BOB: {"reason": "invalid"}},
        "mapping in a list": [{CLEO: {"reason": word, **date}}],
        "unknown": [{"numero": int(CLEO), "motif": word, **date}],
    }[shape]
    (found, _) = results({"smsIds": ids(ANNE), "discardedNumbersDetails": details}, CLEO, ANNE)
    assert found == Rejected(CLEO, reason, SINCE if date else None)


def test_reason_of_the_details_wins() -> None:
    """A number that is in both lists has the reason of the more telling one."""
    details = [{"number": ANNE, "reason": "blacklist_stop", "date": DATE}]
    answer = {"smsIds": ids(BOB), "invalidNumbers": f"{ANNE}|", "discardedNumbersDetails": details}
    assert results(answer, ANNE, BOB)[0] == Rejected(ANNE, Reason.OPTED_OUT, SINCE)


@each("details", [None, "", [], {}, "none", 7, [None], [[]], [{}], [{"number": None}]])
def test_details_without_numbers_reject_nobody(details: object) -> None:
    """Details that hold no number change nothing."""
    assert results({"smsIds": ids(ANNE), "discardedNumbersDetails": details}, ANNE) == (Accepted(ANNE, f"id-{ANNE}"),)


def test_number_in_neither_list_is_not_confirmed() -> None:
    """Where others have identifiers, who has none and was not refused is not known to be texted."""
    assert results({"smsIds": ids(ANNE), "nbContacts": 2}, ANNE, BOB)[1] == Unconfirmed(BOB)


@each("silent", [{}, {"smsIds": []}, {"smsIds": ""}, {"smsIds": None}])
@each("count", [2, "2"])
def test_answer_without_identifiers_accepts_where_its_count_agrees(silent: dict[str, Any], count: object) -> None:
    """Without any identifier, everybody is accepted if the gateway counts as many as were asked for."""
    assert results(silent | {"nbContacts": count}, ANNE, BOB) == (Accepted(ANNE), Accepted(BOB))


def test_count_leaves_the_refused_out() -> None:
    """The gateway's count agrees when it is that of the numbers it did not refuse."""
    answer = {"nbContacts": 1, "invalidNumbers": f"{ANNE}|"}
    assert results(answer, ANNE, BOB) == (Rejected(ANNE, Reason.INVALID_AT_GATEWAY), Accepted(BOB))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_answer_without_identifiers_confirms_nobody_where_its_count_differs(count: int) -> None:
    """Without any identifier, a count that differs leaves everybody unconfirmed."""
    assert results({"nbContacts": count}, ANNE, BOB) == (Unconfirmed(ANNE), Unconfirmed(BOB))


def test_answer_without_identifiers_and_count_confirms_nobody() -> None:
    """An answer that lists nobody and counts nobody says nothing of anybody: unknown, never taken for sent."""
    assert results({}, ANNE, BOB) == (Unconfirmed(ANNE), Unconfirmed(BOB))


def test_identifiers_without_numbers_confirm_nobody() -> None:
    """Identifiers that name no number are not the same as none at all."""
    assert results({"smsIds": [{"smsId": "a"}], "nbContacts": 2}, ANNE, BOB) == (Unconfirmed(ANNE), Unconfirmed(BOB))


def test_no_valid_number_rejects_everybody_with_reasons() -> None:
    """114 is a receipt in which everybody is rejected, each with the reason that is given."""
    details = [{"number": ANNE, "reason": "blacklist_stop"}]
    answer = {"status": 114, "invalidNumbers": f"{ANNE}|{BOB}|", "discardedNumbersDetails": details}
    found = told(answer, ANNE, BOB, CLEO)
    assert [entry.reason for entry in found.rejected] == [
        Reason.OPTED_OUT,
        Reason.INVALID_AT_GATEWAY,
        Reason.INVALID_AT_GATEWAY,
    ]
    assert (found.accepted, found.unconfirmed) == ((), ())


def test_scheduled_send_counts_as_accepted() -> None:
    """101 accepts just as 100 does, and says that it waits."""
    found = told({"status": 101, "smsIds": ids(ANNE)}, ANNE)
    assert (found.accepted, found.scheduled) == ((Accepted(ANNE, f"id-{ANNE}"),), True)
    assert told({"smsIds": ids(ANNE)}, ANNE).scheduled is False


@pytest.mark.parametrize("status", ["done", 1, "", {"status": "done"}])
def test_answer_to_an_earlier_request_is_told(status: object) -> None:
    """The field that a reused identifier adds is seen, whatever it holds."""
    found = told({"smsIds": ids(ANNE), "treatmentStatus": status}, ANNE, key="k-1")
    assert (found.replayed, found.idempotency_key) == (True, "k-1")
    assert told({"smsIds": ids(ANNE)}, ANNE).replayed is False


def test_receipt_keeps_what_the_answer_says() -> None:
    """The campaign, the parts and the raw answer are in the receipt, and numbers are not in what it shows."""
    found = told({"smsIds": ids(ANNE), "nbSms": "3", "new": 1}, ANNE)
    assert (found.campaign_id, found.parts, found.raw["new"]) == ("c-1", 3, 1)
    assert ANNE not in repr(found)


@given(st.lists(st.sampled_from([ANNE, BOB, CLEO]), unique=True, min_size=1), st.permutations([ANNE, BOB, CLEO]))
def test_answer_in_the_order_asked_is_read_as_one_in_any_other(asked: list[str], listed: list[str]) -> None:
    """Each person has the identifier that stands beside their number, whichever way it is found."""
    answer = {"smsIds": ids(*(phone for phone in listed if phone in asked))}
    assert results(answer, *asked) == tuple(Accepted(phone, f"id-{phone}") for phone in asked)


@given(
    asked=st.lists(st.sampled_from(["33612345601", "33612345602", "33612345603"]), unique=True, min_size=1),
    listed=st.lists(st.sampled_from(["33612345601", "33612345602", "33612345603", "0612345601"])),
    sms_id=st.sampled_from(["a", "x" * 300, "\x85"]),
)
def test_columns_are_read_as_one_by_one(asked: list[str], listed: list[str], sms_id: str) -> None:
    """Whoever asked in columns, and an answer that knows its own, end as recipients and identifiers singly do."""
    ids = [{"phoneNumber": phone, "smsId": sms_id} for phone in listed]
    body = msgspec.json.encode({"status": 100, "campaignId": "c", "smsIds": ids})
    quick, careful = read_many(body), read_ordinary(body)
    assert quick is not None
    assert careful is not None
    columns = receipt(quick, People(asked, [None] * len(asked)), len(asked), None)
    assert columns == receipt(careful, list(map(Recipient, asked)), len(asked), None)
    assert isinstance(columns.results, AllAccepted) == (asked == listed)
