"""Texts and values in the form that they are sent in, and texts that take a part more than their units say."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidText, MmsMessage, Reason, Recipient, SmsMessage
from allmysms_async.backend import SendLimits
from allmysms_async.batch.block import Rows
from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.plan import Planner
from allmysms_async.model import People
from allmysms_async.text import Coding, Template, as_sent, measure

LIMITS = {
    "recipients": 1000, "max_recipients": 2000, "max_gsm_units": 1224, "max_ucs2_units": 536, "max_parts": 8,
    "personalises": True, "idempotent": True,
}  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["Zoé", "Zoe\u0301", "L’Haÿ", "c\u0327a", "«\u202fa\u202f»", "\u0301", "€", "x" * 140, "#param_1#"]
    ),
    st.text(st.sampled_from("ae\u0301’\u00a0ê\u200b"), max_size=6),
)


def planner(message: SmsMessage, **limits: Any) -> Planner:
    """Return a planner of nobody yet."""
    sink = MemorySink()
    return Planner(message, SendLimits(**LIMITS | limits), chunk_size=1000, seen=sink.seen, accounted=sink.accounted)


def planned(chunks: list[Chunk]) -> dict[str, tuple[str, Coding, tuple[str, ...]]]:
    """Return what each person is sent."""
    return {
        person.phone: (chunk.text, chunk.coding, tuple(person.params[: chunk.params]))
        for chunk in chunks
        for person in chunk.recipients
    }


@pytest.mark.parametrize("personalises", [True, False])
@pytest.mark.parametrize("encoding", ["auto", "unicode"])
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12), gsm_replacements=st.booleans())
def test_values_are_sent_and_measured_in_one_form(
    rows: list[tuple[str, str]], personalises: bool, encoding: Any, gsm_replacements: bool
) -> None:
    """Many at once, as columns or one by one, values are sent in NFC, quotes replaced where asked, and so counted."""
    message = SmsMessage("Bonjour #param_1#, “#param_2#”.", encoding=encoding, gsm_replacements=gsm_replacements)
    phones = [f"06123456{row:02d}" for row in range(len(rows))]
    people = [Recipient(phone, values) for phone, values in zip(phones, rows, strict=True)]
    plans = [planner(message, personalises=personalises) for _ in range(3)]
    for row, person in enumerate(people, 1):
        assert plans[0].add(row, person) is None
    columns = People(phones, [None] * len(rows), [list(column) for column in zip(*rows, strict=True)])
    for plan, many in ((plans[1], list(enumerate(people, 1))), (plans[2], Rows(1, columns))):
        refused: list[Any] = []
        assert not plan.add_rows(many, refused)
        assert not refused
    chunks = [plan.flush() for plan in plans]
    first, *others = map(planned, chunks)
    assert others == [first, first]
    sent = [
        Template(message.text).render([as_sent(value, gsm_replacements=gsm_replacements) for value in values])
        for values in rows
    ]
    coding = Coding.UNICODE if encoding == "unicode" else None
    for each in chunks:
        assert sum(chunk.parts for chunk in each) == sum(measure(text, coding).parts for text in sent)
    for phone, text in zip(phones, sent, strict=True):
        template, used, values = first["33" + phone[1:]]
        assert (Template(template).render(values) if values else template) == text
        assert used is measure(text, coding).coding


def test_message_holds_the_text_that_is_sent() -> None:
    """A message made of a decomposed text is equal to the one with the text that is sent, which it holds."""
    assert SmsMessage("e\u0301te\u0301") == SmsMessage("été")
    assert MmsMessage(text="e\u0301te\u0301").text == "été"
    assert SmsMessage("L’été –\u00a0œ…").text == "L’été –\u00a0œ…"
    assert SmsMessage("L’été –\u00a0œ…", gsm_replacements=True).text == "L'été - œ…"


def test_one_request_has_one_key_however_its_text_was_written() -> None:
    """The key is of what is sent: composed or decomposed, text and values make the same one."""
    keys: set[str] = set()
    for form in ("NFC", "NFD"):
        message = SmsMessage(unicodedata.normalize(form, "Été #param_1#"))
        plan = planner(message)
        plan.add(1, Recipient("0612345678", (unicodedata.normalize(form, "Zoé"),)))
        (chunk,) = plan.flush()
        assert (chunk.text, chunk.recipients[0].params, chunk.coding) == ("Été #param_1#", ("Zoé",), Coding.GSM7)
        keys.add(idempotency_key("run", chunk, message))
    assert len(keys) == 1


def test_value_of_another_type_is_refused_beside_one_to_compose() -> None:
    """A value that is none is refused, and not written out, though the one before it is brought to another form."""
    plan = planner(SmsMessage("#param_1# #param_2#"))
    outcome = plan.add(1, Recipient("0612345678", ("e\u0301", None)))  # type: ignore[arg-type]
    assert outcome is not None
    assert outcome.reason is Reason.MISSING_PARAM
    assert plan.add(2, Recipient("0612345679", ("e\u0301", 4821))) is None  # type: ignore[arg-type]
    (chunk,) = plan.flush()
    assert chunk.recipients[0].params == ("é", "4821")


@pytest.mark.parametrize(
    "text", ["a" * 152 + "€" + "a" * 1070, "]" * 609, "ê" * 66 + "😀" + "ê" * 468, "a" * 152 + "\n" + "a" * 1070]
)
def test_text_within_its_units_that_takes_nine_parts_is_refused(text: str) -> None:
    """A pair that moves leaves a unit empty: what units allow may take nine parts, and nothing of it is sent."""
    with pytest.raises(InvalidText, match="9 parts") as refused:
        planner(SmsMessage(text))
    assert refused.value.reason == "text_too_long"


def test_row_within_its_units_that_takes_nine_parts_is_refused() -> None:
    """Of a personalised text those rows are refused whose pairs move, alone and among many."""
    good, bad = "a" * 151, "a" * 152
    for many in (False, True):
        plan = planner(SmsMessage("#param_1#€#param_2#"))
        rows = [Recipient("0612345678", (bad, "a" * 1070)), Recipient("0612345679", (good, "a" * 1071))]
        rows += [Recipient(f"06123457{row:02d}", (good, "a" * (1000 + row % 3))) for row in range(20)]
        refused: list[Any] = []
        if many:
            plan.add_rows(list(enumerate(rows, 1)), refused)
        else:
            refused = [outcome for row, person in enumerate(rows, 1) if (outcome := plan.add(row, person))]
        assert [(outcome.row, outcome.reason) for outcome in refused] == [(1, Reason.TEXT_TOO_LONG)]
        (chunk,) = plan.flush()
        assert chunk.parts == 8 + 20 * 8


def test_what_the_provider_appends_counts_in_the_plan() -> None:
    """Ceilings see the parts that a text takes with what is appended to it."""
    limits = {"personalises": False, "max_ucs2_units": 0, "max_gsm_units": 459, "max_parts": 3}
    plan = planner(SmsMessage("a" * 150), appended="\nSTOP SMS au 36111", **limits)
    plan.add(1, "0612345678")
    (chunk,) = plan.flush()
    assert (chunk.parts, chunk.text) == (2, "a" * 150)
    with pytest.raises(InvalidText, match="460 units"):
        planner(SmsMessage("a" * 441), appended="\nSTOP SMS au 36111", **limits)
    with pytest.raises(InvalidText, match="4 parts"):
        planner(SmsMessage("a" * 152 + "€" + "a" * 286), appended="\nSTOP SMS au 36111", **limits)
