"""The short way to read an answer to a send gives what the tolerant reader gives, or leaves the answer to it."""

import json
import pathlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.protocols.rest.sent import SendSmsResult, read_many, read_ordinary
from allmysms_async.protocols.rest.wire import read
from tests.cases import each

SAMPLES = pathlib.Path(__file__).parents[2] / "samples" / "rest"
ORDINARY = {
    "status": 100,
    "statusText": "Your messages have been sent",
    "invalidNumbers": "",
    "campaignId": "5b0a1c2d3e4f5061",
    "credits": 999,
    "creditsUsed": 15,
    "nbContacts": 1,
    "nbSms": 1,
    "smsIds": [{"phoneNumber": "33612345678", "smsId": "f1e2"}],
    "balance": 2999999.96,
    "cost": 0.045,
}
UNUSUAL = ("treatmentStatus", "error", "discardedNumbersDetails")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["100", "101", "", "0.045", "1e9", 100, 101, 102, 0.1 + 0.2, -1, 10**13, 10**40]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
    st.lists(st.dictionaries(st.sampled_from(["phoneNumber", "smsId", "new"]), st.sampled_from(["a", "", None, 7]))),
)


def tolerant(body: bytes) -> SendSmsResult:
    """Return what the tolerant reader makes of an answer."""
    return read(SendSmsResult, msgspec.json.decode(body))


@given(
    changed=st.dictionaries(
        st.sampled_from([*ORDINARY, "treatmentStatus", "error", "discardedNumbersDetails"]), VALUES
    ),
    left_out=st.sets(st.sampled_from(list(ORDINARY))),
)
def test_answer_is_read_the_same_either_way(changed: dict[str, Any], left_out: set[str]) -> None:
    """Whatever is missing, more, or of another type: the short way reads the same to the digit, or does not read it."""
    fields = {name: value for name, value in ORDINARY.items() if name not in left_out} | changed
    body = json.dumps(fields).encode()
    found = read_ordinary(body)
    if found is not None:
        careful = tolerant(body)
        assert found == careful
        assert [str(getattr(found, name)) for name in found.__struct_fields__ if name != "raw"] == [
            str(getattr(careful, name)) for name in careful.__struct_fields__ if name != "raw"
        ]
        assert found.status in {"100", "101"}


def test_ordinary_answer_takes_the_short_way() -> None:
    """The answer that nearly every send has is read by it: else it would be there for nothing."""
    assert read_ordinary(json.dumps(ORDINARY).encode()) == tolerant(json.dumps(ORDINARY).encode())


@each(
    "changed",
    [
        {"status": 102},
        {"status": "100"},
        {"error": "no"},
        {"cost": -1},
        {"nbSms": 10**13},
        {"treatmentStatus": 1},
        {"smsIds": [{}]},
        {"smsIds": [{"phoneNumber": "33612345678", "smsId": None}]},
        {"discardedNumbersDetails": []},
    ],
)
def test_anything_else_is_left_to_the_tolerant_reader(changed: dict[str, Any]) -> None:
    """A refusal, a field that is no ordinary one, or a figure that cannot be right is not read the short way."""
    assert read_ordinary(json.dumps(ORDINARY | changed).encode()) is None


@each("body", [b"", b"{", b"[]", b"null", b"<status>100</status>", b"\xef\xbb\xbf{}", b"[" * 100_000])
def test_what_is_no_such_json_is_left_to_the_tolerant_reader(body: bytes) -> None:
    """Nothing of an answer that is cut, nested without end or no JSON is believed here."""
    assert read_ordinary(body) is None


def test_every_printed_answer_is_read_the_same_either_way() -> None:
    """The manual's own answers give the same, by whichever reader."""
    bodies = [path.read_bytes() for path in SAMPLES.rglob("response*") if path.read_bytes()[:1] == b"{"]
    assert len(bodies) > 20
    for body in bodies:
        found = read_ordinary(body)
        assert found is None or found == tolerant(body)


def test_raw_answer_is_the_dictionary_that_came() -> None:
    """It is what JSON holds, to be written as JSON again."""
    found = read_ordinary(json.dumps(ORDINARY).encode())
    assert found is not None
    assert (type(found.raw), found.raw) == (dict, ORDINARY)


def test_raw_answer_of_a_campaign_is_read_when_somebody_looks_at_it() -> None:
    """It is a mapping of the same fields, and looks like one."""
    found = read_many(json.dumps(ORDINARY).encode())
    assert found is not None
    assert found == read_ordinary(json.dumps(ORDINARY).encode())
    assert (dict(found.raw), len(found.raw), repr(found.raw)) == (ORDINARY, len(ORDINARY), repr(ORDINARY))


@pytest.mark.parametrize("name", [name for name, value in ORDINARY.items() if isinstance(value, str)])
def test_answer_in_another_charset_is_left_to_the_tolerant_reader(name: str) -> None:
    """One byte that is not UTF-8 is no error of the decoder's own: who was texted would be unknown without the key."""
    body = json.dumps(ORDINARY | {name: "envoyé"}, ensure_ascii=False).encode("latin-1")
    assert read_ordinary(body) is None


@pytest.mark.parametrize("inside", ['"z":1e999', '"apiKey":"secret"', '"z":"\xe9"', '"z":[[[[]]]]'])
def test_more_beside_an_identifier_is_left_to_the_tolerant_reader(inside: str) -> None:
    """What stands there may be a secret, or no figure: it is looked at like everything else that is not usual."""
    body = json.dumps(ORDINARY).replace('"smsId":', f'{inside}, "smsId":').encode("latin-1")
    assert read_ordinary(body) is None
