"""The files that a command writes: whole or not at all, the same columns, and nothing in them that acts."""

import asyncio
import contextlib
import csv
import gzip
import json
import os
import re
import resource
import sqlite3
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from allmysms_async import CampaignResult, Outcome, OutcomeState, SmsMessage
from allmysms_async.batch.memory import MemorySink
from allmysms_async.cli.campaign_report import write_rows
from allmysms_async.cli.ending import NotWritten, plain
from allmysms_async.cli.html import write_html
from allmysms_async.cli.outcome import COLUMNS, OutcomeFile
from allmysms_async.journal import JournalCampaign
from allmysms_async.sandbox import Sandbox

from .conftest import SCRIPT, Run, finish, start
from .test_cli_campaign import GOOD, words

Until = Callable[[Callable[[], object]], Awaitable[None]]
Clients = Callable[[list[str]], Path]


def rows(path: Path) -> list[dict[str, str]]:
    """Read a file back, by row."""
    with path.open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["row"]))


def beside(folder: Path) -> list[Path]:
    """Return the files that are not whole."""
    return list(folder.glob("*.partial"))


async def test_outcomes_and_report_say_the_same(run: Run, clients: Clients, tmp_path: Path, sandbox: Sandbox) -> None:
    """The file of outcomes and the report have the same columns, and the same line for each row."""
    sandbox.opt_out("33612345006")
    outcomes, report, journal = tmp_path / "outcomes.csv", tmp_path / "report.csv", str(tmp_path / "soldes.db")
    path = clients([*GOOD, "néant", "=1+1", "0612345007"])
    assert (await run(*words(path, "--journal", journal, "--outcomes", str(outcomes)))).code == 1
    assert (await run("campaign", "report", journal, "--csv", str(report))).code == 1
    assert tuple(rows(report)[0]) == COLUMNS == ("line", "row", "number", "state", "reason", "sms_id", "campaign_id")
    assert rows(report) == rows(outcomes)
    assert [row["line"] for row in rows(report)] == [str(line) for line in range(2, len(GOOD) + 5)]
    assert beside(tmp_path) == []


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+x", "-x", "@x", " =1", "\t=1", "\r=1", "\n=1", "x;=1", "x,=1", "x|+1", "x\t@1", 'x";=1', "\uff1d1"],
)
def test_no_cell_is_a_formula(cell: str, tmp_path: Path) -> None:
    """Whatever separator a spreadsheet takes, no part of a line of the file starts as a formula does."""
    path = tmp_path / "outcomes.csv"
    file = OutcomeFile(path)
    file.add([Outcome(1, 2, cell, OutcomeState.REJECTED, None, cell, cell)])
    asyncio.run(file.finish())
    [_, line] = path.read_text(encoding="utf-8").splitlines()
    for part in re.split(r'[;,|\t]"?', line):
        assert not part.strip().startswith(("=", "+", "-", "@", "\uff1d")), line


def test_no_control_character_reaches_a_file(tmp_path: Path) -> None:
    """What could steer a terminal, break a line or turn its direction is written as an escape; a row stays one."""
    every = "".join(
        map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), 0xD800])
    )
    path = tmp_path / "outcomes.csv"
    file = OutcomeFile(path)
    file.add([Outcome(1, 2, every, OutcomeState.REJECTED, None, every, every)])
    asyncio.run(file.finish())
    text = path.read_bytes().decode("utf-8")
    assert not set(every) & set(text.replace("\r\n", ""))
    assert (text.count("\r\n"), len(rows(path))) == (2, 1)
    assert "\\x1b" in text
    assert not set(every) & set(plain(every)) - {"\n"}


async def test_html_holds_no_control_character(run: Run, clients: Clients, tmp_path: Path) -> None:
    """What a journal holds of a gateway's words or of a name is shown in the HTML as escapes."""
    journal, page = tmp_path / "soldes.db", tmp_path / "report.html"
    assert (await run(*words(clients(GOOD[:3]), "--journal", str(journal)))).code == 0
    with contextlib.closing(sqlite3.connect(journal)) as raw:
        raw.execute("update campaign set name = ?", ("a\x1b]0;owned\x07b\u202ec",))
        raw.execute("update chunk set state = 'unknown', unknown = n, accepted = 0, problem = ?", ("x\x1b[2J\x9b",))
        raw.commit()
    await run("campaign", "report", str(journal), "--html", str(page))
    text = page.read_text(encoding="utf-8")
    assert not set("\x1b\x07\x9b\u202e") & set(text)
    assert "a\\x1b]0;owned\\x07b\\u202ec" in text
    assert "x\\x1b[2J\\x9b" in text


@contextlib.contextmanager
def small_disk() -> Iterator[None]:
    """A disk on which a file of 512 bytes is the largest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def some(count: int) -> AsyncIterator[Outcome]:
    """Outcomes."""
    for row in range(1, count + 1):
        yield Outcome(row, row + 1, "33612345678", OutcomeState.ACCEPTED)


CAMPAIGN = JournalCampaign(
    name="soldes",
    message=SmsMessage("Bonjour"),
    backend="rest",
    created_at=datetime(2026, 11, 27, tzinfo=UTC),
    result=CampaignResult(name="soldes", run_id="0" * 32, **msgspec.structs.asdict(MemorySink().totals())),
)


@pytest.mark.parametrize("write", [lambda path: write_rows(path, some(50)), lambda path: write_html(path, CAMPAIGN)])
async def test_full_disk_is_named_and_the_old_report_stays(
    write: Callable[[Path], Awaitable[None]], tmp_path: Path
) -> None:
    """A report that cannot be written to its end says why, and leaves the one before as it was and nothing beside."""
    report = tmp_path / "report"
    report.write_text("the one before", encoding="utf-8")
    with small_disk(), pytest.raises(NotWritten, match="report was not written: File too large"):
        await write(report)
    assert report.read_text(encoding="utf-8") == "the one before"
    assert os.listdir(tmp_path) == [report.name]
    await write(report)
    assert len(report.read_bytes()) > 512
    assert os.listdir(tmp_path) == [report.name]


async def test_report_on_a_full_device_exits_4(run: Run, clients: Clients, tmp_path: Path) -> None:
    """A full disk has an exit code of its own, and is named."""
    journal = str(tmp_path / "soldes.db")
    await run(*words(clients(GOOD), "--journal", journal))
    for option in ("--csv", "--html"):
        ended = await run("campaign", "report", journal, option, "/dev/full")
        assert (ended.code, "/dev/full was not written: No space left on device." in ended.err) == (4, True), ended.err
        nowhere = await run("campaign", "report", journal, option, str(tmp_path / "no" / "x"))
        assert (nowhere.code, "nothing was sent" in nowhere.err.lower()) == (2, False), nowhere.err


@pytest.mark.slow
async def test_full_disk_does_not_end_a_campaign(
    run: Run, clients: Clients, tmp_path: Path, environment: dict[str, str], sandbox: Sandbox
) -> None:
    """Outcomes that cannot be written: everybody is texted, it is said where the others are, and the exit code is 4."""
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_text("the one before", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(SCRIPT), *words(clients(GOOD), "--json", "--chunk-size", "5", "--outcomes", str(outcomes)),
        env=os.environ | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)),
    )  # fmt: skip
    said, told = await process.communicate()
    assert (process.returncode, json.loads(said)["accepted"]) == (4, len(GOOD)), told
    [rest] = beside(tmp_path)
    assert f"{outcomes} is not complete: File too large. What could be written is in {rest}." in told.decode()
    assert rest.read_text(encoding="utf-8").startswith(",".join(COLUMNS))
    assert outcomes.read_text(encoding="utf-8") == "the one before"
    sandbox.advance(11)
    ended = await run(*words(clients(GOOD), "--json", "--outcomes", "/dev/full"))
    assert (ended.code, "/dev/full is not complete: No space left on device." in ended.err) == (4, True), ended.err
    assert sandbox.stats()["messages"] == 2 * len(GOOD)


async def test_stopped_is_told_before_a_file_that_is_not_whole(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """A campaign that stopped exits 3 also where its outcomes could not be written: it has to go on."""
    sandbox.set_credits("demo", 15 * 10)
    ended = await run(*words(clients(GOOD), "--json", "--chunk-size", "5", "--outcomes", "/dev/full"))
    assert (ended.code, "No space left" in ended.err) == (3, True), ended.err


@pytest.mark.slow
async def test_killed_run_leaves_what_it_knew_beside_the_old_file(
    clients: Clients, tmp_path: Path, environment: dict[str, str], sandbox: Sandbox, until: Until
) -> None:
    """After kill -9 the outcomes known so far are in the file beside, and the earlier file is untouched."""
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_text("the one before", encoding="utf-8")
    sandbox.faults([{"fault": "latency", "seconds": 0.2}])
    process = await start(
        *words(clients(GOOD), "--chunk-size", "1", "--concurrency", "1", "--outcomes", str(outcomes)), env=environment
    )
    await until(lambda: any(b"accepted" in path.read_bytes() for path in beside(tmp_path)))
    process.kill()
    await process.communicate()
    [rest] = beside(tmp_path)
    known = rows(rest)
    assert 0 < len(known) <= sandbox.stats()["messages"] < len(GOOD)
    assert stat.S_IMODE(rest.stat().st_mode) == 0o600
    assert outcomes.read_text(encoding="utf-8") == "the one before"


@pytest.mark.slow
async def test_pipe_is_written_into_and_its_reader_may_be_slow(
    clients: Clients, tmp_path: Path, environment: dict[str, str], sandbox: Sandbox
) -> None:
    """Outcomes may go to a pipe or a device, which stays what it is; a reader who does not read holds nobody up."""
    numbers = [f"0612{number:06d}" for number in range(3000)]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    process = await start(*words(clients(numbers), "--json", "--outcomes", str(pipe)), env=environment)
    while sandbox.stats()["messages"] < len(numbers):  # noqa: ASYNC110  # nothing was read yet
        await asyncio.sleep(0.01)
    loop, read = asyncio.get_running_loop(), asyncio.StreamReader(limit=1 << 20)
    os.set_blocking(reads, False)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(read), os.fdopen(reads, "rb", buffering=0))
    lines = (await read.read()).decode().splitlines()
    said, told = await process.communicate()
    assert (process.returncode, json.loads(said)["accepted"]) == (0, len(numbers)), told
    assert len(lines) == len(numbers) + 1
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.slow
async def test_outcomes_may_go_into_another_command(
    clients: Clients, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A pipe that has no name but /dev/fd/N, as the shell gives one for >(gzip), takes the outcomes."""
    packed = tmp_path / "outcomes.csv.gz"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f'"$@" --outcomes >(gzip > {packed})', "bash", str(SCRIPT),
        *words(clients(GOOD), "--json"), env=os.environ | environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, told = await asyncio.wait_for(process.communicate(), 250)
    assert (process.returncode, json.loads(said)["accepted"]) == (0, len(GOOD)), told
    # gzip has standard error too, so that its end was waited for.
    assert len(gzip.decompress(packed.read_bytes()).splitlines()) == len(GOOD) + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_outcomes_may_go_into_a_stream_that_is_a_pipe(
    name: str, clients: Clients, environment: dict[str, str]
) -> None:
    """/dev/stdout and /dev/stderr take the outcomes where they lead to another program."""
    process = await start(*words(clients(GOOD), "--json", "--outcomes", f"/dev/{name}"), env=environment)
    done = await finish(process)
    assert done.code == 0, done.err
    lines = {"stdout": done.out, "stderr": done.err}[name].splitlines()
    assert ",".join(COLUMNS) in lines
    assert sum(",accepted," in line for line in lines) == len(GOOD)


async def test_link_stays_a_link(run: Run, clients: Clients, tmp_path: Path) -> None:
    """Where the name is a link, what it leads to is replaced."""
    (tmp_path / "there").mkdir()
    link, real = tmp_path / "outcomes.csv", tmp_path / "there" / "real.csv"
    link.symlink_to(real)
    assert (await run(*words(clients(GOOD), "--outcomes", str(link)))).code == 0
    assert link.is_symlink()
    assert len(rows(real)) == len(GOOD)


@pytest.mark.parametrize(("url", "end"), [("{}", "-wal"), ("sqlite:///{}", "")])
async def test_no_file_takes_the_place_of_what_is_needed(
    url: str, end: str, run: Run, clients: Clients, tmp_path: Path, sandbox: Sandbox
) -> None:
    """The journal, and the file of recipients, are never written over by a report or by outcomes, however named."""
    path, journal = clients(GOOD), tmp_path / "soldes.db"
    where = url.format(journal)
    early = await run(*words(path, "--journal", where, "--outcomes", f"{journal}{end}"))
    assert (early.code, "is the journal" in early.err) == (2, True), early.err
    assert sandbox.requests == {}
    assert (await run(*words(path, "--journal", where))).code == 0
    (tmp_path / "alias.db").symlink_to(f"{journal}{end}")
    for option in ("--csv", "--html"):
        ended = await run("campaign", "report", where, option, str(tmp_path / "alias.db"))
        assert (ended.code, "is the journal" in ended.err) == (2, True), ended.err
    twice = await run("campaign", "report", where, "--csv", str(tmp_path / "x"), "--html", str(tmp_path / "x"))
    assert (twice.code, "give another name" in twice.err) == (2, True), twice.err
    assert json.loads((await run("campaign", "status", where, "--json")).out)["accepted"] == len(GOOD)


@pytest.mark.slow
async def test_campaign_that_did_not_begin_leaves_the_file_before(
    run: Run, clients: Clients, tmp_path: Path, environment: dict[str, str]
) -> None:
    """What is refused before it begins leaves the earlier outcomes as they were; so does a file that is printed to."""
    path, outcomes, journal = clients(GOOD), tmp_path / "outcomes.csv", str(tmp_path / "soldes.db")
    assert (await run(*words(path, "--journal", journal, "--outcomes", str(outcomes)))).code == 0
    before = outcomes.read_bytes()
    other = [word.replace("Bonjour", "Bonsoir") for word in words(path, "--journal", journal)]
    refused = await run(*other, "--outcomes", str(outcomes))
    assert (refused.code, "another text" in refused.err) == (2, True), refused.err
    number = os.open(outcomes, os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        str(SCRIPT), *words(path, "--outcomes", "/dev/stdout"), env=os.environ | environment, stdout=number,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(number)
    _, told = await process.communicate()
    assert (process.returncode, b"where this command prints" in told) == (2, True), told
    assert outcomes.read_bytes() == before
    assert beside(tmp_path) == []
