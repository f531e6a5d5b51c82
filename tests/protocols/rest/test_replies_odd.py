"""An answer that is handed out once is never lost, whatever form it has."""

from __future__ import annotations

from typing import Any

import pytest

from allmysms_async.model import Reply, UnknownEvent, identity
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.replies import GetPullsResult
from allmysms_async.protocols.rest.wire import read
from tests.cases import each

WELL = {"phoneNumber": "33612345678", "id": "1", "campaignId": "ap_1", "message": "Oui"}
ODD: list[Any] = [
    ["33612345678", "Oui"],
    "33612345678 Oui",
    {"from": "33612345678", "text": "Oui"},
    {"phoneNumber": "33612345678", "text": "Oui"},
    {"phoneNumber": "33612345678", "message": {"text": "Oui"}},
    {"phoneNumber": "", "message": "Oui"},
    {"phoneNumber": {"number": "33612345678"}, "message": "Oui"},
    {"0": WELL, "1": WELL},
    {"apiKey": "k", "message": 5},
]


def _handed_out(answer: dict[str, Any]) -> tuple[Reply | UnknownEvent, ...]:
    return neutral.handed_out(read(GetPullsResult, answer))


@each("odd", ODD, ids=map(str, range(len(ODD))))
def test_answer_of_another_form_is_kept_as_it_came(odd: Any) -> None:
    """Beside others it costs them nothing, alone it is there as well, and all of its values are."""
    well, unknown, last = _handed_out({"mos": [WELL, odd, WELL | {"message": "Non"}]})
    assert [each.text for each in (well, last) if isinstance(each, Reply)] == ["Oui", "Non"]
    assert isinstance(unknown, UnknownEvent)
    assert ("Oui" in str(unknown.raw)) == ("Oui" in str(odd))
    assert ("33612345678" in str(unknown.raw)) == ("33612345678" in str(odd))
    assert "Oui" not in repr(unknown)
    assert [identity(each) for each in _handed_out({"mos": [odd]})] == [identity(unknown)]


def test_whoever_asks_for_answers_alone_gets_what_came() -> None:
    """An answer of another form is one without a number, whose text and raw fields hold all of it."""
    unknown, well = _handed_out({"mos": [["33612345678", "Oui"], WELL]})
    found = neutral.as_reply(unknown, "ap_1")
    assert (found.phone, found.campaign_id, found.raw) == ("", "ap_1", unknown.raw)
    assert "Oui" in found.text
    assert neutral.as_reply(well) is well


def test_two_answers_of_another_form_are_two() -> None:
    """What they hold tells them apart."""
    found = _handed_out({"mos": [{"from": "336", "text": "a"}, {"from": "336", "text": "b"}, ["c"], {}, None, ""]})
    assert len({identity(each) for each in found}) == len(found) == 3


@pytest.mark.parametrize("empty", ["", None, {}])
def test_empty_text_is_an_answer(empty: Any) -> None:
    """Somebody who sends nothing has answered."""
    [found] = _handed_out({"mos": [WELL | {"message": empty}]})
    assert isinstance(found, Reply)
    assert (found.phone, found.text) == ("33612345678", "")


@each("answer", [{}, {"mos": []}, {"mos": ""}, {"mos": {"mo": []}}, {"status": "1", "mos": None}])
def test_no_answer_is_none(answer: dict[str, Any]) -> None:
    """Where nothing was handed out there is no event."""
    assert _handed_out(answer) == ()


def test_list_of_another_name_is_kept_whole() -> None:
    """Where the list is not found under its name the whole answer is what came."""
    [found] = _handed_out({"messages": [WELL], "status": "1"})
    assert isinstance(found, UnknownEvent)
    assert "Oui" in found.raw["messages"]


def test_shapes_of_the_manual_are_answers() -> None:
    """A list, one object, and a list as XML wraps it."""
    for mos in ([WELL], WELL, {"mo": WELL}, {"mo": [WELL]}):
        [found] = _handed_out({"mos": mos})
        assert isinstance(found, Reply)
        assert (found.text, found.reply_id, found.campaign_id) == ("Oui", "1", "ap_1")
