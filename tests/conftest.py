"""Settings for every test, and what was not run, told at the end."""

from collections import Counter

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what else it does; speed is measured in benchmarks/.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what this machine lacks: no test is left out without a word."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section("not run on this machine", yellow=True)
        for reason, count in reasons.items():
            terminalreporter.line(f"{count} tests: {reason}")
