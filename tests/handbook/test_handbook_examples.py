"""Every example in the README, the handbook and docstrings runs as it stands, against a sandbox."""

import asyncio
import functools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sybil.document import PythonDocStringDocument

import allmysms_async
from allmysms_async import RestBackend
from allmysms_async.cli.handbook import FOLDER
from allmysms_async.sandbox import Sandbox
from allmysms_async.testing import SandboxHandle
from tests.journal.conftest import Hand, people

from .blocks import PAGES, README, blocks, name_of
from .run import DATABASE, LANGUAGES, Runner

PACKAGE = Path(allmysms_async.__file__).parent
EXAMPLES = Counter(block.page for block in blocks() if block.language in LANGUAGES)
NEED_DATABASE = {block.page for block in blocks() if DATABASE in block.text and block.language in LANGUAGES}
HERE = [name for name in map(name_of, PAGES) if name in EXAMPLES and name not in {"README", *NEED_DATABASE}]
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


async def lose_the_answers_of_two(sandbox: Sandbox, journal: str) -> None:
    """Send a campaign of 18 requests, of which nobody can tell what became of the last two."""
    hand = Hand(journal, sandbox, keyed=False)
    for recipient in people(18):
        claim = await hand.claimed([recipient])
        receipt = await hand.send(claim)
        await (hand.lose(claim) if claim.chunk.seq > 16 else hand.answered(claim, receipt))
    await hand.sink.close()
    await hand.backend.aclose()


@pytest.mark.parametrize("name", HERE)
def test_examples_of_the_handbook_run(name: str, runner: Runner) -> None:
    """Each Python block and each command of a page does what the page says."""
    if name == "explanation/unknown":
        asyncio.run(lose_the_answers_of_two(runner.sandbox, "soldes.db"))
    runner.run(FOLDER / f"{name}.md")
    assert runner.ran == EXAMPLES[name]


@pytest.mark.slow
@pytest.mark.usefixtures("redirected")
def test_examples_of_the_readme_run(runner: Runner) -> None:
    """The same for the README."""
    runner.run(README)
    assert runner.ran == EXAMPLES["README"] > 2


@pytest.mark.usefixtures("redirected")
@pytest.mark.parametrize("module", DOCSTRINGS, ids=[path.relative_to(PACKAGE).as_posix() for path in DOCSTRINGS])
def test_examples_of_docstrings_run(module: Path, runner: Runner) -> None:
    """The same for docstrings."""
    runner.run(module, PythonDocStringDocument)
    assert runner.ran
