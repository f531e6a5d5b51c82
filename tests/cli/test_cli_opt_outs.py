"""``allmysms opt-outs import | export | show | remove``: a list of one's own, and the gateway's."""

import csv
import io
import json
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import OptOut, Reason
from allmysms_async.sandbox import Sandbox

from .conftest import Ended, Run, call
from .test_cli_campaign import words

Clients = Callable[[list[str]], Path]
Command = Callable[..., Awaitable[Ended]]

PHONES = ["33612345678", "33612345679", "32470123456", "687751234"]
SHEET = Path(__file__).parent.parent / "samples" / "source" / "libreoffice" / "clients.xlsx"


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """A journal that is not there yet."""
    return str(tmp_path / "j.db")


@pytest.fixture
def command(journal: str) -> Command:
    """Run a command of the group on the journal."""

    async def run_command(*words: str) -> Ended:
        return await call("opt-outs", *words, env={"ALLMYSMS_JOURNAL": journal})

    return run_command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of numbers, some written twice and some that are none."""
    path = tmp_path / "stop.csv"
    rows = ["nom;tél", "Zoé;06 12 34 56 78", "Zoë;+33612345679", "Léa;0612345678", "Max;+32 470 12 34 56"]
    path.write_text("\n".join([*rows, "Ève;+687 75 12 34", "Noé;n'a pas", "Guy;01 23 45 67 89", "Ida;"]), "utf-8")
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    """Read a list that was written."""
    return list(csv.DictReader(io.StringIO(text)))


async def test_list_is_read_written_and_read_again(command: Command, file: Path, tmp_path: Path) -> None:
    """Rows that are no numbers are counted with their lines; what is written is the same list to whoever reads it."""
    ended = await command("import", str(file), "--phone", "tél", "--json")
    said = json.loads(ended.out)
    assert ended.code == 1
    assert {name: said[name] for name in ("rows", "imported", "already", "duplicates")} == {
        "rows": 8,
        "imported": 4,
        "already": 0,
        "duplicates": 1,
    }
    assert said["rejections"] == {"malformed": 1, "land_line": 1, "empty": 1}
    assert said["lines"] == {"malformed": [7], "land_line": [8], "empty": [9]}
    out = tmp_path / "out.csv"
    written = await command("export", str(out))
    assert (written.code, written.out) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = rows_of(out.read_text("utf-8"))
    assert sorted(row["phone"] for row in rows) == sorted(f"+{phone}" for phone in PHONES)
    assert {(row["source"], row["reason"], row["ended_at"]) for row in rows} == {("import", "opted_out", "")}
    assert all(row["since"] for row in rows)
    other = str(tmp_path / "other.db")
    again = await command("import", str(out), "--phone", "phone", "--journal", other)
    assert (again.code, again.err) == (0, "")
    assert "4 rows read: 4 new on the list, 0 on it already, 0 passed over." in again.out
    printed = await command("export", "--journal", other)
    assert [row["phone"] for row in rows_of(printed.out)] == [row["phone"] for row in rows]


async def test_person_is_told_which_lines_were_passed_over(command: Command, file: Path) -> None:
    """By reason, and with no number."""
    ended = await command("import", str(file), "--phone", "tél")
    assert "8 rows read: 4 new on the list, 0 on it already, 1 repeated, 3 passed over." in ended.out
    assert "land_line: 1 (lines 8)" in ended.err
    assert not any(phone[-8:] in ended.out + ended.err for phone in PHONES)


async def test_whoever_is_on_the_list_stays_as_before(command: Command, file: Path, journal: str) -> None:
    """A list that is read again tells nothing new of a STOP; who had come back is barred again."""
    async with EventJournal(journal) as events:
        await events.add_opt_outs([OptOut(phone=phone, source="reply") for phone in PHONES[:2]])
        await events.end_opt_outs(PHONES[1:2])
    said = json.loads((await command("import", str(file), "--phone", "2", "--json")).out)
    assert (said["imported"], said["already"]) == (3, 1)
    async with EventJournal(journal) as events:
        sources = {each.phone: each.source async for each in events.opt_outs()}
    assert sources == dict.fromkeys(PHONES, "import") | {PHONES[0]: "reply"}


async def test_spreadsheet_is_read_as_well(command: Command) -> None:
    """As a campaign reads one."""
    pytest.importorskip("python_calamine")
    said = json.loads((await command("import", str(SHEET), "--phone", "Téléphone mobile", "--json")).out)
    assert said["imported"] > 0
    assert "sheet" in said


async def test_list_is_counted_and_a_number_looked_up(command: Command, journal: str) -> None:
    """By what told of it and why, in force and ended; one number is shown masked."""
    async with EventJournal(journal) as events:
        await events.add_opt_outs([OptOut(phone=phone, source="reply") for phone in PHONES[:3]])
        await events.add_opt_outs([OptOut(phone=PHONES[3], reason=Reason.UNASSIGNED, source="report")])
    removed = await command("remove", "06 12 34 56 78")
    assert removed.code == 0
    assert "may be texted again" in removed.out
    assert "not on the list" in (await command("remove", "0612345678")).out
    assert "not on the list" in (await command("remove", "0699999999")).out
    assert json.loads((await command("show", "--json")).out) == {
        "active": {
            "total": 3,
            "by_source": {"reply": 2, "report": 1},
            "by_reason": {"opted_out": 2, "unassigned": 1},
        },
        "ended": {"total": 1, "by_source": {"reply": 1}, "by_reason": {"opted_out": 1}},
    }
    lines = {tuple(line.split()) for line in (await command("show")).out.splitlines()}
    assert {("reply", "opted_out", "2", "1"), ("report", "unassigned", "1", "0"), ("all", "3", "1")} <= lines
    for number, opted_out, ended in (("0612345678", False, True), ("+33612345679", True, False)):
        said = json.loads((await command("show", "--number", number, "--json")).out)
        assert (said["opted_out"], said["source"], said["ended_at"] is not None) == (opted_out, "reply", ended)
        told = (await command("show", "--number", number)).out
        assert ("ended" in told) == ended
        assert number[-9:] not in told + str(said)
    assert json.loads((await command("show", "--number", "0699999999", "--json")).out)["opted_out"] is False
    assert "not on the list" in (await command("show", "--number", "0699999999")).out
    active, every = [rows_of((await command("export", *more)).out) for more in ((), ("--ended",))]
    assert (len(active), len(every)) == (3, 4)
    assert [row["phone"] for row in every if row["ended_at"]] == ["+33612345678"]


async def test_many_are_written_in_pages(command: Command, journal: str) -> None:
    """None is lost between two pages."""
    numbers = [f"336{place:08d}" for place in range(2500)]
    async with EventJournal(journal) as events:
        await events.add_opt_outs(OptOut(phone=phone, source="import") for phone in numbers)
    assert [row["phone"] for row in rows_of((await command("export")).out)] == [f"+{phone}" for phone in numbers]


async def test_gateway_has_a_list_of_its_own(run: Run, sandbox: Sandbox) -> None:
    """It is counted by reason, and no journal is needed."""
    for place, reason in enumerate(("blacklist_stop", "blacklist_stop", "blacklist_unassigned")):
        sandbox.opt_out(f"3361234567{place}", reason)
    said = json.loads((await run("opt-outs", "show", "--gateway", "--json")).out)
    assert said == {"gateway": {"total": 3, "by_reason": {"opted_out": 2, "unassigned": 1}}}
    lines = {tuple(line.split()) for line in (await run("opt-outs", "show", "--gateway")).out.splitlines()}
    assert lines == {("opted_out", "2"), ("unassigned", "1"), ("all", "3")}


@pytest.mark.parametrize(
    ("purpose", "more", "left_out"),
    [
        ("marketing", (), 1),
        ("marketing", ("--include-opt-outs",), 0),
        ("transactional", (), 0),
        ("transactional", ("--exclude-opt-outs",), 1),
    ],
)
async def test_campaign_leaves_them_out_if_it_is_told_to(
    run: Run, clients: Clients, command: Command, journal: str, purpose: str, more: tuple[str, ...], left_out: int
) -> None:
    """By default if it is marketing; each way can be said."""
    path = clients(["0612345678", "0612345679"])
    out = path.with_name("out.csv")
    out.write_text("phone\n+33612345679\n", "utf-8")
    assert (await command("import", str(out), "--phone", "phone")).code == 0
    usual = [purpose if word == "marketing" else word for word in words(path, "--json", "--journal", journal)]
    said = json.loads((await run(*usual, *more)).out)
    assert (said["rejections"], said["accepted"]) == ({"opted_out": 1} if left_out else {}, 2 - left_out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "missing.csv", "--phone", "1"), 2, "missing.csv"),
        (("import", "stop.csv"), 2, "--phone"),
        (("import", "stop.csv", "--phone", "mobile"), 2, "mobile"),
        (("import", "stop.csv", "--phone", "9"), 2, "9"),
        (("import", "stop.csv", "--phone", "tél", "--sheet", "x"), 2, "no sheets"),
        (("import", "stop.csv", "--phone", "tél", "--encoding", "no-such"), 2, "no-such"),
        (("import", "stop.csv", "--phone", "tél", "--journal", "stop.csv"), 3, "stop.csv"),
        (("import", "stop.csv", "--phone", "tél", "--journal", "missing/j.db"), 3, "missing"),
        (("export",), 3, "j.db"),
        (("export", "out.csv"), 3, "j.db"),
        (("export", "missing/out.csv"), 2, "cannot be written"),
        (("export", "j.db"), 2, "the journal itself"),
        (("export", "."), 2, "directory"),
        (("export", ""), 2, "empty"),
        (("show",), 3, "j.db"),
        (("show", "--number", ""), 2, "empty"),
        (("show", "--number", "abc"), 2, "number"),
        (("show", "--number", "0612345678", "--gateway"), 2, "do not go together"),
        (("show", "--gateway"), 2, "ALLMYSMS_LOGIN"),
        (("remove", "abc"), 2, "number"),
        (("remove", "0123456789"), 2, "land line"),
        (("remove", "0612345678"), 3, "j.db"),
        (("add", "0612345678"), 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_is_one_sentence(
    command: Command, file: Path, words: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its code, nothing printed, nothing left behind."""
    monkeypatch.chdir(file.parent)
    ended = await command(*words)
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert [path.name for path in file.parent.iterdir()] == ["stop.csv"]


async def test_journal_must_be_named(file: Path) -> None:
    """By the option or the environment."""
    for one in (("import", str(file), "--phone", "2"), ("export",), ("show",), ("remove", "0612345678")):
        ended = await call("opt-outs", *one)
        assert (ended.code, ended.out) == (2, "")
        assert "ALLMYSMS_JOURNAL" in ended.err


async def test_full_disk_is_said_so(command: Command, file: Path) -> None:
    """With the code of a file that was not written."""
    await command("import", str(file), "--phone", "2")
    ended = await command("export", "/dev/full")
    assert (ended.code, ended.out) == (4, "")
    assert "/dev/full is not complete" in ended.err


async def test_file_that_breaks_off_puts_nobody_on_the_list(command: Command, tmp_path: Path, journal: str) -> None:
    """A list that cannot be read to its end is none."""
    path = tmp_path / "stop.csv"
    path.write_bytes(b'nom;tel\nA;0612345678\nB;"0612345679\n' + b"C;0612345670\n" * 5)
    ended = await command("import", str(path), "--phone", "tel", "--separator", ";")
    assert ended.code != 0
    assert not os.path.exists(journal)  # noqa: ASYNC240  # no other task waits
