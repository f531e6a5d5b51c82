"""Phone numbers: one person, one canonical form."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidNumber
from allmysms_async.numbering import ASSIGNED_CODES, NATIONAL_LENGTHS, NUMBERING_AS_OF, OVERSEAS_MOBILES
from allmysms_async.numbers import (
    MAX_RAW_LENGTH,
    canonical_number,
    mask,
    read_gateway_number,
)
from tests.cases import each

ACCEPTED = [
    # one person, from the manual's three forms to what spreadsheets and address books make of them
    ("0612345678", "33612345678"),
    ("33612345678", "33612345678"),
    ("+33612345678", "33612345678"),
    ("06 12 34 56 78", "33612345678"),
    ("06.12.34.56.78", "33612345678"),
    ("06-12-34-56-78", "33612345678"),
    ("06/12/34/56/78", "33612345678"),
    ("06_12_34_56_78", "33612345678"),
    ("06‑12–34—56−78", "33612345678"),
    ("06\xa012\u202f34\u200956\t78", "33612345678"),
    ("06\xad12\xad34\xad56\xad78", "33612345678"),
    ("  0612345678\r\n", "33612345678"),
    ("\ufeff0612345678", "33612345678"),
    ("\u202a+33 6 12 34 56 78\u202c", "33612345678"),
    ("\u2068+33 6 12 34 56 78\u2069", "33612345678"),
    ("'0612345678", "33612345678"),
    ("’06 12 34 56 78", "33612345678"),
    (" '0612345678", "33612345678"),
    ("+33 6 12 34 56 78", "33612345678"),
    ("0033 6 12 34 56 78", "33612345678"),
    ("00 33 612 345 678", "33612345678"),
    ("+33 (0)6 12 34 56 78", "33612345678"),
    ("+33 ( 0 ) 6 12 34 56 78", "33612345678"),
    ("+33.(0).6.12.34.56.78", "33612345678"),
    ("(+33)(0)612345678", "33612345678"),
    ("33(0)612345678", "33612345678"),
    ("+33 06 12 34 56 78", "33612345678"),
    ("330612345678", "33612345678"),
    ("(06) 12 34 56 78", "33612345678"),
    ("(0)6 12 34 56 78", "33612345678"),
    ("612345678", "33612345678"),
    ("6 12 34 56 78", "33612345678"),
    ("612345678.0", "33612345678"),
    ("33612345678.0", "33612345678"),
    ("+33612345678.0", "33612345678"),
    ("0612345678.0", "33612345678"),
    ("612345678,00", "33612345678"),
    ("612345678,0", "33612345678"),
    ("612 345 678,00", "33612345678"),
    ("612345678.00", "33612345678"),
    ("+33612345678,00", "33612345678"),
    ("0712345678", "33712345678"),
    ("0695123456", "33695123456"),
    # overseas mobiles, however they are dialled
    ("0639123456", "262639123456"),
    ("33639123456", "262639123456"),
    ("0033 6 39 12 34 56", "262639123456"),
    ("+262 639 12 34 56", "262639123456"),
    ("+262 0639 12 34 56", "262639123456"),
    ("262 (0)639 12 34 56", "262639123456"),
    ("0690123456", "590690123456"),
    ("+33690123456", "590690123456"),
    ("690123456", "590690123456"),
    ("0691223456", "590691223456"),
    ("0692123456", "262692123456"),
    ("0693123456", "262693123456"),
    ("0694123456", "594694123456"),
    ("0696123456", "596696123456"),
    ("0697123456", "596697123456"),
    ("0708451234", "508708451234"),
    ("0708461234", "33708461234"),
    ("+508 708 45 12 34", "508708451234"),
    ("0709041234", "590709041234"),
    ("0709051234", "33709051234"),
    ("0709131234", "596709131234"),
    ("0709231234", "262709231234"),
    ("0709331234", "594709331234"),
    ("0709341234", "33709341234"),
    ("0709371234", "262709371234"),
    ("+590 639 12 34 56", "262639123456"),  # the range tells whose it is, not the code that somebody put before it
    ("+262 612 34 56 78", "262612345678"),
    ("+508 41 12 34", "508411234"),
    ("+508 0 41 12 34", "508411234"),
    # other countries
    ("32470123456", "32470123456"),
    ("+32 470 12 34 56", "32470123456"),
    ("0032470123456", "32470123456"),
    ("+44 (0)7700 900123", "447700900123"),
    ("44(0)7700 900123", "447700900123"),
    ("+32470123456.0", "32470123456"),
    ("+1 (202) 555-0123", "12025550123"),
    ("+39 06 1234 5678", "390612345678"),
    ("+352 621 123", "352621123"),
    ("+687 75 12 34", "687751234"),
    # six digits after the code of Saint-Pierre-et-Miquelon, dialled in France and on the spot
    ("0508 55 12 34", "508551234"),
    ("508 55 12 34", "508551234"),
    ("00508551234", "508551234"),
    # Mayotte as it was dialled before 2007
    ("+269 639 12 34 56", "262639123456"),
    ("00269639123456", "262639123456"),
    ("269639123456", "262639123456"),
    ("+269 321 23 45", "2693212345"),
    ("+681 72 12 34", "681721234"),
    ("+689 87 12 34 56", "68987123456"),
    ("68987123456", "68987123456"),
    # cells that were to stay text, links, and full-width digits
    ('="0612345678"', "33612345678"),
    ('"0612345678"', "33612345678"),
    ('"+33 6 12 34 56 78"', "33612345678"),
    ("tel:+33612345678", "33612345678"),
    ("TEL:+33-6-12-34-56-78", "33612345678"),
    ("tel:0612345678", "33612345678"),
    ("０６１２３４５６７８", "33612345678"),
    ("＋３３６１２３４５６７８", "33612345678"),
    ("123456789012345", "123456789012345"),
]

REFUSED = [
    ("", "empty"),
    ("  \xa0\u200b", "empty"),
    ("'", "empty"),
    ("-", "empty"),
    ("0123456789", "land_line"),
    ("01 23 45 67 89", "land_line"),
    ("+33 1 23 45 67 89", "land_line"),
    ("33223456789", "land_line"),
    ("0323456789", "land_line"),
    ("0400000000", "land_line"),
    ("0523456789", "land_line"),
    ("0976543210", "land_line"),
    ("0262123456", "land_line"),
    ("+262 262 12 34 56", "land_line"),
    ("+262 269 12 34 56", "land_line"),
    ("+590 590 12 34 56", "land_line"),
    ("0590123456", "land_line"),
    ("594594123456", "land_line"),
    ("00596 596 12 34 56", "land_line"),
    ("0596123456", "land_line"),
    ("0800123456", "malformed"),
    ("+33 8 92 12 34 56", "malformed"),
    ("+262 892 12 34 56", "malformed"),
    ("061234567", "malformed"),
    ("06123456789", "malformed"),
    ("+3361234567", "malformed"),
    ("3361111111", "ambiguous"),  # printed in the manual's annex 1, and a digit short
    ("336123456789", "malformed"),
    ("+33 00612345678", "malformed"),
    ("+33 00 12 34 56 78", "malformed"),
    ("+26269212345", "malformed"),
    ("+508 00 41 12 34", "malformed"),
    ("123456789", "ambiguous"),
    ("352621123", "ambiguous"),
    ("812345678", "ambiguous"),
    ("61234567", "ambiguous"),
    ("6123456789", "ambiguous"),
    ("87123456", "ambiguous"),
    ("12345678", "ambiguous"),
    ("2693212345", "ambiguous"),
    ("+87123456", "malformed"),
    ("0021012345678", "malformed"),
    ("21012345678", "malformed"),
    ("+800 1234 5678", "malformed"),
    ("+269 63 91 23 45", "malformed"),
    ("+269 639 12 34 5", "malformed"),
    ("+687 612 34 56", "malformed"),
    ("+681 7212345", "malformed"),
    ("+689 12 34 56", "malformed"),
    ("0508 05 12 34", "land_line"),
    ('=0612345678"', "malformed"),
    ('"0612345678', "malformed"),
    ("tel:0612345678;ext=4", "malformed"),
    ("tel:", "empty"),
    ('""', "empty"),
    ("1234567", "malformed"),
    ("1234567890123456", "malformed"),
    ("+1234567", "malformed"),
    ("+0612345678", "malformed"),
    ("+(0)612345678", "malformed"),
    ("000612345678", "malformed"),
    ("+", "malformed"),
    ("00", "malformed"),
    ("0", "malformed"),
    ("++33612345678", "malformed"),
    ("33+612345678", "malformed"),
    ("3,36E+10", "malformed"),
    ("3.36E+10", "malformed"),
    ("3E10", "malformed"),
    ("3.36123E10", "malformed"),
    ("32470123456,00", "malformed"),
    ("612345678,000", "malformed"),
    ("06XXzsqsd", "malformed"),
    ("O612345678", "malformed"),
    ("#31#0612345678", "malformed"),
    ("*0612345678", "malformed"),
    ("0612345678;0698765432", "malformed"),
    ("0612345678,0698765432", "malformed"),
    ("0612345678 0698765432", "malformed"),
    ("0612345678 / 0698765432", "malformed"),
    ("0612345678\n0698765432", "malformed"),
    ("٠٦١٢٣٤٥٦٧٨", "malformed"),
    ("0612345678'", "malformed"),
    ("0" * (MAX_RAW_LENGTH + 1), "malformed"),
    (" " * (MAX_RAW_LENGTH + 1), "malformed"),
]


@each(("raw", "canonical"), ACCEPTED)
def test_written_form_is_read(raw: str, canonical: str) -> None:
    """Each form that people and spreadsheets write gives the person's one number."""
    assert canonical_number(raw) == canonical


@each(("raw", "reason"), REFUSED)
def test_refusal_says_why(raw: str, reason: str) -> None:
    """What is no mobile is refused with the reason that the report shows."""
    with pytest.raises(InvalidNumber) as refused:
        canonical_number(raw)
    assert refused.value.reason == reason


@pytest.mark.parametrize("raw", [612345678, 612345678.0, None, b"0612345678"])
def test_number_that_is_no_string_is_refused(raw: object) -> None:
    """A number given as another type is refused, and the message says what to pass."""
    with pytest.raises(InvalidNumber, match="as a text") as refused:
        canonical_number(raw)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    ("raw", "word"),
    [("0892123456", "special-rate"), ("352621123", "missing"), ("06123", "10"), ("3,36E+10", "spreadsheet rounded")],
)
def test_refusal_says_what_is_wrong(raw: str, word: str) -> None:
    """The message tells what to correct."""
    with pytest.raises(InvalidNumber, match=word):
        canonical_number(raw)


@each("raw", [raw for raw, _ in REFUSED])
def test_refusal_hides_the_number(raw: str) -> None:
    """No message shows more than five of the number's digits, nor any letter of what was found in its place."""
    with pytest.raises(InvalidNumber) as refused:
        canonical_number(raw)
    shown = re.search(r"\(([0-9]*)\*{4}([0-9]*)\)$", str(refused.value))
    assert shown is None or (len(shown[1]) <= 3 and len(shown[2]) <= 2)
    digits = re.sub(r"[^0-9]", "", raw)
    assert len(digits) < 6 or digits not in str(refused.value)
    assert "zsqsd" not in str(refused.value)


@each(
    ("number", "shown"),
    [
        ("33612345678", "336****78"),
        ("+33 6 12 34 56 78", "336****78"),
        ("12345678", "123****78"),
        ("06 12 34 56 78", "336****78"),
        ("+33 (0)6 12 34 56 78", "336****78"),
        ("0033612345678", "336****78"),
        ("612345678", "336****78"),
        ("01 23 45 67 89", "331****89"),
        ("0032470123456", "324****56"),
        ("+32470123456", "324****56"),
        ("1234567", "****67"),
        ("1234", "****"),
        ("Dupont", "****"),
        ("", "****"),
    ],
)
def test_mask_leaves_no_whole_number(number: str, shown: str) -> None:
    """A masked number shows at most its first three and last two digits, and no letter."""
    assert mask(number) == shown


def test_every_white_space_is_a_separator() -> None:
    """Any character that Unicode calls white space may stand between the digits."""
    for space in filter(str.isspace, map(chr, range(0x10000))):
        assert canonical_number(f"06{space}12345678") == "33612345678"


# -- the overseas table ----------------------------------------------------------------------------------------------

FRENCH_CODES = ("33", "262", "508", "590", "594", "596")
# Differences by intent, as of 2026-11 (phonenumbers 9.0.43). Whole blocks go to their territory, so that a range
# opened there later is right at once; and 0700-0729 stays +33 outside the table: no territory has it.
WHOLE_BLOCKS_2026_11 = ("639", "691", "693", "694")
NOT_MOBILE_2026_11 = range(700, 730)


def mobile_owners(national: str) -> set[str]:
    """Country codes under which phonenumbers knows this as a mobile."""
    return {
        code
        for code in FRENCH_CODES
        if phonenumbers.number_type(phonenumbers.PhoneNumber(int(code), int(national)))
        in {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    }


@pytest.mark.slow
@each("block", range(600, 800))
def test_overseas_table_agrees_with_phonenumbers(block: int) -> None:
    """Every prefix gets the country code that phonenumbers knows, both ways; what only one knows is listed above."""
    for prefix in (f"{block}{after:02}" for after in range(100)):
        national = prefix + "1234"
        ours = canonical_number("0" + national).removesuffix(national)
        owners = mobile_owners(national)
        if owners:
            assert owners == {ours}, prefix
        elif ours == "33":
            assert block in NOT_MOBILE_2026_11, prefix
        else:
            assert prefix.startswith(WHOLE_BLOCKS_2026_11), prefix


def test_assigned_codes_are_those_of_phonenumbers() -> None:
    """Every country code is known, and no other, but for the services that no handset has; none begins with another."""
    services = {"800", "808", "878", "888", "979"}
    assert {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE} - services == ASSIGNED_CODES
    assert not [code for code in ASSIGNED_CODES if {code[:1], code[:2]} & (ASSIGNED_CODES - {code})]


def test_lengths_of_territories_are_those_of_their_mobiles() -> None:
    """The digits after a territory's code are as many as phonenumbers knows for mobiles there."""
    for code, lengths in NATIONAL_LENGTHS.items():
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
        known = set().union(
            *(phonenumbers.PhoneMetadata.metadata_for_region(region).mobile.possible_length for region in regions)
        )
        assert set(lengths) == known, code


def test_overseas_table_is_dated_and_in_order() -> None:
    """The table says when it was compared, and its ranges are sorted and apart."""
    assert date.fromisoformat(f"{NUMBERING_AS_OF}-01") >= date(2026, 11, 1)
    ranges = [(first, last) for first, last, _ in OVERSEAS_MOBILES]
    assert all(len(first) == len(last) and first <= last for first, last in ranges)
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


def canonical_or_nothing(raw: str) -> list[str]:
    """The canonical form as a list, empty if the number is refused."""
    try:
        return [canonical_number(raw)]
    except InvalidNumber:
        return []


# -- properties ------------------------------------------------------------------------------------------------------

mobiles = st.from_regex(r"[67][0-9]{8}", fullmatch=True)
separators = st.sampled_from(["", " ", ".", "-", "/", "\xa0", "\u202f", "\u2011", "  ", " - "])
prefixes = st.sampled_from(["0", "+33", "33", "0033", "+33 ", "00 33 ", "+33 (0)", "(+33) 0", "+330", "33(0)", ""])
around = st.sampled_from([("", ""), (" ", "\n"), ("'", ""), ("\ufeff", ""), ("\u202a", "\u202c"), ("", ".0")])
near_numbers = st.text(st.sampled_from("0123456789+.() -'E,\xa0\u200b"), max_size=20)
foreign = st.from_regex(r"\+(?:[1245679]|3[0-24-9]|8)[0-9]{7,14}", fullmatch=True)


@given(national=mobiles, prefix=prefixes, separator=separators, ends=around)
def test_all_written_forms_of_a_mobile_meet(national: str, prefix: str, separator: str, ends: tuple[str, str]) -> None:
    """Every written form of one mobile gives the same number, overseas ranges included."""
    assume(not (ends[1] == ".0" and ("." in separator or "(" in prefix or "/" in separator)))
    pairs = separator.join([national[0], *(national[i : i + 2] for i in range(1, 9, 2))])
    assert canonical_number(ends[0] + prefix + pairs + ends[1]) == canonical_number("0" + national)


@given(raw=st.text(max_size=80) | near_numbers)
@example("\x00")
@example("(0)")
@example(".0")
def test_anything_else_raises_invalid_number_only(raw: str) -> None:
    """Whatever the cell holds, the answer is 8 to 15 digits or InvalidNumber with a known reason."""
    try:
        outcome = canonical_number(raw)
    except InvalidNumber as refused:
        outcome = refused.reason
    assert re.fullmatch(r"[1-9][0-9]{7,14}|empty|malformed|ambiguous|land_line", outcome)


@given(raw=near_numbers | foreign | mobiles)
def test_canonical_number_is_stable(raw: str) -> None:
    """A result reads back as itself with + in front; without it too, unless it has fewer than eleven digits."""
    for canonical in canonical_or_nothing(raw):
        assert canonical_number("+" + canonical) == canonical
        assert read_gateway_number(canonical) == canonical
        assert len(canonical) < 11 or canonical_number(canonical) == canonical


@given(raw=st.text(max_size=80) | near_numbers)
def test_gateway_number_is_never_refused(raw: str) -> None:
    """A number that comes back is always matched on something, if only on itself."""
    stripped = raw.strip()
    readings = {stripped, *canonical_or_nothing(stripped), *canonical_or_nothing("+" + stripped)}
    assert read_gateway_number(raw) in readings


@each(
    ("raw", "matched_on"),
    [
        ("33612345678", "33612345678"),
        ("0612345678", "33612345678"),
        (" +33612345678 ", "33612345678"),
        ("33690123456", "590690123456"),
        ("687751234", "687751234"),
        ("612345678", "612345678"),
        ("352621123", "352621123"),
        ("0400000000", "0400000000"),
        ("33123456789", "33123456789"),
        (" 06XXzsqsd\n", "06XXzsqsd"),
        ("", ""),
    ],
)
def test_gateway_number_matches_what_was_sent(raw: str, matched_on: str) -> None:
    """A gateway's digits are international as they stand, other spellings are read, and junk is kept as it came."""
    assert read_gateway_number(raw) == matched_on
