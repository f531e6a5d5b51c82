"""A cell with a number and the rest of another is texted to nobody: neither to one of them nor to both run together."""

from __future__ import annotations

import pytest

from allmysms_async.errors import InvalidNumber
from allmysms_async.model import Recipient, RefusedRow
from allmysms_async.numbers import canonical_number
from allmysms_async.source.country import Countries
from tests.cases import each


@each(
    "raw",
    [
        *("+32470123456 / 57", "+32470123456/57", "+32 470 12 34 56 / 57", "+32 470 12 34 56/57", "+32470123456 /7"),
        *("+32470123456 - 57", "+32470123456-57", "+32 470 12 34 56 - 57", "+32470123456 \u2013 57", "+32470123456 57"),
        *("+32470123456\n57", "+32 470 12 34 56\n57", "+32470123456\t57", "+298 212345\n212346", "+32470123456.57"),
        *("0032470123456/57", "0032 470 12 34 56 / 57", "32470123456/57", "32 470 12 34 56 / 57", "+32470123456 (57)"),
        *("+298 212345 / 212346", "+298212345/46", "+45 12 34 56 78 / 79", "+41791234567_68", "+352 621 123 456 / 7"),
        *("0612345678/79", "06 12 34 56 78 / 79", "06 12 34 56 78 ou 06 98 76 54 32", "0612345678 - 0698765432"),
        *("612345678/79", "6 12 34 56 78 / 79", "6 12 34 56 78/79", "612345678 - 79", "612345678\n79", "612345678 79"),
        *("+33612345678 / 79", "33612345678/79", "0612345678 et 79", "0612345678;0698765432", "0612345678, 79"),
        *("tel:+32470123456/57", '="+32470123456/57"', "'+32470123456 / 57", "\uff0b32470123456/57"),
    ],
)
def test_number_and_the_rest_of_another_is_nobodys(raw: str) -> None:
    """Whatever stands between a number and what seems to be the end of a second one, the cell is refused."""
    with pytest.raises(InvalidNumber):
        canonical_number(raw)


@each(
    ("raw", "number"),
    [
        ("+32 470 12 34 56", "32470123456"),
        ("+32 470/12.34.56", "32470123456"),
        ("+32/470/12/34/56", "32470123456"),
        ("+32-470-12-34-56", "32470123456"),
        ("+32 470 - 12 - 34 - 56", "32470123456"),
        ("+49 171/1234567", "491711234567"),
        ("+49 (0)171 / 123 45 67", "491711234567"),
        ("+49 171 - 1234567", "491711234567"),
        ("+41 79 123 45 67", "41791234567"),
        ("+1 (212) 555-1234", "12125551234"),
        ("+1 212 555 - 1234", "12125551234"),
        ("+44 7911 123456", "447911123456"),
        ("+44-7911-123-456", "447911123456"),
        ("32 470 12 34 56", "32470123456"),
        ("+351 912 345 678", "351912345678"),
        ("+687 75 12 34", "687751234"),
        ("+687 75/12/34", "687751234"),
        ("06/12/34/56/78", "33612345678"),
        ("06 12 34 56 - 78", "33612345678"),
        ("06 / 12 / 34 / 56 / 78", "33612345678"),
        ("+33 6 12 34 56 / 78", "33612345678"),
        ("+33612345678.0", "33612345678"),
        ("+32470123456.0", "32470123456"),
    ],
)
def test_separators_inside_one_number_are_read(raw: str, number: str) -> None:
    """Slashes, dashes, dots and blanks as people write them inside a number are no second one."""
    assert canonical_number(raw) == number


@pytest.mark.parametrize(
    ("country", "raw"),
    [("DE", "0171 1234567 / 8"), ("DE", "0171 1234567/8"), ("DE", "01711234567-8"), ("AT", "0664 1234567 / 8")],
)
def test_number_of_another_country_and_the_rest_of_a_second_is_nobodys(country: str, raw: str) -> None:
    """Where a country's numbers have several lengths, an abbreviated second one does not make a longer one."""
    [row] = Countries(country, check_numbers=False).read(iter([Recipient(raw, (), 2)]))
    assert isinstance(row, RefusedRow)


@each(
    ("country", "raw", "number"),
    [
        ("DE", "0171/1234567", "+491711234567"),
        ("DE", "0171 - 123 45 67", "+491711234567"),
        ("BE", "0470/12.34.56", "+32470123456"),
        ("BE", "0470 / 12 34 56", "+32470123456"),
        ("BE", "0470 12 34 - 56", "+32470123456"),
    ],
)
def test_separators_of_another_country_are_read(country: str, raw: str, number: str) -> None:
    """Each country's own way to write one number is read."""
    [row] = Countries(country, check_numbers=False).read(iter([Recipient(raw, (), 2)]))
    assert row.phone == number
