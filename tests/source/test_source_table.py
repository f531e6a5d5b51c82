"""Rows read many at a time are the very rows, and end in the very errors, that reading them one by one gives."""

from __future__ import annotations

import gc
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allmysms_async.errors import InvalidSource
from allmysms_async.model import Recipient, RefusedRow
from allmysms_async.source import csv_file, form, read_csv, records, table
from allmysms_async.source.records import Records
from allmysms_async.source.table import Table

NAMES = ("Zoé", "Jean-Luc", "A B", "", "C0001")
# What makes a line, a block or a file another one than it looks.
UNUSUAL = (
    *('"', '""', '"a\nb"', '"x;y"', '" "', '="0042"', "\\N", "\\.", "\\", ";", ",", "\t", "|", ";;"),
    *("\n", "\r", "\r\n", "\n\n", "\n;;\n", "\n \n", "\n\xa0;\n", "\n\x1a;;\n", "\n;\\.;\n", "\n\\.\n", "\n\ufeff"),
    *("\ufeff", "\0", " ", "\f", "\x0b", "\x1c", "\x85", "\u2028", "\u202f", "é", "😀"),
    *("a" * 300, "n" * 401, "n" * 1001),
)


class Reading(NamedTuple):
    """What reading a file came to: each row with all that it has, and the error it ended in."""

    rows: list[tuple[object, ...]]
    error: tuple[str, int | None] | None


def read(path: Path, options: dict[str, object]) -> Reading:
    """Read a file to its end, or to its error."""
    rows: list[tuple[object, ...]] = []
    try:
        for row in read_csv(path, **options):  # type: ignore[arg-type]
            rows.append((type(row), row.phone, row.params, row.line, getattr(row, "reason", None)))  # noqa: PERF401
    except InvalidSource as error:
        return Reading(rows, (str(error), error.line))
    return Reading(rows, None)


@contextmanager
def sizes(*, block: int, piece: int) -> Iterator[pytest.MonkeyPatch]:
    """Read files in other blocks and pieces, with bounds that a short file reaches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK", block)
        patch.setattr(records, "MAX_PIECE", piece)
        patch.setattr(table, "MAX_PIECE", piece)
        patch.setattr(records, "MAX_CELL", 400)
        patch.setattr(records, "_MAX_LINE", 1000)
        patch.setattr(form, "HEAD_RECORDS", 8)
        patch.setattr(csv_file, "_LEAST_WRONG", 3)
        yield patch


def both_ways(path: Path, options: dict[str, object], *, block: int, piece: int) -> tuple[Reading, Reading]:
    """Read a file with tables, and one record at a time."""
    with sizes(block=block, piece=piece) as patch:
        quick = read(path, options)
        patch.setattr(records, "table_of", lambda *_, **__: None)
        return quick, read(path, options)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), by_name=st.sets(st.sampled_from([0, 1])))
def test_form_is_told_by_the_separators_that_find_the_columns(data: st.DataObject, by_name: set[int]) -> None:
    """Those that find fewer are never what a file is read by: it makes no difference that they are not tried."""
    lines = st.lists(st.text('06ma;,|\t"\n ', max_size=8), max_size=5)
    content = "\n".join([data.draw(st.sampled_from(HEADS)), *data.draw(lines)])
    columns = [name if at in by_name else at + 1 for at, name in enumerate(("m", "a"))]
    options: dict[str, object] = {"phone": columns[0], "params": columns[1:], "encoding": "utf-8"}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder, "clients.csv")
        path.write_text(content, encoding="utf-8", newline="")
        quick = form_or_error(path, options)
        patch.setattr(form, "_naming_most", lambda candidates, *_: candidates)
        assert form_or_error(path, options) == quick


HEADS = ["m;a", "m,a", "m;a,x", "m|a\tx;y,z", "m", "", '"m;a";x,m', "a,m;x", 'm;"a', "m;a;m,a"]


def form_or_error(path: Path, options: dict[str, Any]) -> object:
    """Return how a file is read, or why it is not."""
    try:
        return read_csv(path, **options)._form
    except InvalidSource as error:
        return str(error), error.line


phones = st.integers(0, 99_999_999).map(lambda number: f"06{number:08}")
rows_of_people = st.lists(
    st.tuples(st.one_of(phones, phones, st.sampled_from(["", " ", "+33612345678"])), *[st.sampled_from(NAMES)] * 2),
    min_size=20,
    max_size=40,
)
places = st.integers(0, 2000)


class File(NamedTuple):
    """A list as a program may write it, and what befell it: signs that were put in, and bytes that were changed."""

    rows: list[tuple[str, str, str]]
    columns: list[int]
    separator: str
    end: str
    encoding: str
    head: str
    signs: list[tuple[int, str]]
    bytes_changed: list[tuple[int, bytes]]

    @property
    def content(self) -> bytes:
        """What is on the disk."""
        lines = [[row[column] for column in self.columns] for row in [("mobile", "nom", "ville"), *self.rows]]
        first, *others = map(self.separator.join, lines)
        text = "\n".join([self.head.format(first), *others, ""])
        for place, sign in self.signs:
            at = place % (len(text) + 1)
            text = text[:at] + sign + text[at:]
        content = text.replace("\n", self.end).encode(self.encoding, errors="replace")
        for place, byte in self.bytes_changed:
            at = place % len(content)
            content = content[:at] + byte + content[at + 1 :]
        return content


files = st.builds(
    File,
    rows=rows_of_people,
    columns=st.permutations([0, 1, 2]),
    separator=st.sampled_from(";,\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"]),
    head=st.sampled_from(["{}", "{}", "{}", "\n{}", "sep=;\n{}", "{};"]),
    signs=st.lists(st.tuples(places, st.sampled_from(UNUSUAL)), max_size=3),
    bytes_changed=st.lists(st.tuples(places, st.binary(min_size=1, max_size=1)), max_size=1),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    file=files,
    params=st.sampled_from([(), ("nom",), ("ville", "nom")]),
    by_name=st.booleans(),
    said=st.sets(st.sampled_from(["encoding", "separator", "short_rows"])),
    block=st.sampled_from([5, 64, 400, 1 << 16]),
    piece=st.sampled_from([1, 30, 100, 400]),
)
def test_any_file_reads_the_same_with_tables_and_without(
    file: File, params: tuple[str, ...], by_name: bool, said: set[str], block: int, piece: int
) -> None:
    """Plain or damaged anywhere, whatever the blocks: same rows, lines and reasons, and the same error after them."""
    at = {name: file.columns.index(column) + 1 for column, name in enumerate(("mobile", "nom", "ville"))}
    phone, *values = [name if by_name else at[name] for name in ("mobile", *params)]
    known = {"encoding": file.encoding, "separator": file.separator, "short_rows": True}
    options = {"phone": phone, "params": values, **{name: known[name] for name in said}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clients.csv")
        path.write_bytes(file.content)
        quick, careful = both_ways(path, options, block=block, piece=piece)
    assert quick == careful


@pytest.mark.parametrize("unusual", UNUSUAL, ids=lambda unusual: repr(unusual[:8]))
def test_anything_unusual_among_plain_rows_reads_the_same(tmp_path: Path, unusual: str) -> None:
    """One sign in the middle of a plain list has the effect that it always had, on its own row and those after it."""
    options: dict[str, object] = {"phone": "mobile", "params": ["nom", "ville"], "encoding": "utf-8"}
    path = tmp_path / "clients.csv"
    lines = [f"06{number:08};Ana {number};Lyon" for number in range(300)]
    row = lines[150]
    for start, end in [(4, 4), (12, 12), (11, 18), (23, 23)]:  # in a number, in a name, in place of it, at the end
        lines[150] = row[:start] + unusual + row[end:]
        path.write_text("\n".join(["mobile;nom;ville", *lines]), encoding="utf-8", newline="")
        for block in (300, 1 << 16):
            quick, careful = both_ways(path, options, block=block, piece=400)
            assert quick == careful
            assert quick.rows or block > 300


@given(
    lines=st.lists(st.text("06a;é \t\xa0\x1a\f\u202f\x0b\x85\u2028", max_size=12), min_size=1, max_size=8),
    separator=st.sampled_from(";,\t"),
    phone=st.integers(0, 2),
)
@example(lines=["a;a;a;a;a;a;a"], separator=";", phone=0)
@example(lines=["\x1a;;", "06;a;a"], separator=";", phone=0)
@example(lines=["a;a", "a;a;a;a"], separator=";", phone=0)
@example(lines=[";;", "06;a;a"], separator=";", phone=0)
@example(lines=[";;a"], separator=";", phone=0)
def test_table_has_the_records_of_its_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], separator: str, phone: int
) -> None:
    """Lines are a table exactly if each is a record of the right width, and then each cell is where csv finds it."""
    path = tmp_path_factory.mktemp("table") / "lines.csv"
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="")
    expected = list(Records(path, "utf-8", separator, width=3, phone=phone))
    blank = separator + '" \t\r\n\f\x1a\xa0\u202f\ufeff'
    found = table.table_of(text, 1, separator=separator, width=3, phone=phone, blank=blank)
    if found is None:
        assert [len(cells) for _, cells in expected] != [3] * len(lines)
    else:
        columns = zip(*map(found.column, range(3)), strict=True)
        assert list(zip(found.lines, map(list, columns), strict=True)) == expected


def plain(path: Path, rows: int) -> Path:
    """Write an ordinary list."""
    path.write_text("mobile;nom\n" + "".join(f"06{number:08};Zoé\n" for number in range(rows)), encoding="utf-8")
    return path


def singly(path: Path) -> int:
    """Return how many rows of a list are read one at a time."""
    found = Records(path, "utf-8", ";", width=2, phone=0, header=True).read(tables=True)
    return sum(not isinstance(each, Table) for each in found)


def test_rows_that_lack_a_blank_cell_of_all_others_are_refused(tmp_path: Path) -> None:
    """Where every row ends by a separator and the names do not, some without it are not read as if they were whole."""
    path = tmp_path / "clients.csv"
    rows = [f"06{number:08};Ana;Lyon;" for number in range(270)] + ["0612345678;Ana;Lyon"] * 25
    path.write_text("\n".join(["mobile;nom;ville", *rows, ""]), encoding="utf-8")
    with sizes(block=1 << 16, piece=400):
        found = list(read_csv(path, phone="mobile", params=["nom", "ville"]))
    assert [row.line for row in found if isinstance(row, RefusedRow)] == list(range(272, 297))
    assert len(found) == 295


def test_no_table_holds_a_cell_that_is_refused() -> None:
    """What is read together is shorter than the longest cell, so that nobody has to look for one."""
    assert table.MAX_PIECE <= records.MAX_CELL <= records._MAX_LINE


def test_plain_list_is_read_in_tables(tmp_path: Path) -> None:
    """Of an ordinary list no row is read by itself, also if some have no number; one in quotes costs those near it."""
    path = plain(tmp_path / "clients.csv", 5000)
    assert singly(path) == 0
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("(?m)^060000(10..|2...);", " ;", text), encoding="utf-8")
    assert singly(path) == 0
    path.write_text(text.replace("Zoé", '"Zoé"', 1), encoding="utf-8")
    assert 0 < singly(path) < 500


@pytest.mark.slow
def test_reader_who_stops_inside_of_a_table_leaves_no_file_open(tmp_path: Path) -> None:
    """Whoever takes three rows and closes has three rows, and the file is closed; a new reading begins at the start."""
    source = read_csv(plain(tmp_path / "clients.csv", 1000), phone="mobile", params=["nom"])
    for _ in range(2):
        rows = iter(source)
        taken = [next(rows) for _ in range(3)]
        assert taken == [Recipient(f"06{number:08}", ("Zoé",), number + 2) for number in range(3)]
        rows.close()  # type: ignore[attr-defined]
        gc.collect()  # an open file would be told here
        assert next(rows, None) is None


def test_rows_of_tables_are_counted_before_a_file_is_given_up(tmp_path: Path) -> None:
    """The share of rows that are of another width is one of all rows, those of tables included."""
    path = plain(tmp_path / "clients.csv", 2000)
    with path.open("a", encoding="utf-8") as file:
        file.write("0712345678\n" * 300)
    found: list[Recipient] = []
    with pytest.raises(InvalidSource, match=r"223 of 2223 rows") as caught:
        found.extend(read_csv(path, phone="mobile"))
    assert caught.value.line == 2224
