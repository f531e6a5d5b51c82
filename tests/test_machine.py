"""What the machine lacks is said at the end of a run, never passed over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_closing_summary_says_what_could_not_be_tested(tmp_path: Path) -> None:
    """Where PHP is missing, its tests are not run, and the last lines say so and how many."""
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "tests/protocols/soap/test_soap_php.py"]
    ended = subprocess.run(
        [*command, "-k", "campaign or faults"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    summary = ended.stdout.partition("NOT TESTED: what this machine lacks")[2]
    assert "PHP with its SOAP extension (Debian: php-cli php-soap): 6 tests were not run" in summary, ended.stdout
    assert ended.returncode == 0
