"""Every row is read as it was meant, or refused: rows that lack a separator, quotes, several numbers in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.model import Reason, Recipient, RefusedRow
from allmysms_async.source import read_csv

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """What writes a file and returns its path."""

    def write(content: str) -> Path:
        path = tmp_path / "clients.csv"
        path.write_bytes(content.encode())
        return path

    return write


def people(path: Path, *params: str | int, phone: str | int = "mobile", **options: Any) -> list[Recipient]:
    """Return the rows of a file."""
    return list(read_csv(path, phone=phone, params=params, **options))


@pytest.mark.parametrize(
    ("header", "row", "shifted"),
    [
        (
            "nom;tel2;mobile;tel3;code;",
            "N{0};0145678901;06123457{0:02};0622222222;{0:04};",
            "Dupont0145678901;0612345602;0699999999;4821;",
        ),
        ("nom;mobile;prix;code;", "N{0};06123457{0:02};5;{0:04};", "Max;0612345602;54821;"),
        ("nom;mobile;prix;code", "N{0};06123457{0:02};5;{0:04};", "Max;0612345602;54821;"),
        ("nom;mobile;prix;code", "N{0};06123457{0:02};5;{0:04};", "Max0612345602;5;4821;"),
        ("nom;mobile;prix;code;;", "N{0};06123457{0:02};5;{0:04};;", "Max;0612345602;54821;;"),
    ],
)
def test_row_that_lacks_a_separator_is_refused_where_rows_end_with_one(
    write: Write, header: str, row: str, shifted: str
) -> None:
    """A row of fewer cells than the others texts nobody, however many names the header has."""
    rows = [row.format(n) for n in range(30)]
    *read, last = people(write("\n".join([header, *rows, shifted])), "code")
    assert [found.params for found in read] == [(f"{n:04}",) for n in range(30)]
    assert isinstance(last, RefusedRow)
    assert (last.reason, last.line) == (Reason.WRONG_WIDTH, 32)


def test_last_column_may_lack_a_name(write: Write) -> None:
    """Where all lines have as many cells, what stands under no name refuses nobody."""
    path = write("mobile;nom;\n0612345601;Ana;rappeler\n0612345602;Max;\n0612345603;Eva;x\n")
    assert [row.params for row in people(path, "nom")] == [("Ana",), ("Max",), ("Eva",)]
    assert [row.params for row in people(path, 3)] == [("rappeler",), ("",), ("x",)]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize(
    "swallowed",
    [
        ["Max;0612345602 (pro);y"],
        ["Max;O612345602;y"],
        ["Max;3.36E+10;y"],
        ["Max;0612345602 ou 0145678901;y"],
        [*(f"N{n};néant;" for n in range(41)), "Z;aucun;z"],
    ],
)
def test_quote_swallows_nobody_whose_number_is_not_plain(write: Write, separator: str, swallowed: list[str]) -> None:
    """Lines with as many cells as the header are people, whatever stands where their number should."""
    rows = ["nom;mobile;note", 'Ana;0612345601;"x', *swallowed]
    path = write(("\n".join(rows) + '"\nEva;0612345603;\n').replace(";", separator))
    with pytest.raises(InvalidSource, match="quote that opens in this line is not closed") as caught:
        people(path, "nom")
    assert caught.value.line == 2


def test_short_row_in_a_quote_is_a_person_too(write: Write) -> None:
    """A swallowed row without its last cells is seen by the digits where its number stands."""
    path = write('nom;mobile;note\nAna;0612345601;"x\nMax;0612345602 (pro)\nfin"\nEva;0612345603;\n')
    with pytest.raises(InvalidSource, match="not closed"):
        people(path, "nom")


@pytest.mark.parametrize("note", ["12 rue Haute, bat. B\n75001 Paris, France, Europe", "oui, non\nBP 123, 75001 Paris"])
def test_address_of_several_lines_is_read(write: Write, note: str) -> None:
    """Commas of a text are not those between cells."""
    path = write(f'nom,mobile,note\nAna,0612345601,"{note}"\n')
    assert [row.params for row in people(path, "note")] == [(note,)]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["0612345601;0612345602;0612345603"], 3),
        (["0612345601;0612345602;0612345603;"], 3),
        (["0612345601;0612345602", "0612345603;0612345604", "0612345605;"], 2),
    ],
)
def test_numbers_beside_one_another_are_refused(write: Write, separator: str, lines: list[str], count: int) -> None:
    """Several people in one line are not one person: none of them vanishes without a word."""
    path = write("\n".join(lines).replace(";", separator))
    with pytest.raises(InvalidSource, match=f"line 1: it holds {count} numbers") as caught:
        people(path, phone=1)
    assert caught.value.line == 1
    assert "in a line of its own" in str(caught.value.remedy)
    assert "0612345601" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    ["0612345601;0612345601\n", "Ana;0612345601;0698765432\n", "0612345601;0145678901\n", "0612345601\n0612345602\n"],
)
def test_one_persons_line_may_hold_more_than_a_number(write: Write, content: str) -> None:
    """A name beside the numbers, a land line or the same number again make nobody else of a line."""
    assert people(write(content), phone=2 if content.startswith("Ana") else 1)


@pytest.mark.parametrize(
    "row",
    [
        "Durand;Ana;+33612345601 (bureau)",
        "Durand;ana@example.com;x",
        "1 rue Haute;Durand;O612345601",
        "Durand;Ana;n°12345678",
    ],
)
def test_error_shows_no_cell_of_a_first_record_that_is_somebodys(write: Write, row: str) -> None:
    """A list without names has a person where its header would be: no name or address of hers is told."""
    with pytest.raises(InvalidSource, match="the first line is a row") as caught:
        people(write(f"{row}\nMartin;Max;0612345602\n"), "nom")
    assert not any(each in str(caught.value) for each in ("Durand", "Ana", "ana@", "rue"))


@pytest.mark.parametrize("end", ["\x1a", "\f", "\\.", "\\.\n", "\x1a\r\n"])
def test_mark_of_a_files_end_is_no_row(write: Write, end: str) -> None:
    """What DOS, a printer or a database puts below the rows rejects nobody."""
    assert len(people(write(f"mobile;nom\n0612345601;Ana\n0612345602;Max\n{end}"), "nom")) == 2
    assert len(people(write(f"0612345601\n{end}"), phone=1)) == 1


@pytest.mark.parametrize(("separator", "blank"), [(";", " "), (",", "  "), ("|", "\t "), (";", " \xa0")])
def test_blanks_after_a_closing_quote_are_no_part_of_a_cell(write: Write, separator: str, blank: str) -> None:
    """A hand that puts blanks around separators and quotes around cells is read."""
    between = f'" {separator}{blank}"'
    lines = [["mobile", "nom"], ["0612345601", "Ana"], ["0612345602", 'dit ""Max"" ; ou'], ["0612345603", '"" ;']]
    path = write(
        "".join(f'"{between.join(cells)}" {end}' for cells, end in zip(lines, ["\n", "\r\n"] * 2, strict=True))
    )
    assert [row.params for row in people(path, "nom")] == [("Ana",), ('dit "Max" ; ou',), ('" ;',)]


def test_stray_quote_before_a_blank_is_still_refused(write: Write) -> None:
    """Only a line whose quotes all open and close cells is read so."""
    path = write('mobile;nom\n0612345601;"Ana" la "grande" \n0612345602;Max\n')
    with pytest.raises(InvalidSource, match="quote") as caught:
        people(path, "nom")
    assert caught.value.line == 2
