"""Settings for every test, and what tests need of the machine."""

import asyncio
import importlib.util
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what else it does; speed is measured in benchmarks/.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# The types that users see are checked by `nox -s types`, which has the checkers.
collect_ignore = [] if importlib.util.find_spec("mypy") else ["typing"]

_LACKED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Let others run until a condition holds; a busy machine may take long over it."""

    async def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < deadline, "it never came to hold"
            await asyncio.sleep(0.001)

    return wait


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
    modules = subprocess.run([found, "-m"], capture_output=True, text=True, timeout=20, check=False).stdout
    if "soap" not in modules.lower().split():
        machine_lacks("PHP's SOAP extension (Debian: php-soap)")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List what the machine lacks, and how many tests could not be run without it."""
    lacked = config.stash.get(_LACKED, Counter())
    if lacked:
        terminalreporter.section("NOT TESTED: what this machine lacks")
        for what, tests in sorted(lacked.items()):
            terminalreporter.line(f"{what}: {tests} tests were not run")
