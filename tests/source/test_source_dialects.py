"""Any list in any dialect reads back the same or is refused; damage never gives a number another person's data."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allmysms_async.errors import InvalidNumber, InvalidSource
from allmysms_async.model import RefusedRow
from allmysms_async.numbers import canonical_number
from allmysms_async.source import read_csv

People = list[tuple[str, str, str]]

words = st.text(st.sampled_from("abcdéèêçàôîïûABCÉÈ '-.,;|\t\"’«»€0123456789\n"), min_size=1, max_size=12).filter(
    lambda word: word == word.strip()
)
numbers = st.integers(0, 99_999_999).map(lambda number: f"06{number:08}")
people = st.lists(st.tuples(numbers, words, words), min_size=1, max_size=12)
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]


def written(rows: People, *, separator: str, quoting: int, end: str, encoding: str, order: list[int]) -> bytes:
    """Return people as a dialect writes them."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    for row in [("mobile", "nom", "ville"), *rows]:
        writer.writerow([row[position] for position in order])
    return sheet.getvalue().encode(encoding, errors="replace")


def read(content: bytes) -> tuple[list[tuple[str, tuple[str, ...]]], InvalidSource | None]:
    """Return what is read of a file, rows of another width left out, and what refused it."""
    found: list[tuple[str, tuple[str, ...]]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clients.csv")
        path.write_bytes(content)
        try:
            found.extend(
                (row.phone, row.params)
                for row in read_csv(path, phone="mobile", params=["nom", "ville"])
                if not isinstance(row, RefusedRow)
            )
        except InvalidSource as error:
            return found, error
    return found, None


dialects = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(";,\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(ENCODINGS),
        "order": st.permutations([0, 1, 2]),
    }
)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(rows=people, dialect=dialects)
def test_any_dialect_reads_back_the_same_or_is_refused_with_a_line(rows: People, dialect: dict[str, object]) -> None:
    """What a program wrote is read back as it was, or the file is refused and a line named."""
    if dialect["end"] == "\r":  # whose writer puts no quotes around a line feed
        rows = [(phone, name.replace("\n", " "), city.replace("\n", " ")) for phone, name, city in rows]
    found, error = read(written(rows, **dialect))  # type: ignore[arg-type]
    expected = [(phone, (name, city)) for phone, name, city in rows]
    if dialect["encoding"] == "cp1252":
        expected = [
            (phone, tuple(each.encode("cp1252", errors="replace").decode("cp1252") for each in values))
            for phone, values in expected
        ]
    if error is None:
        assert found == expected
    else:
        assert error.line is not None
        assert found == expected[: len(found)]


def canonical(phone: str) -> str | None:
    """Return a number as it would be texted, or None."""
    try:
        return canonical_number(phone)
    except InvalidNumber:
        return None


# Numbers that one changed digit does not make another's.
PLAIN: People = [
    (f"06{str(n + 1) * 8}", name, city)
    for n, (name, city) in enumerate(
        [("Ana", "Lyon"), ("Zoé", "Nîmes"), ("D'Arc", "Orléans"), ("Max, dit «M»", "Metz"), ("Eva", "12 rue X\nParis")]
    )
]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(position=st.integers(0, 400), byte=st.integers(0, 255), kind=st.sampled_from(["other", "gone", "more"]))
@example(position=30, byte=0x22, kind="more")
@example(position=30, byte=0x3B, kind="more")
@example(position=30, byte=0x0A, kind="more")
def test_damaged_byte_gives_nobody_anothers_data(
    encoding: str, quoting: int, position: int, byte: int, kind: str
) -> None:
    """With any one byte changed, lost or added, whoever is texted gets nothing that is another person's."""
    content = written(PLAIN, separator=";", quoting=quoting, end="\r\n", encoding=encoding, order=[1, 0, 2])
    position %= len(content)
    rest = content[position:] if kind == "more" else content[position + 1 :]
    damaged = content[:position] + (b"" if kind == "gone" else bytes([byte])) + rest
    found, _ = read(damaged)
    whose = {canonical(phone): (name, city) for phone, name, city in PLAIN}
    for phone, values in found:
        own = whose.get(canonical(phone))
        for other in whose.values():
            if own is not None and other != own:
                assert not any(len(word) > 2 and word in value for word in other for value in values)
