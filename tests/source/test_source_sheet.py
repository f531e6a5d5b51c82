"""Reading recipients from files that LibreOffice itself wrote, as CSV and as a spreadsheet's own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.source import read_csv, read_xlsx
from tests.cases import each

FILES = Path(__file__).parents[1] / "samples" / "source" / "libreoffice"
COLUMNS = {"phone": "telephone mobile", "params": ["prénom", "Adresse", "rendez-vous"]}
ROWS = [
    ("06 12 34 56 01", ("Zoé", "12 rue de l'Été\n75001 Paris", "15/01/2027")),
    ("612345602", ('Noël; dit "Max"', "Nîmes", "31/12/2027")),
    ("33612345603", ("François", "", "")),
    ("+33 6 12 34 56 04", ("Ana", "Lyon", "")),
]


@each("name", sorted(path.name for path in FILES.glob("*.csv")))
def test_csv_of_a_spreadsheet_is_read_whatever_its_settings(name: str) -> None:
    """Every separator, encoding and quoting of a spreadsheet's export gives the same people."""
    found = [
        (row.phone, tuple(value.replace("\u2019", "'") for value in row.params))
        for row in read_csv(FILES / name, **COLUMNS)  # type: ignore[arg-type]
    ]
    assert found == ROWS


def test_spreadsheets_own_file_is_read_like_its_export() -> None:
    """Numbers stored as numbers lose their fraction, days are days, and each row has its number in the sheet."""
    source = read_xlsx(FILES / "clients.xlsx", **COLUMNS)  # type: ignore[arg-type]
    found = [(row.phone, tuple(value.replace("\u2019", "'") for value in row.params)) for row in source]
    assert found == ROWS
    assert [row.line for row in source] == [2, 3, 4, 6]
    assert (source.sheet, source.columns) == ("Clients", (2, 1, 3, 4))


def test_column_by_position_counts_blank_columns_and_rows_in_front() -> None:
    """A table that does not begin in the sheet's corner keeps its columns' letters and its rows' numbers."""
    for columns in ({"phone": 2, "params": [3], "header": True}, {"phone": "mobile", "params": ["nom"]}):
        rows = [(row.phone, row.params, row.line) for row in read_xlsx(FILES / "lead.xlsx", **columns)]  # type: ignore[arg-type]
        assert rows == [("612345601", ("Ana",), 4)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"phone": "mobile"}, "'mobile' is not there. Columns: 'Prénom', 'Téléphone mobile'"),
        ({"phone": 9}, "there is no column 9, only 6"),
        ({"phone": 0}, "counted from 1"),
        ({"phone": 1, "sheet": "Ventes"}, "has no sheet 'Ventes'. Sheets: 'Clients'"),
    ],
)
def test_column_or_sheet_that_is_not_there_is_told(options: dict[str, object], words: str) -> None:
    """What is asked for and not there is told with what there is."""
    with pytest.raises(InvalidSource, match=r".") as caught:
        read_xlsx(FILES / "clients.xlsx", **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"mobile;nom\n0612345601;Ana\n"])
def test_file_that_is_no_spreadsheet_is_told(tmp_path: Path, content: bytes) -> None:
    """A broken or another kind of file is one typed error that names it."""
    path = tmp_path / "clients.xlsx"
    path.write_bytes(content)
    for one in (path, tmp_path / "missing.xlsx", tmp_path):
        with pytest.raises(InvalidSource, match="cannot be read") as caught:
            read_xlsx(one)
        assert str(one) in str(caught.value)


@pytest.mark.parametrize("kind", ["ods", "xls", "xlsx"])
def test_numbers_and_durations_are_read_as_a_sheet_shows_them(kind: str) -> None:
    """No digit that only the storage of a number has, no English days, and an error is an empty cell."""
    found = [row.params[0] for row in read_xlsx(FILES / f"values.{kind}", phone="mobile", params=["valeur"])]
    assert found == ["0,3", "1000000000000000", "36:00", "08:30", "", "", "Zoé", "1234567,891"]


def test_column_without_a_name_is_read_by_its_position() -> None:
    """What stands under no name in the first row can be asked for."""
    found = [row.params for row in read_xlsx(FILES / "unnamed.xlsx", phone="mobile", params=["nom", 3])]
    assert found == [("Ana", "rappeler"), ("Max", "")]


@pytest.mark.parametrize("kind", ["ods", "xls", "xlsx"])
def test_cells_with_an_error_are_told_with_their_lines(kind: str) -> None:
    """Who would be greeted without a name, because a formula failed, is a sentence of the check."""
    source = read_xlsx(FILES / f"values.{kind}", phone="mobile", params=["valeur"])
    told = "2 values of #param_1# are empty, such as line 6, 7: their text has a gap there."
    assert told in source.check("Bonjour #param_1#").oddities
