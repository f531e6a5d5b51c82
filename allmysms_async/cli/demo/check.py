"""Whether the demo's rows, handsets and reports are what the sample file says they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from allmysms_async.cli.demo.sample import SampleRow
from allmysms_async.model import DeliveryReport, Outcome, OutcomeState

__all__ = ["differences"]


def differences(
    rows: Sequence[SampleRow],
    outcomes: Iterable[Outcome],
    inboxes: Iterable[tuple[str, str]],
    reports: Iterable[DeliveryReport] | None,
) -> list[str]:
    """Return a sentence for each thing that is not as it must be.

    Args:
        rows: The sample.
        outcomes: What the library says of each row.
        inboxes: Number and text of each message on a handset.
        reports: The delivery reports of all its sends, or None if the protocol has none.
    """
    accepted = [row for row in rows if row.expected == "accepted"]
    expected = {row.phone: row.text for row in accepted if row.received}
    found = [*_rows(rows, outcomes), *_handsets(expected, inboxes)]
    return found if reports is None else [*found, *_reports({row.phone for row in accepted}, reports)]


def _rows(rows: Sequence[SampleRow], outcomes: Iterable[Outcome]) -> list[str]:
    """Compare the outcome of each row with the one that the sample expects."""
    found: list[str] = []
    told: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.row, []).append(outcome)
    for row in rows:
        ends = told.pop(row.ordinal, [])
        said = [_said(outcome) for outcome in ends]
        if said != [row.expected]:
            found.append(f"row {row.ordinal}: {' and '.join(said) or 'no outcome'}, expected {row.expected}")
        elif row.expected == "accepted" and ends[0].phone != row.phone:
            found.append(f"row {row.ordinal}: sent to {ends[0].phone}, expected {row.phone}")
    return found + [f"row {ordinal}: an outcome, but there is no such row" for ordinal in told]


def _said(outcome: Outcome) -> str:
    """Return an outcome in the sample's words."""
    rejected = outcome.state is OutcomeState.REJECTED and outcome.reason is not None
    return f"rejected:{outcome.reason}" if rejected else outcome.state.value


def _handsets(expected: dict[str, str], inboxes: Iterable[tuple[str, str]]) -> list[str]:
    """Compare what is on the handsets: one message on each expected one, with its own text, and none elsewhere."""
    found: list[str] = []
    held: dict[str, list[str]] = {}
    for phone, text in inboxes:
        held.setdefault(phone, []).append(text)
    for phone, text in expected.items():
        texts = held.pop(phone, [])
        if len(texts) != 1:
            found.append(f"handset {phone}: {len(texts)} messages, expected one")
        elif texts[0] != text:
            found.append(f"handset {phone}: another text than its own")
    return found + [f"handset {phone}: {len(texts)} messages, expected none" for phone, texts in held.items()]


def _reports(expected: set[str], reports: Iterable[DeliveryReport]) -> list[str]:
    """Compare the reports with those who were texted: one report for each, and none for others."""
    counts = Counter(report.phone for report in reports)
    wrong = [phone for phone in expected if counts.pop(phone, 0) != 1]
    return [f"handset {phone}: not exactly one delivery report" for phone in [*wrong, *counts]]
