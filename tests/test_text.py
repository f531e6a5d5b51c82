"""Texts: alphabets, units, parts and placeholders."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidText
from allmysms_async.text import (
    GSM_BASIC,
    GSM_EXTENSION,
    MAX_PARTS,
    Coding,
    Template,
    TextSize,
    check_text,
    forces_unicode,
    gsm_units,
    has_placeholder,
    measure,
    placeholders,
    ucs2_units,
    units,
)
from tests.cases import each

GSM7, UNICODE = Coding.GSM7, Coding.UNICODE

# Worked out by hand from the manual (160, 153, newline twice) and the standard (70, 67, extension twice).
SIZES = [
    ("", GSM7, 0, 1),
    ("Votre code est 4821", GSM7, 19, 1),
    ("a" * 160, GSM7, 160, 1),
    ("a" * 161, GSM7, 161, 2),
    ("a" * 306, GSM7, 306, 2),
    ("a" * 307, GSM7, 307, 3),
    ("a" * 1224, GSM7, 1224, 8),
    ("a" * 1225, GSM7, 1225, 9),
    ("é" * 160, GSM7, 160, 1),
    ("éèùìòàÇÉÄÖÑÜäöñü", GSM7, 16, 1),
    ("€", GSM7, 2, 1),
    ("a" * 158 + "€", GSM7, 160, 1),
    ("a" * 159 + "€", GSM7, 161, 2),
    ("{}[]^~|\\", GSM7, 16, 1),
    ("{" * 80, GSM7, 160, 1),
    ("{" * 81, GSM7, 162, 2),
    ("a\nb", GSM7, 4, 1),
    ("a\r\nb", GSM7, 5, 1),
    ("\n" * 80, GSM7, 160, 1),
    ("\n" * 80 + "a", GSM7, 161, 2),
    ("ê" * 70, UNICODE, 70, 1),
    ("ê" * 71, UNICODE, 71, 2),
    ("ê" * 134, UNICODE, 134, 2),
    ("ê" * 135, UNICODE, 135, 3),
    ("ê" * 536, UNICODE, 536, 8),
    ("ê" * 537, UNICODE, 537, 9),
    ("français", UNICODE, 8, 1),
    ("L’été", UNICODE, 5, 1),
    ("ô€", UNICODE, 2, 1),
    ("ô\n", UNICODE, 3, 1),
    ("ô" * 68 + "\n", UNICODE, 70, 1),
    ("ô" * 69 + "\n", UNICODE, 71, 2),
    ("😀", UNICODE, 2, 1),
    ("😀" * 35, UNICODE, 70, 1),
    ("😀" * 35 + "a", UNICODE, 71, 2),
    ("👩‍💻", UNICODE, 5, 1),
    ("a\xa0b", UNICODE, 3, 1),
    ("`", UNICODE, 1, 1),
]

gsm_texts = st.text(st.sampled_from(GSM_BASIC + GSM_EXTENSION), max_size=60)
any_texts = st.text(max_size=60)
sendable = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\r\n€{é"),
    max_size=60,
)
values = gsm_texts | sendable | st.sampled_from(["#param_2#", "#param_", "", "1#"])


@each(("text", "coding", "count", "parts"), SIZES)
def test_text_takes_the_parts_worked_out_by_hand(text: str, coding: Coding, count: int, parts: int) -> None:
    """A text needs the coding, units and parts that the manual's rules give."""
    assert measure(text) == TextSize(coding, count, parts)


def test_unicode_on_demand_counts_utf16_units() -> None:
    """A plain text sent as Unicode is measured with Unicode's limits, its extension characters counting 1."""
    assert measure("€" * 71, UNICODE) == TextSize(UNICODE, 71, 2)
    assert units("{\n", UNICODE) == 3


def test_coding_has_the_wire_values() -> None:
    """The codings are v9's CODING: 1 for GSM-7, 2 for Unicode."""
    assert (int(GSM7), int(UNICODE), MAX_PARTS) == (1, 2, 8)


def test_alphabet_is_whole() -> None:
    """The default alphabet has 127 characters beside its escape, the extension nine beside its page break."""
    assert len(set(GSM_BASIC)) == len(GSM_BASIC) == 127
    assert len(set(GSM_EXTENSION)) == len(GSM_EXTENSION) == 9
    assert not set(GSM_BASIC) & set(GSM_EXTENSION)


@each("letter", "éèùàÇÉÄÖÜäöüñæÆßìò")
def test_accented_letter_of_gsm_costs_one(letter: str) -> None:
    """These accented letters belong to the GSM alphabet and cost no more than a plain one."""
    assert gsm_units(letter) == 1


@each("letter", "çêëîïôûâœÀÈÊŒ’“”«»…–\xa0\u202f`\t\x7f")
def test_character_outside_gsm_forces_unicode(letter: str) -> None:
    """These characters, common in French, are not in the GSM alphabet."""
    assert gsm_units("a" + letter) is None
    assert forces_unicode("a" + letter + letter) == (letter,)


def test_asking_gsm7_names_what_it_lacks() -> None:
    """GSM-7 for a text that needs Unicode is refused, naming at most five characters and showing no more text."""
    with pytest.raises(InvalidText) as refused:
        measure("secret: ’ê", GSM7)
    assert refused.value.reason == "needs_unicode"
    assert "’ (U+2019), ê (U+00EA)" in str(refused.value)
    assert "secret" not in str(refused.value)
    with pytest.raises(InvalidText, match=r"U\+00A0, .*and 2 more"):
        units("\xa0êôûçœâ", GSM7)


def test_forcing_characters_come_in_order_of_appearance() -> None:
    """Each character that forces Unicode is listed once, the first met first."""
    assert forces_unicode("ôê’ô a") == ("ô", "ê", "’")
    assert forces_unicode("plain €") == ()


@each("character", [*"\x00\t\v\f\x1b\x1f\ud83d\ufffe\uffff", chr(0xDE00)])
@each("coding", [None, GSM7, UNICODE])
def test_character_that_no_wire_carries_is_refused(character: str, coding: Coding | None) -> None:
    """Controls, lone surrogates and non-characters are refused before anything is sent."""
    for call in (lambda: check_text(f"a{character}"), lambda: measure(f"ô{character}", coding)):
        with pytest.raises(InvalidText, match=f"U\\+{ord(character):04X}") as refused:
            call()
        assert refused.value.reason == "malformed"


def test_line_breaks_are_sendable() -> None:
    """LF and CR are the two controls that a text may hold."""
    check_text("a\r\nb")


# -- placeholders ----------------------------------------------------------------------------------------------------


@each(
    ("text", "count"),
    [
        ("Bonjour", 0),
        ("Bonjour #param_1#", 1),
        ("#param_2# #param_1#", 2),
        ("#param_1# et #param_1#", 1),
        ("".join(f"#param_{n}#" for n in range(12, 0, -1)), 12),
        ("#param_# #PARAM_2# #param_x# #param_3", 0),
        ("#param_٣#", 0),
        ("#param_1#param_2#", 1),
    ],
)
def test_placeholders_are_counted(text: str, count: int) -> None:
    """The count is the highest number used, whatever the order and the repeats."""
    assert placeholders(text) == Template(text).count == count


@each(
    ("text", "named"),
    [
        ("#param_2#", r"#param_1# is missing: .* \(#param_2# is at position 0\)"),
        ("#param_1# #param_3#", r"#param_2# is missing: .* \(#param_3# is at position 10\)"),
        ("#param_0#", "#param_0# is no placeholder"),
        ("#param_1# #param_02#", r"#param_02# is no placeholder \(at position 10\)"),
        (f"#param_{'9' * 5000}#", "#param_1# is missing"),
    ],
)
def test_wrong_placeholders_are_named(text: str, named: str) -> None:
    """A gap or a bad number is refused, saying which."""
    for call in (placeholders, Template):
        with pytest.raises(InvalidText, match=named) as refused:
            call(text)
        assert refused.value.reason == "placeholders"


def test_render_is_one_pass() -> None:
    """A value that looks like a placeholder stays text."""
    assert Template("#param_1# #param_2#").render(["#param_2#", "b"]) == "#param_2# b"


def test_extra_params_are_ignored() -> None:
    """Values beyond the count are neither rendered nor measured."""
    template = Template("Bonjour #param_1#")
    assert template.render(["Zoé", "ô" * 500]) == "Bonjour Zoé"
    assert template.size(["Zoé", "ô" * 500]) == TextSize(GSM7, 11, 1)


def test_missing_param_is_named() -> None:
    """A recipient without a value is refused by render and by size, naming the placeholder."""
    template = Template("#param_1# #param_2#")
    for call in (template.render, template.size):
        with pytest.raises(InvalidText, match="#param_2# has no value") as refused:
            call(["a"])
        assert refused.value.reason == "missing_param"


def test_template_refuses_what_cannot_be_sent() -> None:
    """A template with a control character is refused when it is built, a value with one when it is measured."""
    with pytest.raises(InvalidText) as refused:
        Template("a\x00")
    assert refused.value.reason == "malformed"
    with pytest.raises(InvalidText) as refused:
        Template("a #param_1#").size(["\x00"])
    assert refused.value.reason == "malformed"


def test_template_is_frozen_and_keeps_its_text_out_of_repr() -> None:
    """A template cannot change, compares and pickles by its text, and shows none of it."""
    template = Template("Bonjour #param_1#")
    with pytest.raises(AttributeError):
        template.text = "autre"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    assert pickle.loads(pickle.dumps(template)).render(["a"]) == "Bonjour a"  # noqa: S301 - our own bytes
    assert template == Template("Bonjour #param_1#") != Template("Salut #param_1#")
    assert repr(template) == "Template(count=1)"


@pytest.mark.parametrize(("value", "found"), [("#param_2#", True), ("a #param_2", True), ("#1 param", False)])
def test_value_with_a_placeholder_is_noticed(value: str, found: bool) -> None:
    """A value that a gateway could expand again is noticed, the beginning of a placeholder included."""
    assert has_placeholder(value) is found


# -- properties ------------------------------------------------------------------------------------------------------


@given(text=any_texts | gsm_texts)
def test_alphabet_is_a_partition(text: str) -> None:
    """A text either has GSM units or holds characters that force Unicode, never both, never neither."""
    assert (gsm_units(text) is None) == bool(forces_unicode(text))
    assert set(forces_unicode(text)) == {c for c in text if c not in GSM_BASIC + GSM_EXTENSION}


@given(text=any_texts)
def test_unicode_units_are_those_of_utf16(text: str) -> None:
    """Unicode units are UTF-16 code units, plus one for each newline."""
    assert ucs2_units(text) == sum(2 if ord(c) > 0xFFFF or c == "\n" else 1 for c in text)


@given(first=gsm_texts, second=gsm_texts, third=any_texts)
def test_units_add_up(first: str, second: str, third: str) -> None:
    """The units of two texts put together are the sum of theirs, in both codings."""
    assert units(first + second, GSM7) == units(first, GSM7) + units(second, GSM7)
    assert ucs2_units(first + third) == ucs2_units(first) + ucs2_units(third)


@given(text=sendable, more=sendable)
def test_longer_text_never_takes_fewer_parts(text: str, more: str) -> None:
    """Adding to a text never lowers its parts, a change of coding included."""
    assert measure(text * 5 + more).parts >= measure(text * 5).parts


@given(count=st.integers(0, 2000), coding=st.sampled_from(Coding))
def test_parts_hold_the_units(count: int, coding: Coding) -> None:
    """Parts are the fewest that hold the units."""
    single, each = (160, 153) if coding is GSM7 else (70, 67)
    parts = measure("a" * count, coding).parts
    assert count <= (single if parts == 1 else each * parts)
    assert parts == 1 or count > (single if parts == 2 else each * (parts - 1))


@given(
    pieces=st.lists(sendable, min_size=1, max_size=5),
    order=st.permutations([1, 2, 3, 1]),
    params=st.tuples(values, values, values),
)
def test_template_renders_and_measures_alike(pieces: list[str], order: list[int], params: tuple[str, ...]) -> None:
    """Rendering puts each value in its place once, and the size without rendering is the size of the rendered text."""
    assume(not any("#param_" in piece for piece in pieces))
    used = order[: len(pieces) - 1]
    assume(set(used) == set(range(1, len(set(used)) + 1)))
    text, rendered = pieces[0], pieces[0]
    for number, piece in zip(used, pieces[1:], strict=True):
        text += f"#param_{number}#" + piece
        rendered += params[number - 1] + piece
    template = Template(text)
    assert template.render(params) == rendered
    for coding in (None, UNICODE) if forces_unicode(rendered) else (None, GSM7, UNICODE):
        assert template.size(params, coding) == measure(rendered, coding)
    if forces_unicode(rendered):
        with pytest.raises(InvalidText, match="GSM-7"):
            template.size(params, GSM7)


@given(
    st.sampled_from(
        ["#param_1#", "Bonjour #param_1#, #param_2# #param_1#", "€ #param_2# #param_1#" + "x" * 150, "ł #param_1#"]
    ),
    st.lists(
        st.tuples(*[st.one_of(st.text(max_size=3), st.sampled_from(["x" * 60, "\u20ac", "\n", "é"]))] * 2), min_size=1
    ),
    st.integers(100, 400),
)
def test_parts_of_many_are_those_of_each(text: str, rows: list[tuple[str, str]], most: int) -> None:
    """Of each row they are what a look at it alone finds, or that look is left to be taken."""
    template = Template(text)
    found = template.gsm_parts(list(zip(*rows, strict=True))[: template.count], most)
    for parts, row in zip(found, rows, strict=True):
        values = row[: template.count]
        try:
            careful = template.size(values)
        except InvalidText:
            careful = None
        if parts is not None:
            assert careful is not None
            assert (careful.coding, careful.parts, careful.units <= most) == (Coding.GSM7, parts, True)
        else:
            plain = all(c in GSM_BASIC and c != "\n" for value in values for c in value)
            assert not plain or gsm_units(text) is None or (careful is not None and careful.units > most)


def test_what_a_provider_appends_is_measured_and_never_rendered() -> None:
    """It counts in units and parts, of one text and of columns, and is no part of the text."""
    template = Template("a" * 130 + "#param_1#", "\nSTOP SMS au 36111")
    assert template.size(["b" * 11]) == measure("a" * 130 + "b" * 11 + "\nSTOP SMS au 36111")
    assert [template.size(["b" * more]).parts for more in (11, 12)] == [1, 2]
    assert template.gsm_parts([["b" * 11, "b" * 12]], 459) == [1, 2]
    assert template.render(["b"]) == "a" * 130 + "b"
