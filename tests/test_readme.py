"""The README is short and tells the truth: its links lead somewhere, its test command is what CI runs."""

import pathlib
import re
import subprocess
import sys

import pytest

from allmysms_async.cli.handbook import FOLDER, pages
from tests.cases import each

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[^)]+)?\)")


def section(heading: str) -> str:
    """Return what stands under a heading."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found
    return found[1]


@pytest.mark.slow
def test_sandbox_example_runs(tmp_path: pathlib.Path) -> None:
    """The example that needs nothing else runs as it stands, and shows one text."""
    page = (FOLDER / "recipes" / "testing.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^<!-- example: sandbox -->\n```python\n(.*?)^```$", page, re.M | re.S)
    command = [sys.executable, "-c", example]
    # Elsewhere than in the repository, so that what is installed is what runs.
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert (ended.returncode, ended.stdout) == (0, "Votre code est 4821\n"), ended.stderr


def test_ci_runs_the_readme_command() -> None:
    """What a reader is told to run is what is checked, word for word."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    finder = re.search(r"<<'PY'\n(.*?)^PY$", script, re.M | re.S)
    assert finder
    found = subprocess.run(
        [sys.executable, "-P", "-c", finder[1]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [found.stdout] == re.findall(r"```sh\n(.*?)```", section("Test it"), re.S)
    assert 'bash -c "$command"' in script


def test_readme_is_short() -> None:
    """The README says what, how to try it, and where more is: the handbook has the rest."""
    assert len(README.splitlines()) < 200


@each("page", [None, *(page.name for page in pages())])
def test_links_lead_somewhere(page: str | None) -> None:
    """Each link between the README and the pages leads to a file that is there."""
    path = ROOT / "README.md" if page is None else FOLDER / f"{page}.md"
    # The pages that were installed stand for those beside the README.
    here = ROOT if page is None else path.parent
    for target, _ in LINK.findall(path.read_text(encoding="utf-8")):
        found = FOLDER / target.removeprefix("allmysms_async/handbook/") if page is None else here / target
        assert found.exists(), f"{page or 'README'}: {target}"
