"""When a command ends: at once where it only waits for a person, and with its own exit code once that is known."""

import asyncio
import contextlib
import json
import os
import pty
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.cli import main
from allmysms_async.sandbox import Sandbox

from .conftest import SCRIPT, finish, start
from .test_cli_campaign import GOOD, words

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], object]], Awaitable[None]]
Clients = Callable[[list[str]], Path]

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
async def test_signal_after_the_last_word_changes_nothing(
    number: signal.Signals, clients: Clients, environment: dict[str, str]
) -> None:
    """Once the result is printed the exit code is the campaign's, whatever signal comes and however often."""
    process = await start(*words(clients(GOOD), "--json"), env=environment)
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())["accepted"] == len(GOOD)
    while process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # asyncio's own way collects the exit code behind its back
            os.kill(process.pid, number)
        await asyncio.sleep(0)
    assert process.returncode == 0
    await finish(process)


@pytest.mark.parametrize("number", ENDING)
async def test_signal_after_the_last_word_of_a_text_changes_nothing(
    number: signal.Signals, environment: dict[str, str]
) -> None:
    """Once the answer is printed a text that was accepted is exit code 0, whatever signal comes."""
    process = await start("send", "--to", "0612345678", "--json", "Bonjour", env=environment)
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())["accepted"]
    while process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # asyncio's own way collects the exit code behind its back
            os.kill(process.pid, number)
        await asyncio.sleep(0)
    assert process.returncode == 0
    await finish(process)


def test_program_that_goes_on_has_its_signals_back(capsys: pytest.CaptureFixture[str]) -> None:
    """What a signal does in a program that calls the command line is afterwards what it was before."""
    before = [signal.getsignal(number) for number in ENDING]
    assert main(["--version"]) == 0
    assert main(["frobnicate"]) == 2
    assert [signal.getsignal(number) for number in ENDING] == before
    assert capsys.readouterr().out


@pytest.mark.parametrize("number", ENDING)
async def test_end_is_told_before_a_file_that_nobody_reads(
    number: signal.Signals, clients: Clients, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A pipe of outcomes whose reader stopped keeps nobody from the result, and ends with a signal and exit code 4."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    numbers = [f"0612{number:06d}" for number in range(3000)]
    process = await start(*words(clients(numbers), "--json", "--outcomes", str(pipe)), env=environment)
    assert process.stdout is not None
    assert json.loads(await asyncio.wait_for(process.stdout.readline(), 250))["accepted"] == len(numbers)
    assert process.returncode is None
    process.send_signal(number)
    done = await finish(process)
    os.close(reads)
    assert (done.code, f"{pipe} is not complete: nobody reads it." in done.err) == (4, True), done.err


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("command", ["send", "campaign"])
async def test_text_that_does_not_come_is_waited_for_no_longer(
    number: signal.Signals, command: str, clients: Clients, environment: dict[str, str], sandbox: Sandbox, until: Until
) -> None:
    """While a text is read from standard input the first signal ends the command, with nothing sent."""
    path = clients(GOOD)
    reading = [word if not word.startswith("Bonjour") else "-" for word in words(path)]
    process = await start(*(["send", "--to", "0612345678", "-"] if command == "send" else reading), env=environment)
    await until(lambda: waits_for_input(process.pid))
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 250) == 3
    done = await finish(process)
    assert done.err.strip() == "Stopped."
    assert sandbox.requests == {}


def waits_for_input(pid: int) -> bool:
    """Tell whether a process waits for its standard input: the system says where in it a process sleeps."""
    try:
        where = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
    except OSError:
        return False
    return len(where) > 1 and where[0] in {"0", "63"} and where[1] == "0x0"


async def prompted(env: dict[str, str], *, hang_up: bool = False) -> tuple[asyncio.subprocess.Process, int]:
    """Start a command that asks for the login at a terminal, and wait for the question."""
    master, slave = pty.openpty()
    ignored = 'trap "" HUP; exec "$@"' if hang_up else 'exec "$@"'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", ignored, "sh", str(SCRIPT), "send", "--to", "0612345678", "Bonjour", env=os.environ | env,
        stdin=slave, stdout=asyncio.subprocess.PIPE, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    told = b""
    while b"Login" not in told:
        told += await asyncio.to_thread(os.read, master, 4096)
    return process, master


@pytest.mark.parametrize("number", ENDING)
async def test_prompt_ends_with_the_first_signal(number: signal.Signals, environment: dict[str, str]) -> None:
    """Where a login is asked for, one signal ends the command."""
    process, master = await prompted({name: value for name, value in environment.items() if "LOGIN" not in name})
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 250) == 3
    os.close(master)


async def test_terminal_that_goes_away_at_a_prompt_is_no_defect(environment: dict[str, str]) -> None:
    """A terminal that is closed while a login is asked for stops the command, also where a hang-up is ignored."""
    account = {name: value for name, value in environment.items() if "LOGIN" not in name}
    process, master = await prompted(account, hang_up=True)
    os.close(master)
    assert await asyncio.wait_for(process.wait(), 250) == 3
