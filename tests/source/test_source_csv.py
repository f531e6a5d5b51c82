"""Reading recipients from CSV files as spreadsheets write them."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.model import Recipient, RefusedRow
from allmysms_async.source import read_csv

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """What writes a file and returns its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "clients.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def rows(path: Path, **options: object) -> list[tuple[str, tuple[str, ...], int | None]]:
    """Return what a file is read as."""
    return [(one.phone, one.params, one.line) for one in read_csv(path, **options)]  # type: ignore[arg-type]


# -- form -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separator_and_line_ends_are_told(write: Write, separator: str, end: str) -> None:
    """Semicolon, comma and tab, and the line ends of every system, are read without being asked."""
    lines = [("mobile", "nom"), ("0612345678", "Zoé"), ("0698765432", "")]
    path = write(end.join(separator.join(line) for line in lines))
    assert rows(path, phone="mobile", params=["nom"]) == [("0612345678", ("Zoé",), 2), ("0698765432", ("",), 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encoding_is_told(write: Write, encoding: str) -> None:
    """UTF-8 with and without its mark, Windows-1252 and UTF-16 with its mark are told apart."""
    path = write("prénom;mobile\nZoé;0612345678\n".encode(encoding))
    assert rows(path, phone="mobile", params=["prénom"]) == [("0612345678", ("Zoé",), 2)]


def test_accent_in_the_last_line_decides(write: Write) -> None:
    """One accent at the end of 3 MB is enough to tell Windows-1252."""
    path = write(b"mobile;nom\n" + b"0612345678;Durand\n" * 170_000 + "0698765432;Zoé\n".encode("cp1252"))
    *_, last = read_csv(path, phone="mobile", params=["nom"])
    assert last == Recipient("0698765432", ("Zoé",), 170_002)


def test_name_encoded_twice_in_the_last_line_is_seen(write: Write) -> None:
    """What reads wrong is seen after thousands of lines that read well."""
    lines = [b"mobile;nom", *["0612345678;Zoé".encode("cp1252")] * 5000, "0698765432;ZoÃ«".encode("cp1252")]
    with pytest.raises(InvalidSource, match="cannot be told") as caught:
        read_csv(write(b"\n".join(lines)), phone="mobile", params=["nom"])
    assert caught.value.line == 5002


@pytest.mark.slow
def test_file_without_line_ends_is_told_in_bounded_memory(write: Write) -> None:
    """The encoding of a file of one endless line is looked for in pieces."""
    path = write(("Zoé" + "a" * 996 + " ").encode("cp1252") * 40_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidSource):
            list(read_csv(path))
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()


def test_line_end_across_two_blocks_is_one(write: Write) -> None:
    """A line is named by its number where the file is read in blocks and one ends inside a line end."""
    head = b"06;" + b"a" * ((1 << 20) - 4)
    path = write(head + b"\r\n" + b"07;a\x81\x8d\x8fb\r\n")
    assert path.read_bytes()[(1 << 20) - 1 : (1 << 20) + 1] == b"\r\n"
    with pytest.raises(InvalidSource, match="cannot be told") as caught:
        read_csv(path)
    assert caught.value.line == 2


def test_encoding_and_separator_can_be_said(write: Write) -> None:
    """What the caller says is taken."""
    path = write("06;12;345|a\n".encode("utf-16-le"))
    assert rows(path, encoding="utf-16-le", separator="|", params=[2]) == [("06;12;345", ("a",), 1)]


@pytest.mark.parametrize("options", [{"encoding": "klingon"}, {"separator": "::"}, {"separator": "x"}, {"phone": 0}])
def test_impossible_option_is_refused(write: Write, options: dict[str, object]) -> None:
    """An encoding, a separator or a position that cannot be is refused at once."""
    with pytest.raises(InvalidSource):
        rows(write("0612345678\n"), **options)


def test_wrong_encoding_is_told_with_its_line(write: Write) -> None:
    """A file that is not what the caller says is told, not read wrongly."""
    path = write("0612345678;a\n0698765432;Zoé\n".encode("cp1252"))
    with pytest.raises(InvalidSource, match="utf-8") as caught:
        rows(path, encoding="utf-8")
    assert caught.value.line is not None


# -- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mobile", "MOBILE", " Mobile ", "mObIlE"])
def test_column_is_found_by_name(write: Write, name: str) -> None:
    """Case and stray blanks in a name do not matter."""
    assert rows(write("Nom; Mobile ;x\nA;0612345678;b\n"), phone=name) == [("0612345678", (), 2)]


def test_column_is_found_by_position(write: Write) -> None:
    """Positions count from 1, and then the first line is a row unless it is said to hold names."""
    path = write("A;0612345678\nB;0698765432\n")
    assert rows(path, phone=2, params=[1]) == [("0612345678", ("A",), 1), ("0698765432", ("B",), 2)]
    assert rows(path, phone=2, header=True) == [("0698765432", (), 2)]


def test_first_column_is_the_number_by_default(write: Write) -> None:
    """A bare list of numbers needs no option."""
    assert rows(write("0612345678\n0698765432")) == [("0612345678", (), 1), ("0698765432", (), 2)]


def test_unknown_column_is_told_with_those_there_are(write: Write) -> None:
    """A column that is not there is told with the names of those that are."""
    with pytest.raises(InvalidSource, match=r"'tel' is not there\. Columns: 'Nom', 'Mobile'") as caught:
        read_csv(write("Nom;Mobile\nA;0612345678\n"), phone="tel")
    assert caught.value.line == 1


def test_column_that_is_there_twice_is_refused(write: Write) -> None:
    """Which of two columns of one name is meant is not guessed."""
    with pytest.raises(InvalidSource, match=r"more than once, as 'mobile' \(column 1\) and 'Mobile' \(column 3\)"):
        read_csv(write("mobile;nom;Mobile\n1;2;3\n"), phone="mobile")


# -- rows -------------------------------------------------------------------------------------------------------------


def test_line_is_the_one_the_row_starts_on(write: Write) -> None:
    """Newlines in quoted cells and blank lines are counted."""
    path = write('mobile;nom\n\n06;"a\nb"\n\n   \n07;"x;""y"""\n08;c')
    found = rows(path, phone="mobile", params=["nom"])
    assert found == [("06", ("a\nb",), 3), ("07", ('x;"y"',), 7), ("08", ("c",), 8)]


def test_row_of_another_width_is_refused_with_its_line(write: Write) -> None:
    """A row whose cells may stand in the wrong places is rejected, one with blank cells in its columns is not."""
    lines = ["mobile;a;b", *["06;1;2"] * 40, "07;1", "08;;", "09;1;2;3", "10;1;2;;  ;", ";x;y", ";;", "11;1;2;"]
    found = list(read_csv(write("\n".join(lines)), phone="mobile", params=["a", "b"]))[40:]
    refused = [(row.phone, row.line) for row in found if isinstance(row, RefusedRow)]
    assert refused == [("07", 42), ("09", 44), ("10", 45), ("11", 48)]
    taken = [(row.phone, row.params, row.line) for row in found if not isinstance(row, RefusedRow)]
    assert taken == [("08", ("", ""), 43), ("", ("x", "y"), 46)]


def test_short_rows_are_read_where_they_are_said_to_be(write: Write) -> None:
    """A spreadsheet that leaves empty cells at the end of a line out is read when the caller says so."""
    path = write("mobile;a;b\n06;1;2\n07;1\n08\n09;;\n10;1\n")
    with pytest.raises(InvalidSource, match="short_rows=True") as caught:
        read_csv(path, phone="mobile", params=["a", "b"])
    assert caught.value.line == 3
    assert [row[:2] for row in rows(path, phone="mobile", params=["a", "b"], short_rows=True)] == [
        ("06", ("1", "2")),
        ("07", ("1", "")),
        ("08", ("", "")),
        ("09", ("", "")),
        ("10", ("1", "")),
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_empty_file_has_no_rows(write: Write, content: str) -> None:
    """An empty file has no rows, and no columns to look for."""
    assert rows(write(content)) == []
    with pytest.raises(InvalidSource, match="empty"):
        read_csv(write(content), phone="mobile")


# -- what cannot be read ----------------------------------------------------------------------------------------------


def test_path_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A missing file, a directory and a link to nowhere are told by name."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere.csv")
    for name in ("missing.csv", "", "link.csv"):
        with pytest.raises(InvalidSource, match="cannot be read") as caught:
            read_csv(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_file_that_goes_away_is_told(write: Write) -> None:
    """A file that is gone when it is read is a typed error too."""
    path = write("0612345678\n")
    source = read_csv(path)
    path.unlink()
    with pytest.raises(InvalidSource, match="reading failed"):
        list(source)


@pytest.mark.parametrize("content", [b"06\x0012345678\n", b"PK\x03\x04\x00\x00"])
def test_nul_bytes_are_no_csv(write: Write, content: bytes) -> None:
    """A spreadsheet's own file is told to be no CSV file."""
    with pytest.raises(InvalidSource, match="NUL"):
        read_csv(write(content))


UNCLOSED = {
    "at the end": '06;a\n07;"b\n08;c\n',
    "before another": '06;a\n07;"b\n08;"c"\n09;d\n',
    "in the last row": '06;a\n07;"b',
    "in a long file": '06;a\n07;"b\n' + "08;c\n" * 100_000,
}


@pytest.mark.parametrize("content", UNCLOSED.values(), ids=UNCLOSED)
def test_unclosed_quote_swallows_no_rows(write: Write, content: str) -> None:
    """A quote that is never closed is told with its line, in place of losing the rows that follow."""
    found: list[Recipient] = []
    with pytest.raises(InvalidSource, match="quote is not closed") as caught:
        found.extend(read_csv(write(content)))
    assert caught.value.line == 2
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize("content", ['06;"' + "x" * 20_000_000, "06;" + "x" * 20_000_000, "06;" * 5_000_000])
def test_endless_line_is_refused_with_bounded_memory(write: Write, content: str) -> None:
    """A file without line ends is not read into memory, and its middle is not taken for a row."""
    path = write(content)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidSource) as caught:
            list(read_csv(path))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.line == 1


def test_long_cell_is_refused(write: Write) -> None:
    """A cell of a length that no name has is told with its line."""
    with pytest.raises(InvalidSource, match="longer than 10000") as caught:
        rows(write("06;a\n07;" + "x" * 10_001 + "\n"))
    assert caught.value.line == 2


@pytest.mark.parametrize("options", [{"phone": 3}, {"params": [2, 5]}])
def test_column_that_no_row_has_is_refused(write: Write, options: dict[str, Any]) -> None:
    """A position beyond the file's width is told at once, with what the columns are separated by."""
    with pytest.raises(InvalidSource, match="only 2, separated by semicolons") as caught:
        read_csv(write("0612345678;Anne\n0612345679;Luc\n"), **options)
    assert caught.value.line == 1


def test_title_above_the_rows_does_not_hide_their_columns(write: Write) -> None:
    """A first line with fewer cells than the others is a row of its own; the columns are those of the others."""
    source = read_csv(write("Nos clients\n0612345678;Anne\n"), params=[2])
    assert [recipient.params for recipient in source] == [(), ("Anne",)]


# -- iteration --------------------------------------------------------------------------------------------------------


def test_source_can_be_read_again(write: Write) -> None:
    """Each iteration starts from the beginning, also beside another one."""
    source = read_csv(write("mobile\n" + "".join(f"06{n:08}\n" for n in range(100))), phone="mobile")
    first = iter(source)
    next(first)
    assert list(source) == list(source)
    assert len([*first]) == 99


def test_abandoned_iteration_closes_the_file(write: Write) -> None:
    """Leaving a loop early leaves no file open; rows are read as they are asked for."""
    path = write("0612345678\n" * 100_000)

    def times_open() -> int:
        return sum(link.is_symlink() and link.readlink() == path for link in Path("/proc/self/fd").iterdir())

    rows = iter(read_csv(path))
    next(rows)
    assert times_open() == 1
    del rows
    gc.collect()
    assert times_open() == 0


def test_source_shows_how_it_reads(write: Write) -> None:
    """What is shown is the file and the form that was found, and no row."""
    path = write("0612345678;a\n")
    assert repr(read_csv(path)) == f"<CsvSource {path} utf-8-sig separator=';'>"
