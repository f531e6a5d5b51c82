"""Many rows of each kind of file, in bounded memory, each person with the own name; ``LIST_ROWS=1000000`` for more."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.model import People, Recipient
from allmysms_async.source import CsvSource, SheetSource, read_csv, read_xlsx
from allmysms_async.source.list_file import ListFile

ROWS = int(os.environ.get("LIST_ROWS", "200000"))

SHEET = Path(__file__).parents[1] / "samples" / "source" / "libreoffice" / "clients.xlsx"

# Reads a file in a process of its own, checks each row, and prints how far its memory rose above the library's own.
READER = """
import resource, sys
from allmysms_async.source import read_csv, read_xlsx
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
read = read_xlsx if sys.argv[1].endswith(".xlsx") else read_csv
count = 0
for count, row in enumerate(read(sys.argv[1], phone="mobile", params=["nom"]), 1):
    number = count - 1
    assert (int(row.phone) % 100_000_000, row.params) == (number, (f"Zoé {number}",)), row
print(count, peak() - before)
"""


def plain(path: Path) -> None:
    """Write an ordinary export."""
    with path.open("w", encoding="utf-8") as file:
        file.write("mobile;nom\n")
        file.writelines(f"06{n:08};Zoé {n}\n" for n in range(ROWS))


def quoted(path: Path) -> None:
    """Write one with every cell in quotes, in Windows-1252."""
    with path.open("w", encoding="cp1252", newline="") as file:
        file.write('"mobile";"nom"\r\n')
        file.writelines(f'"06{n:08}";"Zoé {n}"\r\n' for n in range(ROWS))


def with_notes(path: Path) -> None:
    """Write one with a note of two lines in each row."""
    with path.open("w", encoding="utf-8") as file:
        file.write("note,nom,mobile\n")
        file.writelines(f'"une note\nde deux lignes",Zoé {n},06{n:08}\n' for n in range(ROWS))


def wide(path: Path) -> None:
    """Write one in UTF-16 with tabs."""
    with path.open("w", encoding="utf-16", newline="") as file:
        file.write("mobile\tnom\r\n")
        file.writelines(f"06{n:08}\tZoé {n}\r\n" for n in range(ROWS))


def sheet(path: Path) -> None:
    """Write a spreadsheet's own file, numbers stored as numbers."""
    space = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override '
        'PartName="/xl/s.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r" '
        f'Type="{space}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{space}/officeDocument/2006/'
        'relationships"><sheets><sheet name="Clients" sheetId="1" r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r" '
        f'Type="{space}/officeDocument/2006/relationships/worksheet" Target="s.xml"/></Relationships>',
    }

    def text(value: str) -> str:
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        with archive.open("xl/s.xml", "w", force_zip64=True) as file:
            file.write(f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>'.encode())
            file.write(f"<row>{text('mobile')}{text('nom')}</row>".encode())
            for start in range(0, ROWS, 1000):
                rows = (
                    f"<row><c><v>{600_000_000 + n}</v></c>{text(f'Zoé {n}')}</row>" for n in range(start, start + 1000)
                )
                file.write("".join(rows).encode())
            file.write(b"</sheetData></worksheet>")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write", "megabytes"),
    [
        ("plain.csv", plain, 30),
        ("quoted.csv", quoted, 30),
        ("notes.csv", with_notes, 30),
        ("wide.csv", wide, 30),
        ("sheet.xlsx", sheet, 400),  # held in memory while it is read
    ],
)
def test_long_list_is_read_in_bounded_memory(
    tmp_path: Path, name: str, write: Callable[[Path], None], megabytes: int
) -> None:
    """Each of many people keeps the own name, and memory does not grow with the file."""
    path = tmp_path / name
    write(path)
    ended = subprocess.run([sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    count, rise = map(int, ended.stdout.split())
    assert count == ROWS
    assert rise < megabytes


def test_blocks_hold_what_iterating_yields(tmp_path: Path) -> None:
    """A campaign is given whole columns, and single rows where something is unusual, all in their order."""
    path = tmp_path / "clients.csv"
    lines = [f"06{number:08};Ana {number}" for number in range(9000)]
    lines[4000] = '0600004000;"Ana; 4000"'
    lines[7000] = "0600007000"
    path.write_text("\n".join(["mobile;nom", *lines, ""]), encoding="utf-8")
    source = read_csv(path, phone="mobile", params=["nom"])
    blocks = list(source.blocks())
    assert [row for block in blocks for row in block] == list(source)
    assert sum(len(block) for block in blocks if isinstance(block, People)) > 8000
    assert 2 <= sum(not isinstance(block, People) for block in blocks) <= 20


@pytest.mark.parametrize("before", [0, 1, 500, 503])
@pytest.mark.parametrize("single", [False, True])
def test_rows_before_an_error_come_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, single: bool
) -> None:
    """Of a sheet, and of a class of a user's own, all rows before an error are given, then it is raised."""

    def rows(source: object) -> Iterator[Recipient]:
        for line in range(before):
            yield Recipient("0612345678", line=line)
        msg = "Broken."
        raise InvalidSource(msg)

    class Own(CsvSource):
        def __iter__(self) -> Iterator[Recipient]:
            return rows(self)

    if single:
        path = tmp_path / "clients.csv"
        path.write_text("0612345678\n", encoding="utf-8")
        source: ListFile = Own(path, phone=1)
    else:
        monkeypatch.setattr(SheetSource, "_rows", rows)
        source = read_xlsx(SHEET)
    lines: list[int | None] = []
    blocks = source.blocks()
    with pytest.raises(InvalidSource, match="Broken"):
        lines.extend(row.line for block in blocks for row in block)
    assert lines == list(range(before))


def test_class_of_a_users_own_says_who_is_in_the_list(tmp_path: Path) -> None:
    """Whoever leaves people out while iterating leaves them out of the campaign, which goes through blocks."""

    class WithoutAna(CsvSource):
        def __iter__(self) -> Iterator[Recipient]:
            return (row for row in super().__iter__() if row.params != ("Ana",))

    path = tmp_path / "clients.csv"
    path.write_text("mobile;nom\n0612345678;Ana\n0612345679;Bob\n", encoding="utf-8")
    source = WithoutAna(path, phone="mobile", params=["nom"])
    assert [row.params for block in source.blocks() for row in block] == [("Bob",)]
