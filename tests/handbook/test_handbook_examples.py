"""Every example in the README, the handbook and docstrings runs as it stands, against a sandbox."""

import functools
import re
from pathlib import Path
from typing import Any

import pytest
from sybil.document import PythonDocStringDocument

import allmysms_async
from allmysms_async import RestBackend
from allmysms_async.cli.handbook import FOLDER
from allmysms_async.testing import SandboxHandle

from .run import Runner

README = Path(__file__).parents[2] / "README.md"
PACKAGE = Path(allmysms_async.__file__).parent
PAGES = [
    path
    for path in sorted(FOLDER.rglob("*.md"))
    if re.search(r"^```(python|console|text)$", path.read_text("utf-8"), re.M)
]
DOCSTRINGS = [path for path in sorted(PACKAGE.rglob("*.py")) if ".. code-block:: python" in path.read_text("utf-8")]


@pytest.fixture
def redirected(allmysms_sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an example that shows a key as "…" reach the sandbox, with the sandbox's key."""
    real = RestBackend

    @functools.wraps(real)
    def backend(login: str, api_key: str, **options: Any) -> RestBackend:
        key = allmysms_sandbox.api_key if api_key == "…" else api_key
        return real(login, key, **{"base_url": allmysms_sandbox.http_url} | options)

    monkeypatch.setattr(allmysms_async, "RestBackend", backend)


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(FOLDER).with_suffix("").as_posix() for path in PAGES])
def test_examples_of_the_handbook_run(page: Path, runner: Runner) -> None:
    """Each Python block and each command of a page does what the page says."""
    runner.run(page)
    assert runner.ran


@pytest.mark.usefixtures("redirected")
def test_examples_of_the_readme_run(runner: Runner) -> None:
    """The same for the README."""
    runner.run(README)
    assert runner.ran > 2


@pytest.mark.usefixtures("redirected")
@pytest.mark.parametrize("module", DOCSTRINGS, ids=[path.relative_to(PACKAGE).as_posix() for path in DOCSTRINGS])
def test_examples_of_docstrings_run(module: Path, runner: Runner) -> None:
    """The same for docstrings."""
    runner.run(module, PythonDocStringDocument)
    assert runner.ran
