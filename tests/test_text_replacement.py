"""What GSM-7 could hold in place of a character that it lacks, and the form that texts are sent in."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.text import Transliteration, as_sent, forces_unicode, gsm_units, transliterate
from allmysms_async.text.replacement import LOSSLESS
from tests.cases import each

WORDS = [
    ("L’été", "L'été"),
    ("«\xa0Bonjour\xa0»", '" Bonjour "'),
    ("“Soldes” – 20\u202f%", '"Soldes" - 20 %'),
    ("cœur, sœur, Œuvre", "coeur, soeur, OEuvre"),
    ("forêt, maïs, hôtel, flûte", "foret, mais, hotel, flute"),
    ("ça, reçu, ÇA", "ca, recu, ÇA"),
    ("À bientôt, Ève", "A bientot, Eve"),
    ("déjà, où, près", "déjà, où, près"),
    ("Noël…", "Noel..."),
    ("Łódź, Đà Nẵng, Þór", "Lodz, Dà Nang, Thor"),
    ("50 m², n°5, №7", "50 m2, no5, No7"),
    ("½ tarif", "1/2 tarif"),
    ("ﬁn, ＡＢＣ, １２", "fin, ABC, 12"),
    ("3 × 4 ≠ 13 → non", "3 x 4 != 13 -> non"),
    ("`a`", "'a'"),
    ("co\u00adop\ufeff", "coop"),
    ("x\u0302", "x"),
    ("20 € [oui]\n", "20 € [oui]\n"),
]

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    st.sampled_from([*LOSSLESS, *"eéêçœ²1½9\u0301\u0302😀йж", "a", " "]), max_size=40
)


@each(("text", "expected"), WORDS)
def test_word_is_written_as_people_write_it_in_gsm7(text: str, expected: str) -> None:
    """Each becomes what a person would write for it, and nothing of it is left in Unicode."""
    found = transliterate(text)
    assert (found.text, found.left) == (expected, ())


@each(
    ("text", "left"),
    [("10²", ("²",)), ("1½", ("½",)), ("Привет", tuple("Привет")), ("日 😀", ("日", "😀")), ("и\u0306", "й")],
)
def test_what_would_read_otherwise_is_left(text: str, left: tuple[str, ...]) -> None:
    """Figures that would join others, other scripts and emoji stay, and are told."""
    found = transliterate(text)
    assert found.text == unicodedata.normalize("NFC", text)
    assert found.left == tuple(left)


def test_report_says_what_changed_where() -> None:
    """Each place is told with what stood there and what stands there now, and whether anybody would miss it."""
    found = transliterate("L’œuf d’")
    told = [(change.position, change.character, change.by, change.lossless) for change in found.changes]
    assert told == [(1, "’", "'", True), (2, "œ", "oe", False), (6 + 1, "’", "'", True)]
    assert transliterate("été") == Transliteration("été", (), ())
    assert "œ" not in repr(found)


@given(any_text)
def test_transliterating_changes_what_gsm_lacks_and_nothing_else(text: str) -> None:
    """What is replaced and what is left is all that forces Unicode, the rest stays, and once is enough."""
    composed = unicodedata.normalize("NFC", text)
    found = transliterate(text)
    assert set(found.left) | {change.character for change in found.changes} == set(forces_unicode(composed))
    assert (gsm_units(found.text) is not None) == (not found.left)
    assert all(gsm_units(change.by) is not None for change in found.changes)
    replaced = {change.position: change.by for change in found.changes}
    assert found.text == "".join(replaced.get(at, character) for at, character in enumerate(composed))
    again = transliterate(found.text).text
    assert transliterate(again).text == again


def test_table_of_the_lossless_holds_quotes_spaces_and_dashes() -> None:
    """Each character of it is one that GSM-7 lacks, and becomes a quote, a space, a dash or nothing."""
    assert set(LOSSLESS.values()) == {"'", '"', "-", " ", ""}
    assert all(gsm_units(character) is None for character in LOSSLESS)
    assert not any(character.isalnum() and unicodedata.category(character) != "Lm" for character in LOSSLESS)


@given(any_text, st.booleans())
def test_the_form_that_is_sent_is_one(text: str, gsm_replacements: bool) -> None:
    """A text in it is composed, stays as it is, and without replacements is the text's NFC."""
    sent = as_sent(text, gsm_replacements=gsm_replacements)
    assert unicodedata.is_normalized("NFC", sent)
    assert as_sent(sent, gsm_replacements=gsm_replacements) == sent
    if gsm_replacements:
        assert not set(sent) & set(LOSSLESS)
    else:
        assert sent == unicodedata.normalize("NFC", text)


def test_decomposed_text_needs_no_unicode() -> None:
    """A list from a machine that decomposes costs what any other costs."""
    decomposed = unicodedata.normalize("NFD", "é")
    assert gsm_units(decomposed) is None
    assert gsm_units(as_sent(decomposed)) == 1
    assert as_sent("\u212b\u2126") == "ÅΩ"
