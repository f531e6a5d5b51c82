"""``allmysms campaign check``, and how ``campaign run`` says that it reads a file."""

import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.cli import main
from allmysms_async.sandbox import Sandbox

from .conftest import Ended

Run = Callable[..., Awaitable[Ended]]
SAMPLES = Path(__file__).parent.parent / "samples" / "source" / "libreoffice"
TEXT = ["--text", "Bonjour #param_1#"]


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of clients as a French spreadsheet saves it, some of whom cannot be texted, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clients.csv"
    rows = ["ZOÉ;0612345601", "ANA;0612345602", "MAX;61234567", "EVA;0612345601", "LUC;0612345603 / 0612345604"]
    path.write_bytes("\r\n".join(["Prénom;Mobile", *rows]).encode("cp1252"))
    return path


@pytest.fixture
def twice_encoded(clients: Path) -> Path:
    """A file of clients one of whose names was read as Windows-1252 and saved as UTF-8 again."""
    clients.write_text("Prénom;Mobile\nMax;0612345601\nZoÃ©;0612345602\n", encoding="utf-8")
    return clients


def words(command: str, path: Path | str, *more: str) -> list[str]:
    """Return the words of a command on a file of clients."""
    return ["campaign", command, str(path), *TEXT, "--phone", "mobile", "--param", "prenom", *more]


def test_check_says_how_the_file_is_read_and_what_becomes_of_its_rows(
    clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encoding, columns, first rows, rows by reason with lines, oddities: all before anything is sent, no account."""
    assert main(words("check", clients)) == 1
    out, err = capsys.readouterr()
    told = " ".join(out.split())
    first = "clients.csv: cp1252, semicolons between cells; numbers from column 2 ('Mobile'), #param_1# from column 1"
    assert told.startswith(first)
    assert "line 2, 336****01: Bonjour ZOÉ" in told
    assert "rejected: ambiguous 1 4" in told
    assert "rejected: duplicate 1 5" in told
    assert "Most values of #param_1# are in capitals." in err
    assert "1 cells hold two numbers or more, such as line 6" in err
    assert "0612345601" not in out + err


def test_check_tells_machines_one_line(clients: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json everything is one line on standard output."""
    assert main(words("check", clients, "--json")) == 1
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    told = json.loads(out)
    assert (told["encoding"], told["separator"], told["header"]) == ("cp1252", ";", ["Prénom", "Mobile"])
    assert (told["rows"], told["sendable"], told["lines"]["ambiguous"]) == (5, 2, [4])
    assert told["first"][0] == {"line": 2, "phone": "336****01", "text": "Bonjour ZOÉ"}
    assert len(told["oddities"]) == 2


@pytest.mark.parametrize(
    ("rows", "more", "sendable"),
    [
        (["Ana;0612345601", "Max;0612345602"], [], 2),
        (["Ana;0470 12 34 56", "Max;0471 12 34 56"], ["--default-country", "be"], 2),
        (["Ana;0612345601;;x", "Max;0612345602"], ["--short-rows"], 2),
        (["Ana|0612345601"], ["--separator", "|"], 1),
        (["Ana\t0612345601"], ["--separator", "tab"], 1),
        (["Ana;0612345601"], ["--encoding", "utf-8"], 1),
    ],
)
def test_options_say_how_a_file_is_read(
    rows: list[str], more: list[str], sendable: int, clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option of the file's form reaches its reader, and the exit code is 0 where everybody would be sent to."""
    separator = {"|": "|", "tab": "\t"}.get(more[-1] if more else "", ";")
    width = rows[0].count(separator) + 1
    names = ["Prénom", "Mobile", "", "note"][:width]
    clients.write_text("\n".join([separator.join(names), *rows]), encoding="utf-8")
    assert main(words("check", clients, "--json", *more)) == 0
    assert json.loads(capsys.readouterr().out)["sendable"] == sendable


def test_check_of_a_file_that_cannot_be_right_is_one_sentence(
    clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What refuses the file names the line and the option that decides, in the command's words, and exits 2."""
    clients.write_text("Prénom;Mobile;Note\nAna;0612345601\nMax;0612345602\nEva;0612345603\n", encoding="utf-8")
    assert main(words("check", clients)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "line 2" in err
    assert "--short-rows" in err
    assert err.count("\n") == 1


def test_list_without_header_is_said_to_have_none(clients: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns by position read the first line as a person, and that is said."""
    clients.write_text("0612345601;Ana\n0612345602;Max\n", encoding="utf-8")
    assert main(["campaign", "check", str(clients), *TEXT, "--phone", "1", "--param", "2"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "semicolons between cells, no header; numbers from column 1, #param_1# from column 2." in told
    assert "line 1, 336****01: Bonjour Ana" in told


def test_sheets_options_of_csv_files_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A spreadsheet's own file has no separator to say."""
    assert main(words("check", SAMPLES / "clients.xlsx", "--separator", ";")) == 2
    assert "it has no separator" in capsys.readouterr().err


async def test_run_says_how_it_reads_a_file_before_it_sends(run: Run, clients: Path, sandbox: Sandbox) -> None:
    """Two lines on standard error come first: form and columns, and the first row as it is sent."""
    ended = await run(*words("run", clients, "--purpose", "otp"))
    assert ended.code == 1, ended.err
    first, second, *_ = ended.err.splitlines()
    assert first.startswith("clients.csv: cp1252, semicolons between cells; numbers from column 2 ('Mobile')")
    assert second == "Line 2, 336****01: “Bonjour ZOÉ”."
    assert {message["text"] for message in sandbox.messages()} == {"Bonjour ZOÉ", "Bonjour ANA"}


async def test_run_takes_a_spreadsheets_own_file(run: Run, sandbox: Sandbox) -> None:
    """An xlsx file is sent like any other, and machines are told which sheet was read."""
    names = ["--phone", "telephone mobile", "--param", "prénom"]
    ended = await run("campaign", "run", str(SAMPLES / "clients.xlsx"), *TEXT, *names, "--purpose", "otp", "--json")
    told = json.loads(ended.out)
    assert told["source"]["sheet"]
    assert told["accepted"] == len(sandbox.messages()) > 0
    assert "column" not in ended.err


async def test_run_sends_no_letters_that_were_encoded_twice_without_a_word(
    run: Run, twice_encoded: Path, sandbox: Sandbox
) -> None:
    """A list with such a name is refused with the option that decides; said, it is sent, and the oddity told first."""
    ended = await run(*words("run", twice_encoded, "--purpose", "otp"))
    assert (ended.code, ended.out, sandbox.messages()) == (2, "", [])
    assert "line 3: column 1 reads 'ZoÃ©': it was encoded twice before, and was most likely 'Zoé'" in ended.err
    assert "--encoding" in ended.err
    ended = await run(*words("run", twice_encoded, "--purpose", "otp", "--encoding", "utf-8"))
    assert ended.code == 0, ended.err
    assert ended.err.splitlines()[2].startswith("Odd: 1 values of #param_1# are wrongly encoded, such as line 3")
    assert len(sandbox.messages()) == 2


async def test_run_tells_wrong_letters_of_a_spreadsheets_own_file(
    run: Run, tmp_path: Path, clients: Path, sandbox: Sandbox
) -> None:
    """Of a file that has no encoding to say, what people would read is told before it is sent, and by check."""
    wrong = tmp_path / "clients.xlsx"
    with zipfile.ZipFile(SAMPLES / "clients.xlsx") as sound, zipfile.ZipFile(wrong, "w") as written:
        for part in sound.namelist():
            written.writestr(part, sound.read(part).replace("Zoé".encode(), "ZoÃ©".encode()))
    names = ["--phone", "telephone mobile", "--param", "prénom"]
    ended = await run("campaign", "run", str(wrong), *TEXT, *names, "--purpose", "otp")
    assert "Odd: 1 values of #param_1# are wrongly encoded, such as line 2" in ended.err
    assert any("ZoÃ©" in message["text"] for message in sandbox.messages())


def test_check_tells_values_that_are_wrongly_encoded(clients: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is sent as it stands because an encoding was said is an oddity with its lines, for machines too."""
    clients.write_text("Prénom;Mobile\nMax;0612345601\nZo\ufffd;0612345602\n", encoding="utf-8")
    assert main(words("check", clients)) == 2
    assert "line 3: column 1 reads" in capsys.readouterr().err
    assert main(words("check", clients, "--encoding", "utf-8", "--json")) == 0
    [told] = json.loads(capsys.readouterr().out)["oddities"]
    assert told.startswith("1 values of #param_1# are wrongly encoded, such as line 3")


@pytest.fixture
def with_total(clients: Path) -> Path:
    """A file of clients with the sum of their numbers below them."""
    clients.write_text("Prénom;Mobile\nAna;612345601\nTotal;11634566419\n", encoding="utf-8")
    return clients


async def test_run_tells_a_total_below_the_numbers(sandbox: Sandbox, run: Run, with_total: Path) -> None:
    """What may be no number of anybody is told as a campaign begins, with its line."""
    ended = await run(*words("run", with_total, "--purpose", "otp"))
    assert "1 numbers without + are of another country, such as line 3" in " ".join(ended.err.split())


@pytest.mark.parametrize("name", ["clients.csv", "unnamed.xlsx"])
def test_header_can_be_said_where_columns_have_positions(
    clients: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --header the names are no row, without any column named; --no-header makes them one again."""
    clients.write_text("mobile;nom\n0612345601;Ana\n0612345602;Max\n", encoding="utf-8")
    path = clients if name == "clients.csv" else SAMPLES / name
    for more, rows in (("--header", 2), ("--no-header", 3)):
        main(["campaign", "check", str(path), *TEXT, "--phone", "1", "--param", "2", more, "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (told["rows"], told["sendable"]) == (rows, 2)


async def test_run_can_be_told_of_a_header(run: Run, sandbox: Sandbox) -> None:
    """A campaign by positions rejects no row that holds the columns' names."""
    column = ["--phone", "1", "--param", "2", "--purpose", "otp", "--header"]
    ended = await run("campaign", "run", str(SAMPLES / "unnamed.xlsx"), *TEXT, *column)
    assert (ended.code, len(sandbox.messages())) == (0, 2), ended.err
