"""Lists of other countries' numbers, read as they are written there where the caller says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from allmysms_async import canonical_number
from allmysms_async.errors import InvalidNumber, InvalidSource
from allmysms_async.model import Reason, RefusedRow
from allmysms_async.source import read_csv, read_xlsx


@pytest.mark.parametrize(
    ("country", "written", "texted"),
    [
        ("BE", "0470 12 34 56", "32470123456"),
        ("be", "470123456", "32470123456"),
        ("CH", "079 123 45 67", "41791234567"),
        ("IT", "347 123 4567", "393471234567"),
        ("LU", "621 123 456", "352621123456"),
        ("BE", "+33 6 12 34 56 78", "33612345678"),
        ("BE", "0033612345678", "33612345678"),
        ("FR", "06 12 34 56 78", "33612345678"),
        ("NC", "75 12 34", "687751234"),
        ("BE", "33612345678", "33612345678"),
        ("BE", "32 (0)470 12 34 56", "32470123456"),
        ("MQ", "06 12 34 56 78", "33612345678"),
        ("MQ", "0696 12 34 56", "596696123456"),
    ],
)
def test_number_without_a_code_is_the_default_countrys(tmp_path: Path, country: str, written: str, texted: str) -> None:
    """What is written as at home is read so; a number with its code keeps it."""
    path = tmp_path / "clients.csv"
    path.write_text(f"mobile;nom\n{written};Ana\n")
    [row] = read_csv(path, phone="mobile", params=["nom"], default_country=country)
    assert (canonical_number(row.phone), row.params, row.line) == (texted, ("Ana",), 2)


@pytest.mark.parametrize(
    ("country", "written"),
    [("BE", "0612345678"), ("BE", "612345678"), ("ES", "0512345678"), ("US", "0612345678"), ("BE", "06123456789")],
)
def test_bare_number_that_is_none_at_home_is_nobodys(tmp_path: Path, country: str, written: str) -> None:
    """A number that does not exist in the default country is refused with its line, and not taken for a French one."""
    path = tmp_path / "clients.csv"
    path.write_text(f"{written}\n")
    [row] = read_csv(path, default_country=country)
    assert isinstance(row, RefusedRow)
    assert (row.phone, row.line, row.reason) == (written, 1, Reason.MALFORMED)


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("BE", "0470 12 34 56 ext. 7"),
        ("BE", "0470123456 / 0470123457 x"),
        ("BE", "0470123456x12"),
        ("US", "212-555-TAXI"),
        ("US", "1-800-FLOWERS"),
        ("BE", "0470 12 34 56 Ana"),
        ("BE", "tél. 0470 12 34 56"),
    ],
)
def test_cell_that_holds_more_than_a_number_is_texted_to_nobody(tmp_path: Path, country: str, written: str) -> None:
    """Letters, an extension or a second number in the cell make it no number, in any country."""
    path = tmp_path / "clients.csv"
    path.write_text(f"{written}\n")
    [row] = read_csv(path, default_country=country, separator="|")
    with pytest.raises(InvalidNumber):
        canonical_number(row.phone)


def test_foreign_number_is_checked_when_asked(tmp_path: Path) -> None:
    """A number too long, too short or of a land line abroad is refused with its line; others, and French ones, stay."""
    path = tmp_path / "clients.csv"
    numbers = ["+32470123456", "+3247012345", "+324701234567", "+3225123456", "0612345678", "0123456789", "x"]
    path.write_text("\n".join(numbers))
    assert not any(isinstance(row, RefusedRow) for row in read_csv(path))
    refused = [row.line for row in read_csv(path, check_numbers=True) if isinstance(row, RefusedRow)]
    assert refused == [2, 3, 4]


@pytest.mark.parametrize("country", ["XX", "Belgique", "", "32"])
def test_country_that_is_none_is_refused(tmp_path: Path, country: str) -> None:
    """A code that is no country's is told before the file is opened."""
    for read in (read_csv, read_xlsx):
        with pytest.raises(InvalidSource, match="such as BE"):
            read(tmp_path / "missing", default_country=country)
