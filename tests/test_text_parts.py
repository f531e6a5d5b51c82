"""Where the parts of a text break: no character across two, each part full, as few as can be."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidText
from allmysms_async.text import GSM_EXTENSION, Coding, Segments, Template, measure, segments
from tests.cases import each

GSM7, UNICODE = Coding.GSM7, Coding.UNICODE

# Worked out by hand: the units, and how many characters each part holds.
BREAKS = [
    ("", GSM7, 0, [0]),
    ("a" * 159, GSM7, 159, [159]),
    ("a" * 160, GSM7, 160, [160]),
    ("a" * 161, GSM7, 161, [153, 8]),
    ("a" * 152, GSM7, 152, [152]),
    ("a" * 153, GSM7, 153, [153]),
    ("a" * 154, GSM7, 154, [154]),
    ("a" * 306, GSM7, 306, [153, 153]),
    ("a" * 307, GSM7, 307, [153, 153, 1]),
    ("a" * 1224, GSM7, 1224, [153] * 8),
    ("a" * 1225, GSM7, 1225, [153] * 8 + [1]),
    # 160 units hold any pairs: nothing is cut.
    ("]" * 80, GSM7, 160, [80]),
    ("a" * 158 + "€", GSM7, 160, [159]),
    ("a" * 159 + "€", GSM7, 161, [153, 7]),
    # 76 pairs are 152 units, and the 77th moves whole.
    ("]" * 81, GSM7, 162, [76, 5]),
    ("]" * 152, GSM7, 304, [76, 76]),
    ("]" * 153, GSM7, 306, [76, 76, 1]),
    ("a" * 151 + "€" + "a" * 153, GSM7, 306, [152, 153]),
    ("a" * 152 + "€" + "a" * 152, GSM7, 306, [152, 152, 1]),
    ("a" * 152 + "€" + "a" * 151, GSM7, 305, [152, 152]),
    ("a" * 153 + "€" + "a" * 151, GSM7, 306, [153, 152]),
    # A newline counts 2 and moves likewise.
    ("a" * 151 + "\n" + "a" * 153, GSM7, 306, [152, 153]),
    ("a" * 152 + "\n" + "a" * 152, GSM7, 306, [152, 152, 1]),
    ("\n" * 153, GSM7, 306, [76, 76, 1]),
    # Two in a row that move: the first leaves a unit, the second begins where it ends.
    ("a" * 152 + "€€" + "a" * 200, GSM7, 356, [152, 151, 51]),
    ("a" * 152 + "{" + "a" * 150 + "}" + "a" * 10, GSM7, 316, [152, 151, 11]),
    # 1224 units, and nine parts.
    ("a" * 152 + "€" + "a" * 1070, GSM7, 1224, [152, 152] + [153] * 6 + [1]),
    ("a" * 1222 + "€", GSM7, 1224, [153] * 7 + [152]),
    ("a" * 1221 + "€", GSM7, 1223, [153] * 7 + [151]),
    ("a" * 1221 + "€a", GSM7, 1224, [153] * 7 + [152]),
    # 152 and a pair in each part: eight such parts hold 1216 units.
    ("]" * 608, GSM7, 1216, [76] * 8),
    ("]" * 609, GSM7, 1218, [76] * 8 + [1]),
    # Unicode.
    ("ê" * 67, UNICODE, 67, [67]),
    ("ê" * 70, UNICODE, 70, [70]),
    ("ê" * 71, UNICODE, 71, [67, 4]),
    ("ê" * 134, UNICODE, 134, [67, 67]),
    ("ê" * 135, UNICODE, 135, [67, 67, 1]),
    ("ê" * 536, UNICODE, 536, [67] * 8),
    ("ê" * 537, UNICODE, 537, [67] * 8 + [1]),
    ("😀" * 35, UNICODE, 70, [35]),
    ("😀" * 36, UNICODE, 72, [33, 3]),
    ("😀" * 66, UNICODE, 132, [33, 33]),
    ("😀" * 67, UNICODE, 134, [33, 33, 1]),
    ("ê" * 66 + "😀" + "ê" * 66, UNICODE, 134, [66, 66, 1]),
    ("ê" * 65 + "😀" + "ê" * 67, UNICODE, 134, [66, 67]),
    ("ê" * 66 + "\n" + "ê" * 66, UNICODE, 134, [66, 66, 1]),
    ("ê" * 66 + "😀" + "ê" * 468, UNICODE, 536, [66, 66] + [67] * 6 + [1]),
    ("😀" * 264, UNICODE, 528, [33] * 8),
    ("😀" * 265, UNICODE, 530, [33] * 8 + [1]),
    # In Unicode the euro is one unit like any other.
    ("ê" + "€" * 133, UNICODE, 134, [67, 67]),
    # An emoji of several code points may be cut between them: each pair is whole.
    ("ê" * 66 + "👩‍💻", UNICODE, 71, [66, 3]),
]

pairs = st.one_of(
    st.text(st.sampled_from("aaaa€\n]é"), max_size=400),
    st.text(st.sampled_from("aaaa\n😀ê"), max_size=400),
    st.lists(st.tuples(st.integers(0, 160), st.sampled_from("€\n😀ê]")), max_size=9).map(
        lambda runs: "".join("a" * count + character for count, character in runs)
    ),
)


def cost(character: str, coding: Coding) -> int:
    """Return the units of one character, by the manual's rule."""
    twice = "\n" + GSM_EXTENSION if coding is GSM7 else "\n"
    return 2 if character in twice or ord(character) > 0xFFFF else 1


def size(text: str, coding: Coding) -> int:
    """Return the units of a text."""
    return sum(cost(character, coding) for character in text)


@each(("text", "coding", "units", "lengths"), BREAKS)
def test_parts_break_where_worked_out_by_hand(text: str, coding: Coding, units: int, lengths: list[int]) -> None:
    """Units, parts and where each ends are as the rules say, and measuring agrees."""
    found = segments(text)
    assert (found.coding, found.units, [len(part) for part in found.parts]) == (coding, units, lengths)
    size_alone = measure(text)
    assert (size_alone.coding, size_alone.units, size_alone.parts) == (coding, units, len(lengths))


@given(pairs)
def test_parts_are_the_text_in_order_and_each_fits(text: str) -> None:
    """Put together the parts are the text, each fits, and none but the last had room for the next character."""
    found = segments(text)
    coding, parts = found.coding, found.parts
    assert "".join(parts) == text
    assert found.units == size(text, coding)
    assert measure(text).parts == len(parts)
    if len(parts) == 1:
        assert found.units <= (160 if coding is GSM7 else 70)
        return
    each = 153 if coding is GSM7 else 67
    assert found.units > (160 if coding is GSM7 else 70)
    for part, following in itertools.pairwise(parts):
        assert 0 < size(part, coding) <= each < size(part, coding) + cost(following[0], coding)
    assert 0 < size(parts[-1], coding) <= each


@given(
    st.lists(st.text(st.sampled_from("aaaaaaa€\n"), max_size=170), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 170), st.integers(0, 40)), min_size=1, max_size=5),
    st.sampled_from([1, 3, 8, None]),
)
def test_templates_with_pairs_count_as_their_texts_do(
    literals: list[str], lengths: list[tuple[int, int]], most: int | None
) -> None:
    """Counted by the lengths of values alone, a row takes the parts that its own text takes."""
    text = literals[0] + "".join(
        f"#param_{number}#{literal}" for number, literal in zip((1, 2, 1), literals[1:], strict=False)
    )
    template = Template(text)
    rows = [("x" * one, "é" * two)[: template.count] for one, two in lengths]
    found = template.gsm_parts(list(zip(*rows, strict=True)), 1224, most)
    for row, parts in zip(rows, found, strict=True):
        whole = measure(template.render(row))
        fits = whole.units <= 1224 and (most is None or whole.parts <= most)
        assert parts == (whole.parts if fits else None)
        assert template.size(row) == whole


def test_rows_whose_values_move_a_pair_of_the_template() -> None:
    """Whether the template's euro meets the end of a part depends on each row's first value."""
    template = Template("#param_1#€#param_2#")
    columns = [["x" * 151, "x" * 152, "x" * 153, "é" * 152, "[" * 76], ["x" * 153, "x" * 152, "x" * 151, "x", "x"]]
    assert template.gsm_parts(columns, 1224) == [2, 3, 2, 1, None]


@given(st.text(st.sampled_from("aaaa€ê\n"), max_size=200), st.text(st.sampled_from("aaaa€ê\n"), max_size=200))
def test_what_is_appended_counts_and_is_not_rendered(value: str, end: str) -> None:
    """A template's size is that of the rendered text with what the gateway appends to it."""
    template = Template("Bonjour #param_1#", end)
    assert template.render([value]) == "Bonjour " + value
    assert template.size([value]) == measure("Bonjour " + value + end)


def test_segments_say_why_and_what_could_stand() -> None:
    """One apostrophe in 150 characters makes three parts of one; the reason and the remedy are told."""
    found = segments("L’" + "a" * 148)
    assert (found.encoding, len(found.parts), found.unicode_because) == ("unicode", 3, ("’",))
    assert (dict(found.replacements), found.lossless, found.parts_replaced, found.parts_lossless) == (
        {"’": "'"},
        ("’",),
        1,
        1,
    )
    mixed = segments("L’œuf 😀" + "a" * 143)
    assert mixed.unicode_because == ("’", "œ", "😀")
    assert dict(mixed.replacements) == {"’": "'", "œ": "oe"}
    assert (mixed.parts_replaced, mixed.parts_lossless) == (3, 3)


def test_segments_tell_what_counts_twice() -> None:
    """Extension characters count twice in GSM-7 alone, newlines always, emoji in Unicode."""
    assert segments("a€[\n€").counted_twice == ("€", "[", "\n")
    assert segments("ê€[\n😀").counted_twice == ("\n", "😀")
    assert segments("a").counted_twice == ()


def test_segments_are_of_the_text_that_is_sent() -> None:
    """A decomposed text is shown, and counted, as it is sent: composed, in GSM-7."""
    found = segments(unicodedata.normalize("NFD", "é" * 160))
    assert (found.coding, found.units, found.parts) == (GSM7, 160, ("é" * 160,))


def test_segments_in_a_coding_that_is_asked_for() -> None:
    """Unicode may be asked for; GSM-7 for a text that it cannot hold is refused with the characters named."""
    assert [len(part) for part in segments("a" * 71, UNICODE).parts] == [67, 4]
    assert segments("a" * 71, UNICODE).unicode_because == ()
    with pytest.raises(InvalidText, match=r"ê \(U\+00EA\)"):
        segments("ê", GSM7)
    with pytest.raises(InvalidText, match=r"U\+0000"):
        segments("a\0")


def test_segments_show_nothing_of_the_text() -> None:
    """A report of errors that prints them shows their size alone."""
    found = segments("code 4821")
    assert isinstance(found, Segments)
    assert repr(found) == "<Segments gsm7, 9 units, 1 parts>"
