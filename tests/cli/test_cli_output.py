"""Who reads what is printed, and who does not: it never decides what is sent, and the exit code tells the truth."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import sys
import termios
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from allmysms_async.sandbox import Sandbox

from .conftest import SCRIPT, Run, finish, start
from .test_cli_campaign import words

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], object]], Awaitable[None]]
Clients = Callable[[list[str]], Path]

NUMBERS = [f"0612{number:06d}" for number in range(100, 200)]
SMALL = ("--chunk-size", "10", "--concurrency", "4")


@contextlib.contextmanager
def closed_pipe() -> Iterator[int]:
    """The end of a pipe that nobody reads any more."""
    reads, writes = os.pipe()
    os.close(reads)
    yield writes
    os.close(writes)


@contextlib.contextmanager
def full_pipe(*, blocking: bool = True) -> Iterator[int]:
    """The end of a pipe that somebody holds and does not read, full to the brim."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x")
    os.set_blocking(writes, blocking)
    yield writes
    os.close(writes)
    os.close(reads)


@contextlib.contextmanager
def full_device() -> Iterator[int]:
    """A disk that is full."""
    number = os.open("/dev/full", os.O_WRONLY)
    yield number
    os.close(number)


@contextlib.contextmanager
def gone_terminal() -> Iterator[int]:
    """A terminal that went away."""
    master, slave = pty.openpty()
    os.close(master)
    yield slave
    os.close(slave)


@contextlib.contextmanager
def read_only() -> Iterator[int]:
    """A descriptor that cannot be written."""
    number = os.open(os.devnull, os.O_RDONLY)
    yield number
    os.close(number)


PLACES: dict[str, Callable[[], contextlib.AbstractContextManager[int]]] = {
    "closed pipe": closed_pipe,
    "full pipe": full_pipe,
    "full pipe that does not block": lambda: full_pipe(blocking=False),
    "full device": full_device,
    "gone terminal": gone_terminal,
    "read only": read_only,
}


async def ended(
    *command: str, env: dict[str, str], out: int | None = None, err: int | None = None
) -> tuple[int, str, str]:
    """Run the command line with these streams, None for a pipe that is read; return its exit code and words."""
    with open(os.devnull, "rb") as nothing:  # noqa: ASYNC230  # it takes no time
        process = await start(*command, env=env, stdin=nothing.fileno(), stdout=out, stderr=err)
    said, told = await asyncio.wait_for(process.communicate(), 250)
    assert process.returncode is not None
    return process.returncode, (said or b"").decode(), (told or b"").decode()


@pytest.mark.parametrize("place", PLACES)
async def test_standard_error_that_nobody_reads_changes_nothing(
    place: str, clients: Clients, sandbox: Sandbox, environment: dict[str, str]
) -> None:
    """Wherever standard error leads, everybody is texted once, the result is printed, and the exit code is 0."""
    with PLACES[place]() as number:
        code, said, _ = await ended(*words(clients(NUMBERS), "--json", *SMALL), env=environment, err=number)
    assert (code, json.loads(said)["accepted"]) == (0, len(NUMBERS))
    assert (sandbox.stats()["messages"], sandbox.stats()["max_per_handset"]) == (len(NUMBERS), 1)


@pytest.mark.parametrize(
    ("place", "more"),
    [("closed pipe", ["--json"]), ("full device", []), ("gone terminal", []), ("read only", ["--json"])],
)
async def test_standard_output_that_nobody_reads_changes_nothing(
    place: str, more: list[str], clients: Clients, sandbox: Sandbox, environment: dict[str, str]
) -> None:
    """Wherever standard output leads, everybody is texted once, and the exit code is the campaign's own."""
    with PLACES[place]() as number:
        code, _, told = await ended(*words(clients(NUMBERS), *SMALL, *more), env=environment, out=number)
    assert code == 0
    assert "Traceback" not in told
    assert ("Standard output is not complete" in told) == (place != "closed pipe")
    assert (sandbox.stats()["messages"], sandbox.stats()["max_per_handset"]) == (len(NUMBERS), 1)


@pytest.mark.parametrize("place", PLACES)
async def test_all_streams_to_one_place_that_nobody_reads(
    place: str, clients: Clients, sandbox: Sandbox, environment: dict[str, str], until: Until, tmp_path: Path
) -> None:
    """Both streams to one such place: everybody is texted; where a reader may still come, a request to end is heard."""
    outcomes = tmp_path / "outcomes.csv"
    with PLACES[place]() as number:
        process = await asyncio.create_subprocess_exec(
            str(SCRIPT), *words(clients(NUMBERS), *SMALL, "--outcomes", str(outcomes)), env=environment | os.environ,
            stdin=number, stdout=number, stderr=number,
        )  # fmt: skip
        await until(outcomes.exists)
        if "full pipe" in place:
            process.terminate()
        code = await asyncio.wait_for(process.wait(), 250)
    assert code == 0
    assert sandbox.stats()["max_per_handset"] == 1


@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&- >&- 2>&-"])
async def test_streams_that_are_not_there_change_nothing(
    closing: str, clients: Clients, sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """Without standard streams everybody is texted once, and nothing is printed into what took their place."""
    journal = tmp_path / "soldes.db"
    command = [str(SCRIPT), *words(clients(NUMBERS), "--json", *SMALL, "--journal", str(journal))]
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {closing}', "sh", *command, env=os.environ | environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, told = await asyncio.wait_for(process.communicate(), 250)
    assert process.returncode == 0, told
    if closing == "2>&-":
        assert json.loads(said)["accepted"] == len(NUMBERS)
    assert sandbox.stats()["messages"] == len(NUMBERS)
    assert sandbox.stats()["max_per_handset"] == 1


LONG = "from allmysms_async.cli.outlet import sheltered\nwith sheltered():\n    print('x' * 1_000_000)"


async def test_slow_reader_gets_the_whole_result() -> None:
    """What is larger than a pipe waits for its reader, who gets all of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LONG, stdout=asyncio.subprocess.PIPE, limit=1024
    )
    assert process.stdout is not None
    first = await process.stdout.readexactly(1)
    await asyncio.sleep(0)
    assert process.returncode is None
    assert first + await process.stdout.read() == b"x" * 1_000_000 + b"\n"
    assert await process.wait() == 0


STUCK = """
from allmysms_async.cli.outlet import sheltered
from allmysms_async.cli.signals import like_ctrl_c
import os
try:
    with like_ctrl_c(), sheltered():
        print("x")
        os.write(2, b"there")
except KeyboardInterrupt:
    pass
"""


async def test_reader_that_stopped_ends_with_a_request_to_end() -> None:
    """A result that nobody takes waits, and is given up as soon as the process is asked to end."""
    with full_pipe() as number:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STUCK, stdout=number, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        await process.stderr.readexactly(5)
        assert process.returncode is None
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 250) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_terminal_that_goes_away_stops_cleanly(
    number: signal.Signals, clients: Clients, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """A hang-up, told twice as a shell does, stops like a request to end: what is in flight is answered."""
    sandbox.faults([{"fault": "latency", "seconds": 0.3}])
    asked = words(clients(NUMBERS), "--json", "--chunk-size", "5", "--include-opt-outs")
    process = await start(*asked, env=environment)
    await until(lambda: sandbox.in_flight)
    process.send_signal(number)
    if number == signal.SIGHUP:
        await asyncio.sleep(0.05)
        process.send_signal(number)
    done = await finish(process)
    result = json.loads(done.out)
    assert done.code == 3, done.err
    assert result["unknown"] == 0
    assert 0 < result["accepted"] == sandbox.stats()["messages"] < len(NUMBERS)


async def test_hang_up_that_is_ignored_stops_nothing(
    clients: Clients, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """Started with nohup, a campaign goes on to its end after its terminal went away."""
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", 'trap "" HUP; exec "$@"', "sh", str(SCRIPT), *words(clients(NUMBERS), "--json", *SMALL),
        env=os.environ | environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await until(lambda: sandbox.in_flight)
    process.send_signal(signal.SIGHUP)
    said, told = await asyncio.wait_for(process.communicate(), 250)
    assert (process.returncode, json.loads(said)["accepted"]) == (0, len(NUMBERS)), told


async def test_real_terminal_that_goes_away_loses_nobody(
    clients: Clients, sandbox: Sandbox, environment: dict[str, str], tmp_path: Path, run: Run, until: Until
) -> None:
    """A terminal window that is closed: the run stops, nothing is unknown, and the same command texts the rest once."""
    sandbox.faults([{"fault": "latency", "seconds": 0.2}])
    command = words(clients(NUMBERS), *SMALL, "--journal", str(tmp_path / "soldes.db"))
    master, slave = pty.openpty()

    def owning() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = await asyncio.create_subprocess_exec(
        str(SCRIPT), *command, env=os.environ | environment | {"TERM": "xterm"}, stdin=slave, stdout=slave,
        stderr=slave, preexec_fn=owning,
    )  # fmt: skip
    os.close(slave)
    await until(lambda: sandbox.in_flight)
    os.close(master)
    assert await asyncio.wait_for(process.wait(), 250) == 3
    sandbox.faults([])
    status = await run("campaign", "status", str(tmp_path / "soldes.db"), "--json")
    assert json.loads(status.out)["unknown"] == 0
    last = await run(*command, "--json")
    assert (last.code, json.loads(last.out)["accepted"]) == (0, len(NUMBERS)), last.err
    assert (sandbox.stats()["messages"], sandbox.stats()["max_per_handset"]) == (len(NUMBERS), 1)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_send_that_is_ended_names_its_key(
    number: signal.Signals, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """A request to end while the answer is waited for says which key tells what happened, as Ctrl-C does."""
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    process = await start("send", "--to", "0612345678", "Bonjour", env=environment)
    await until(lambda: sandbox.stats()["messages"])
    process.send_signal(number)
    done = await finish(process)
    assert (done.code, "--idempotency-key" in done.err) == (3, True), done.err


async def in_background(*command: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    """Start the console script as a shell starts what is to run in the background: Ctrl-C is ignored."""
    return await asyncio.create_subprocess_exec(
        "sh", "-c", 'trap "" INT; exec "$@"', "sh", str(SCRIPT), *command, env=os.environ | env,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_send_in_the_background_can_be_ended(
    number: signal.Signals, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """Where Ctrl-C is ignored a request to end still ends a command, which names the key of what may be sent."""
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    process = await in_background("send", "--to", "0612345678", "Bonjour", env=environment)
    await until(lambda: sandbox.stats()["messages"])
    process.send_signal(number)
    done = await finish(process)
    assert (done.code, "--idempotency-key" in done.err) == (3, True), done.err


async def test_ctrl_c_that_is_ignored_stops_nothing(
    clients: Clients, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """A campaign in the background goes on when Ctrl-C is meant for what is in front."""
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    process = await in_background(*words(clients(NUMBERS), "--json", *SMALL), env=environment)
    await until(lambda: sandbox.in_flight)
    process.send_signal(signal.SIGINT)
    done = await finish(process)
    assert (done.code, json.loads(done.out)["accepted"]) == (0, len(NUMBERS)), done.err


@pytest.mark.parametrize(
    ("place", "command", "expected"),
    [
        ("closed pipe", ["--help"], 0),
        ("full device", ["frobnicate"], 2),
        ("closed pipe", ["send", "--to", "0612345679", "Bonjour"], 0),
        ("full device", ["campaign", "status", "JOURNAL"], 1),
        ("closed pipe", ["campaign", "list", "JOURNAL", "--json"], 0),
        ("full device", ["campaign", "resume", "JOURNAL"], 1),
        ("closed pipe", ["campaign", "resolve", "JOURNAL", "--mark-sent", "7"], 2),
        ("full device", ["campaign", "status", "none.db"], 3),
    ],
)
async def test_every_command_keeps_its_exit_code(
    place: str, command: list[str], expected: int, run: Run, clients: Clients, environment: dict[str, str],
    tmp_path: Path,
) -> None:  # fmt: skip
    """Each command does what it does and ends as it ends, wherever both of its streams lead."""
    journal = str(tmp_path / "soldes.db")
    if "JOURNAL" in command:
        assert (await run(*words(clients(["0612345678", "néant"]), "--journal", journal))).code == 1
    told = [journal if word == "JOURNAL" else word for word in command]
    with PLACES[place]() as number:
        code, _, _ = await ended(*told, env=environment, out=number, err=number)
    assert code == expected


@pytest.mark.parametrize("machine", [[], ["--json"]])
async def test_demo_ends_as_it_must_unseen(machine: list[str]) -> None:
    """The demo finds every row as it must be also where nobody can read that."""
    with full_pipe() if machine else closed_pipe() as number:
        code, _, _ = await ended("demo", *machine, env={}, out=None if machine else number, err=number)
    assert code == 0


async def test_one_place_keeps_the_order(clients: Clients, environment: dict[str, str], sandbox: Sandbox) -> None:
    """Where both streams lead to one place, the progress is above the result, and the advice below it."""
    sandbox.set_credits("demo", 15 * 10)
    reads, writes = os.pipe()
    code, _, _ = await ended(*words(clients(NUMBERS), *SMALL), env=environment, out=writes, err=writes)
    os.close(writes)
    told = os.read(reads, 65536).decode()
    os.close(reads)
    assert code == 3
    assert re.search(r"\d+ read", told), told
    read = told.index(" read,")  # how many were read before the credit ran out is a matter of chance
    assert read < told.index("Cost without tax") < told.index("Sending the") < told.index("Error:")
