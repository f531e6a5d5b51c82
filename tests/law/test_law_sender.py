"""Senders that French operators refuse, and texts that say how to opt out."""

from datetime import date

import pytest

from allmysms_async import law
from allmysms_async.errors import InvalidRequest
from tests.cases import each


@each("sender", ["MAGASIN", "Magasin24", "A1B2C3D4E5F", "3615ULLA", "BANQUEXYZ", "RDVMEDECIN"])
def test_names_of_somebody_are_let_through(sender: str) -> None:
    """Letters, or letters and digits, at most 11, that name a brand."""
    assert law.lint_sender(sender) == ()


@each(
    ("sender", "rules"),
    [
        ("MAGASINPARIS", ["too_long"]),
        ("MON MAGASIN", ["characters"]),
        ("MAGASIN!", ["characters"]),
        ("ÉCOLE", ["characters"]),
        ("36180", ["digits_alone"]),
        ("0612345678", ["digits_alone", "mobile_number"]),
        ("33712345678", ["digits_alone", "mobile_number"]),
        ("+33612345678", ["too_long", "characters", "mobile_number"]),
        ("06 12 34 56 78", ["too_long", "characters", "mobile_number"]),
        ("0142345678", ["digits_alone"]),
        ("RDV", ["generic_word"]),
        ("Bank", ["generic_word"]),
        ("Alerte24", ["generic_word"]),
        ("colis", ["generic_word"]),
        ("RDV-1", ["characters", "generic_word"]),
    ],
)
def test_each_broken_rule_is_told(sender: str, rules: list[str]) -> None:
    """With its reason, its date and its source, and never the number itself."""
    found = law.lint_sender(sender)
    assert [warning.rule for warning in found] == rules
    for warning in found:
        assert warning.source
        assert warning.reason.endswith(".")
        assert not any(digits in warning.reason for digits in ("12345", "12 34"))
        assert warning.since == (date(2023, 1, 1) if warning.rule == "mobile_number" else date(2025, 3, 10))


def test_sender_is_a_text() -> None:
    """Anything else is a typed error."""
    with pytest.raises(InvalidRequest, match="sender must be a text"):
        law.lint_sender(36180)  # type: ignore[arg-type]


@each(
    ("text", "said"),
    [
        ("Soldes. STOP au 36180", True),
        ("Soldes.\nSTOP au 36180", True),
        ("Soldes.\rSTOP au 36180", True),
        ("Hello Mr #param_1# Stop au 36180", True),
        ("STOP au 36180", False),
        ("Soldes.STOP au 36180", False),
        ("Soldes.\u00a0STOP au 36180", False),
        ("Soldes. STOP au 36180.", False),
        ("Soldes. STOP au 36180\n", False),
        ("Soldes. STOP au 36111", False),
        ("Soldes. STOP  au 36180", False),
        ("", False),
    ],
)
def test_stop_is_at_the_end_after_a_blank(text: str, said: bool) -> None:
    """As the manual words it; a text that says so is completed with nothing."""
    assert law.has_stop(text) is said
    assert law.has_stop(law.with_stop(text))
    assert (law.with_stop(text) == text) is said
    assert law.with_stop(text).startswith(text)


def test_blank_is_added_where_there_is_none() -> None:
    """One space, or the blank that is there."""
    assert law.with_stop("Soldes.") == "Soldes. STOP au 36180"
    assert law.with_stop("Soldes.\n") == "Soldes.\nSTOP au 36180"
