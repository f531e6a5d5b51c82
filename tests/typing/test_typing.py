"""The types that a user's editor shows: both checkers, over a file of statements on them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("rest_api.py")
STRICT = {
    "strict": ["."],
    "include": ["."],
    "pythonVersion": "3.11",
    "enableTypeIgnoreComments": False,
    "reportUnnecessaryTypeIgnoreComment": True,
}
CHECKERS = {
    "mypy": ("mypy", "--strict", "--no-incremental", "--config-file=", str(FILE)),
    "pyright": ("pyright", "--pythonpath", sys.executable),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_agrees_on_every_method(checker: str, tmp_path: Path) -> None:
    """mypy and pyright infer each method's arguments and result, and refuse what is wrong."""
    command = [sys.executable, "-m", *CHECKERS[checker]]
    if checker == "pyright":
        (tmp_path / "pyrightconfig.json").write_text(json.dumps(STRICT))
        (tmp_path / FILE.name).write_bytes(FILE.read_bytes())
        command += ["--project", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
