"""Settings for every test, and what tests need of the machine."""

import asyncio
import compileall
import contextlib
import gc
import importlib.util
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import is_hypothesis_test, settings

from .browser import browser  # noqa: F401  # a fixture
from .databases import journal, postgres, server  # noqa: F401  # fixtures

# How long an example takes depends on the machine and on what else it does; speed is measured in benchmarks/.
settings.register_profile("project", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "50")))
settings.load_profile("project")

# The types that users see are checked by `nox -s types`, which has the checkers.
collect_ignore = [] if importlib.util.find_spec("mypy") else ["typing"]

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C, and nohup a terminal
# that goes away: what a process does at either could then not be seen.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_MEMORY = Path("/dev/shm")  # noqa: S108  # pytest makes a folder of its own there
"""A file system in memory, as Linux has: what is written through to a disk is not waited for there."""

_ROOM = 2 << 30
"""Bytes that must be free in memory for the tests' files to go there."""

# A journal writes through at every step. That costs a disk milliseconds, which are what most tests with a journal would
# wait for; who ends a process, as the tests do, learns as much from memory. TMPDIR says to put them elsewhere.
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

_TURNS = 40
"""Turns of the event loop after which what stood still waits for a time-out."""

_PROCESSES = {"worker", "postgres", "php", "exim", "dovecot"}
"""Fixtures that start processes."""

_GROUPS = {
    "postgresql": re.compile(r"/test_journal_postgres\.py|\[postgresql\b"),
    "chaos": re.compile(r"/test_(journal_chaos|journal_restart|event_chaos|webhook_killed)\.py"),
    "runner": re.compile(r"/test_(runner_\w+|cli_workers|handbook_workers)\.py"),
}
"""Tests that stay in one process, by their names, those that begin first before: one PostgreSQL, and who kills."""

_ran = itertools.count(1)
"""How many tests have ended in this process."""

_LACKED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Let others run until a condition holds; a busy machine may take long over it."""

    async def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 250.0
        while not condition():
            assert time.monotonic() < deadline, "it never came to hold"
            await asyncio.sleep(0.001)

    return wait


@pytest.fixture(scope="session")
def turns() -> Callable[[], Awaitable[None]]:
    """Let everybody else in the event loop have turns enough to do whatever they would do without waiting."""

    async def give() -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    return give


@pytest.fixture(scope="session")
def reserve() -> Iterator[Callable[[], int]]:
    """Take a port of loopback that nobody else gets by chance.

    It is bound all the while, and not listened on: who connects to it is refused. A server that is told its number and
    asks for SO_REUSEADDR, as servers do, gets it.
    """
    with contextlib.ExitStack() as stack:

        def take() -> int:
            bound = stack.enter_context(socket.socket())
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", 0))
            port: int = bound.getsockname()[1]
            return port

        yield take


@pytest.fixture
async def pass_time() -> Callable[[float], None]:
    """Let seconds pass for whatever waits in the test's event loop: a time-out is seen without being waited for.

    Time-outs can then be so long that a busy machine keeps them wherever an answer does come.
    """
    loop = asyncio.get_running_loop()
    real = loop.time
    passed = 0.0

    def jump(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    loop.time = lambda: real() + passed  # type: ignore[method-assign]
    return jump


@pytest.fixture
async def hurry(pass_time: Callable[[float], None]) -> AsyncIterator[Callable[[Callable[[], object], float], None]]:
    """Let so many seconds pass, again and again, whenever what a test looks at has stood still for a while.

    A while is counted in turns of the event loop, not in seconds: with both sides in this process, nothing that would
    still come takes as many.
    """
    tasks: list[asyncio.Task[None]] = []

    def begin(look: Callable[[], object], seconds: float) -> None:
        async def watch() -> None:
            seen, still = look(), 0
            while True:
                await asyncio.sleep(0.0005)
                now = look()
                still = still + 1 if now == seen else 0
                seen = now
                if still == _TURNS:
                    pass_time(seconds)
                    still = 0

        tasks.append(asyncio.create_task(watch(), name="hurry"))

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def longest_gap() -> Callable[[Awaitable[object]], Awaitable[float]]:
    """Measure for how long some work keeps the event loop from its next turn.

    Counted is what this process computed between two turns. What others computed meanwhile is not the work's doing.
    """

    async def measure(work: Awaitable[object]) -> float:
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            last = time.process_time()
            while True:
                await asyncio.sleep(0)
                now = time.process_time()
                longest, last = max(longest, now - last), now

        ticking = asyncio.create_task(tick())
        try:
            await work
        finally:
            ticking.cancel()
            await asyncio.wait({ticking})
        return longest

    return measure


@pytest.fixture
def machine_lacks(request: pytest.FixtureRequest) -> Callable[[str], NoReturn]:
    """Skip the test because the machine lacks something, and have the closing summary say so."""

    def lack(what: str) -> NoReturn:
        request.config.stash.setdefault(_LACKED, Counter())[what] += 1
        pytest.skip(f"this machine lacks {what}")

    return lack


@pytest.fixture
def php(machine_lacks: Callable[[str], NoReturn]) -> str:
    """The PHP interpreter, with its SOAP extension."""
    found = shutil.which("php") or machine_lacks("PHP with its SOAP extension (Debian: php-cli php-soap)")
    modules = subprocess.run([found, "-m"], capture_output=True, text=True, timeout=280, check=False).stdout
    if "soap" not in modules.lower().split():
        machine_lacks("PHP's SOAP extension (Debian: php-soap)")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package, as installing it does.

    Every process that the tests start would else do so again where PYTHONDONTWRITEBYTECODE keeps it from being kept.
    """
    # Python before 3.14 makes an event loop for whoever asks where none runs, and nobody closes it.
    asyncio.set_event_loop(None)
    package = importlib.util.find_spec("allmysms_async")
    if package and not hasattr(config, "workerinput"):
        compileall.compile_dir(str(Path(str(package.origin)).parent), quiet=2)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow what starts processes, what draws its cases, and what keeps a journal."""
    needs = set(getattr(item, "fixturenames", ()))
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if parameters.get("journal") == "postgresql":
        needs.add("postgres")
    keeps = Path(__file__).with_name("journal") in item.path.parents
    if needs & _PROCESSES or keeps or is_hypothesis_test(getattr(item, "obj", None)):
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Have each of several processes begin elsewhere: what one of them has compiled is there for the others."""
    report = yield
    process = getattr(collector.config, "workerinput", None)
    if process and report.passed and collector.path == Path(__file__).parent:
        begin = len(report.result) * int(process["workerid"].removeprefix("gw")) // process["workercount"]
        report.result = report.result[begin:] + report.result[:begin]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Begin with the groups, each of which one process works off; the others compute meanwhile, in random order.

    What waits for processes of its own comes a fifth earlier than chance has it: none of it then begins at the end,
    where it would leave other processes idle.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.nodeid)  # one order in all processes, wherever they began
    yield
    last = len(_GROUPS)
    groups = list(_GROUPS)
    turns = {
        item: (groups.index(group), 0.0)
        if (group := _group_of(item.nodeid))
        else (last, place * 0.8 if item.get_closest_marker("slow") else place)
        for place, item in enumerate(items)
    }
    items.sort(key=turns.__getitem__)


def pytest_collection_finish() -> None:
    """Leave the tests themselves, a million objects, out of what is looked through for garbage from now on.

    What they make is looked through less often, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def pytest_runtest_logfinish() -> None:
    """Leave out what the tests have imported by then, too: some look for garbage themselves, all of it each time."""
    if next(_ran) in {50, 200, 800}:
        gc.collect()
        gc.freeze()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a process of several say of a test that passed only that it did, in one message of six.

    Those cost more than most tests. Who asks how long a test took to set up, or for a report in a file, is told it all.
    """
    option = session.config.option
    if not hasattr(session.config, "workerinput") or option.durations is not None or getattr(option, "xmlpath", None):
        return
    (worker,) = (each for each in session.config.pluginmanager.get_plugins() if hasattr(each, "sendevent"))
    tell = worker.sendevent

    def tell_less(name: str, **words: Any) -> None:
        if name in {"logstart", "logfinish"}:
            return
        if name == "testreport" and words["data"]["outcome"] == "passed" and not words["data"]["sections"]:
            if words["data"]["when"] != "call":
                return
            words["data"]["keywords"] = {}
        tell(name, **words)

    worker.sendevent = tell_less


def _group_of(name: str) -> str | None:
    """Return the group that a test belongs to, if any."""
    return next((group for group, names in _GROUPS.items() if names.search(name)), None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Give tests to the processes one by one in their order, and a group whole.

    xdist's own groups are part of a test's name, which pytest 9.2 does not let anybody change.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(nodeid) or nodeid

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            nodeid = self.registered_collections[node][item_index]
            name, work = self._split_scope(nodeid), self.assigned_work[node]
            work[name][nodeid] = True
            if all(work[name].values()):
                del work[name]  # xdist would count all that was ever done each time that it looks for what is not
            self._reschedule(node)

    return Groups(config, log)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter", config: pytest.Config) -> None:
    """List what the machine lacks and how many tests could not be run without it; say how to repeat a failure."""
    lacked = config.stash.get(_LACKED, Counter())
    if lacked:
        terminalreporter.section("NOT TESTED: what this machine lacks")
        for what, tests in sorted(lacked.items()):
            terminalreporter.line(f"{what}: {tests} tests were not run")
    seed = config.getoption("randomly_seed", None)
    if isinstance(seed, int) and (terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")):
        terminalreporter.section("ORDER: to run the tests in the same order again")
        terminalreporter.line(f"pytest --randomly-seed={seed}")
