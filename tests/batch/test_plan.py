"""The planner: every row in exactly one chunk or refused, nobody twice, one text and one coding for each request."""

from array import array
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.wording import template_of
from allmysms_async.errors import InvalidNumber, InvalidText
from allmysms_async.model import OutcomeState, Reason, Recipient, SmsMessage, coding_of
from allmysms_async.numbers import canonical_number
from allmysms_async.text import Coding, Template, as_sent
from tests.cases import each

LIMITS = SendLimits(
    recipients=1000, max_recipients=2000, max_gsm_units=320, max_ucs2_units=140, personalises=True, idempotent=True
)
NO_UNICODE = SendLimits(
    recipients=50, max_recipients=50, max_gsm_units=320, max_ucs2_units=0, personalises=False, idempotent=False
)

# Few people, many spellings, so that they meet; and what is nobody at all.
PEOPLE = [6_12_34_56_70 + index for index in range(8)]
SPELLINGS = st.sampled_from(["0{}", "+33{}", "33{}", "0033{}", "{}", "+33 (0){}", " 0{} "])
NUMBERS = st.builds(lambda form, person: form.format(person), SPELLINGS, st.sampled_from(PEOPLE))
NOBODY = st.sampled_from(["", "  ", "12", "0142345678", "06 12", "bonjour", "0612345678;0612345679", "+1415555012x"])
VALUES = st.one_of(
    st.sampled_from(
        ["", "Anne", "Zoé", "Łukasz", "#param_2#", "#param_1#", "#param_9", "😀", "€" * 90, "x" * 400, "\x00"]
    ),
    st.text(max_size=6),
)
ROWS = st.lists(
    st.builds(
        Recipient, st.one_of(NUMBERS, NUMBERS, NOBODY), st.lists(VALUES, max_size=3).map(tuple), st.integers(1, 99)
    ),
    max_size=40,
)
TEXTS = st.sampled_from(["Bonjour", "Bonjour #param_1#", "#param_2# et #param_1#, #param_2#", "Été à Łódź #param_1#"])


def planner_of(text, *, limits=LIMITS, encoding="auto", chunk_size=10, seen=None, accounted=None, refused=None):
    """Return a planner of a text."""
    return Planner(
        SmsMessage(text, encoding=encoding),
        limits,
        chunk_size=chunk_size,
        seen=BitMap64() if seen is None else seen,
        accounted=BitMap64() if accounted is None else accounted,
        refused=refused,
    )


def plan(planner, rows):
    """Feed all rows; return the chunks and the refusals."""
    refused = [outcome for row, item in enumerate(rows, 1) if (outcome := planner.add(row, item)) is not None]
    return planner.sealed() + planner.flush(), refused


@pytest.mark.slow
@settings(max_examples=200)
@given(
    rows=ROWS,
    text=TEXTS,
    chunk_size=st.integers(1, 7),
    encoding=st.sampled_from(["auto", "gsm7", "unicode"]),
    limits=st.sampled_from([LIMITS, NO_UNICODE]),
)
def test_plan_is_a_partition_of_the_rows(rows, text, chunk_size, encoding, limits):
    """Each row is in one chunk or refused; nobody twice; what each person is to read is the rendered template."""
    seen, accounted, refusals = BitMap64(), BitMap64(), array("Q")
    options = {"limits": limits, "encoding": encoding, "chunk_size": chunk_size}
    options |= {"seen": seen, "accounted": accounted, "refused": refusals}
    try:
        planner = planner_of(text, **options)
    except InvalidText:
        return  # nobody can be sent this text in this encoding; each case has a test of its own below
    template = Template(as_sent(text, gsm_replacements=False))
    chunks, refused = plan(planner, rows)

    planned = [row for chunk in chunks for row in chunk.rows]
    assert sorted(planned + [outcome.row for outcome in refused]) == list(range(1, len(rows) + 1))
    assert set(accounted) == set(range(1, len(rows) + 1))
    phones = [recipient.phone for chunk in chunks for recipient in chunk.recipients]
    assert len(phones) == len(set(phones))
    assert set(seen) == set(map(int, phones))
    assert [chunk.seq for chunk in chunks] == list(range(1, len(chunks) + 1))

    for chunk in chunks:
        assert 1 <= len(chunk.rows) == len(chunk.recipients) <= chunk_size
        assert chunk.params in {0, template.count if limits.personalises else 0}
        parts = 0
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True):
            given_row = rows[row - 1]
            assert recipient.phone == canonical_number(given_row.phone)
            assert recipient.line == given_row.line
            read = Template(chunk.text).render(recipient.params) if chunk.params else chunk.text
            # Values are sent, and measured, in Unicode's form NFC.
            values = [as_sent(value, gsm_replacements=False) for value in given_row.params[: template.count]]
            assert read == template.render(values)
            size = template.size(values, coding_of(encoding))
            assert size.coding is chunk.coding
            assert size.units <= limits.max_units(size.coding)
            parts += size.parts
        assert chunk.parts == parts

    for outcome in refused:
        assert outcome.state is OutcomeState.REJECTED
        assert outcome.line == rows[outcome.row - 1].line
        assert outcome.reason in expected_reasons(rows[: outcome.row], template, encoding, limits)

    assert plan(planner_of(text, **options), rows) == ([], [])


def expected_reasons(rows, template, encoding, limits):
    """Return why the last of the rows may be refused."""
    last = rows[-1]
    try:
        phone = canonical_number(last.phone)
    except InvalidNumber as error:
        return {Reason(error.reason)}
    if phone in {canonical_number(row.phone) for row in rows[:-1] if sendable(row, template, encoding, limits) is True}:
        return {Reason.DUPLICATE}
    return {sendable(last, template, encoding, limits)}


def sendable(row, template, encoding, limits):
    """Return whether a row could be sent to were it alone, or why not."""
    try:
        canonical_number(row.phone)
        size = template.size(row.params, coding_of(encoding))
    except InvalidNumber as error:
        return Reason(error.reason)
    except InvalidText as error:
        return Reason.INVALID_PARAM if error.reason == "malformed" else Reason(error.reason)
    most = limits.max_units(size.coding)
    return True if size.units <= most and most else Reason.TEXT_TOO_LONG if most else Reason.NEEDS_UNICODE


@each(
    ("item", "reason"),
    [
        (Recipient("", ("Anne",)), Reason.EMPTY),
        (Recipient("not a number", ("Anne",)), Reason.MALFORMED),
        (Recipient("0142345678", ("Anne",)), Reason.LAND_LINE),
        (Recipient("0612345678", ()), Reason.MISSING_PARAM),
        (Recipient("0612345678", (None,)), Reason.MISSING_PARAM),
        (Recipient("0612345678", (4.5,)), Reason.INVALID_PARAM),
        (Recipient("0612345678", (True,)), Reason.INVALID_PARAM),
        (Recipient("0612345678", (b"Anne",)), Reason.INVALID_PARAM),
        (Recipient("0612345678", (Decimal("NaN"),)), Reason.INVALID_PARAM),
        (Recipient("0612345678", (10**5000,)), Reason.INVALID_PARAM),
        (Recipient("0612345678", ("a\x00b",)), Reason.INVALID_PARAM),
        (Recipient("0612345678", ("x" * 313,)), Reason.TEXT_TOO_LONG),
        (Recipient("0612345678", ("Łukasz",)), Reason.NEEDS_UNICODE),
        (None, Reason.MALFORMED),
        (33612345678, Reason.MALFORMED),
        ("0612345678", Reason.MISSING_PARAM),
    ],
)
def test_row_that_cannot_be_sent_to_is_refused_with_its_reason(item, reason):
    """Each reason of the one vocabulary that is found here; the row after it is not harmed."""
    chunks, refused = plan(planner_of("Bonjour #param_1#", encoding="gsm7"), [item, Recipient("0699999999", ("Luc",))])
    assert [(outcome.row, outcome.state, outcome.reason) for outcome in refused] == [(1, OutcomeState.REJECTED, reason)]
    assert [chunk.rows for chunk in chunks] == [(2,)]


@pytest.mark.parametrize("params", [None, 5])
def test_recipient_whose_values_are_no_sequence_is_refused_alone(params):
    """A caller's mistake in one row is that row's, and does not take the planner down with the rows beside it."""
    rows = [Recipient("0612345671", ("Anne",)), Recipient("0612345672", params), Recipient("0612345673", ("Luc",))]
    chunks, refused = plan(planner_of("Bonjour #param_1#"), rows)
    assert [chunk.rows for chunk in chunks] == [(1, 3)]
    assert [outcome.row for outcome in refused] == [2]


@pytest.mark.parametrize(
    ("value", "text"), [(4821, "4821"), (-5, "-5"), (Decimal("12.50"), "12.50"), (Decimal("1E+3"), "1000")]
)
def test_a_figure_among_the_parameters_becomes_text(value, text):
    """An int or a Decimal is written in the one way that it can be, and measured as that text."""
    chunks, refused = plan(planner_of("Code #param_1#"), [Recipient("0612345678", (value, 4.5))])
    assert not refused
    assert chunks[0].recipients[0].params == (text,)


def test_first_row_with_a_number_wins():
    """Another spelling of a number that was planned is a duplicate, also across chunks."""
    rows = ["0612345678", "0699999999", "+33 6 12 34 56 78", "0033612345678"]
    chunks, refused = plan(planner_of("Bonjour", chunk_size=1), rows)
    assert [chunk.rows for chunk in chunks] == [(1,), (2,)]
    assert [(outcome.row, outcome.phone, outcome.reason) for outcome in refused] == [
        (3, "33612345678", Reason.DUPLICATE),
        (4, "33612345678", Reason.DUPLICATE),
    ]


def test_refused_cell_is_kept_short():
    """What a cell held is told back, but not a megabyte of it."""
    outcome = planner_of("Bonjour").add(1, "9" * 1_000_000)
    assert outcome is not None
    assert len(outcome.phone) == 64


def test_one_unicode_value_does_not_make_the_others_pay():
    """Codings are never mixed: the one who needs Unicode has a chunk of its own."""
    rows = [Recipient("0612345671", ("Anne",)), Recipient("0612345672", ("Łukasz",)), Recipient("0612345673", ("Luc",))]
    chunks, _ = plan(planner_of("Bonjour #param_1#"), rows)
    assert {chunk.rows: chunk.coding for chunk in chunks} == {(1, 3): Coding.GSM7, (2,): Coding.UNICODE}


def test_backend_without_personalisation_gets_equal_texts_together():
    """Rendered texts are grouped: two people called Anne share a request, whatever lies between them."""
    names = ["Anne", "Luc", "Anne", "Zoé", "Anne"]
    rows = [Recipient(f"061234567{index}", (name, "unused")) for index, name in enumerate(names)]
    chunks, _ = plan(planner_of("Bonjour #param_1#", limits=NO_UNICODE, chunk_size=2), rows)
    assert {chunk.rows: (chunk.text, chunk.params) for chunk in chunks} == {
        (1, 3): ("Bonjour Anne", 0),
        (2,): ("Bonjour Luc", 0),
        (4,): ("Bonjour Zoé", 0),
        (5,): ("Bonjour Anne", 0),
    }
    assert {recipient.params for chunk in chunks for recipient in chunk.recipients} == {()}


def test_value_like_a_placeholder_stays_text():
    """A value that holds ``#param_2#`` is rendered here, so that the gateway cannot fill it in."""
    rows = [Recipient("0612345671", ("#param_2#", "b")), Recipient("0612345672", ("a", "b"))]
    chunks, _ = plan(planner_of("#param_1# et #param_2#"), rows)
    texts = {chunk.rows: (chunk.text, chunk.params) for chunk in chunks}
    assert texts == {(1,): ("#param_2# et b", 0), (2,): ("#param_1# et #param_2#", 2)}


def test_row_that_changed_between_two_readings_is_a_new_person():
    """A source that is read again with another number in a row loses nobody."""
    seen, accounted = BitMap64(), BitMap64()
    plan(planner_of("Bonjour", seen=seen, accounted=accounted), ["0612345671", "0612345672"])
    chunks, refused = plan(planner_of("Bonjour", seen=seen, accounted=accounted), ["0612345671", "0612345679"])
    assert ([chunk.rows for chunk in chunks], refused) == ([(2,)], [])


@each(
    ("message", "limits", "reason"),
    [
        (SmsMessage("  \n"), LIMITS, "malformed"),
        (SmsMessage("a\x07"), LIMITS, "malformed"),
        (SmsMessage("#param_2#"), LIMITS, "placeholders"),
        (SmsMessage("x" * 321), LIMITS, "text_too_long"),
        (SmsMessage("é" * 141, encoding="unicode"), LIMITS, "text_too_long"),
        (SmsMessage("Ł", encoding="gsm7"), LIMITS, "needs_unicode"),
        (SmsMessage("Bonjour", encoding="unicode"), NO_UNICODE, "needs_unicode"),
        (SmsMessage("Ł"), NO_UNICODE, "needs_unicode"),
    ],
)
def test_text_that_nobody_can_be_sent_is_refused_at_once(message, limits, reason):
    """What is wrong for everybody is not found row by row."""
    with pytest.raises(InvalidText) as caught:
        template_of(message, limits)
    assert caught.value.reason == reason
