"""Settings for every test, and what tests need of the machine."""

from collections import Counter
from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what else it does; speed is measured in benchmarks/.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

_LACKED = pytest.StashKey[Counter[str]]()


@pytest.fixture
def lacking(request: pytest.FixtureRequest) -> Callable[[str], NoReturn]:
    """Skip the test because the machine lacks something, and have the closing summary say so."""

    def lack(what: str) -> NoReturn:
        request.config.stash.setdefault(_LACKED, Counter())[what] += 1
        pytest.skip(f"this machine lacks {what}")

    return lack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List what the machine lacks, and how many tests could not be run without it."""
    lacked = config.stash.get(_LACKED, Counter())
    if lacked:
        terminalreporter.section("NOT TESTED: what this machine lacks")
        for what, tests in sorted(lacked.items()):
            terminalreporter.line(f"{what}: {tests} tests were not run")
