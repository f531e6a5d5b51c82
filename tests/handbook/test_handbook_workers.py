"""The page on workers runs as it stands, on a PostgreSQL and against a sandbox."""

import pytest

from allmysms_async.cli.handbook import FOLDER
from allmysms_async.testing import SandboxHandle

from .run import Runner
from .test_handbook_examples import EXAMPLES, NEED_DATABASE


@pytest.fixture
def database(empty_database: str) -> str:
    """An empty PostgreSQL."""
    return empty_database


@pytest.mark.parametrize("name", sorted(NEED_DATABASE))
def test_examples_run_on_a_database(name: str, runner: Runner, allmysms_sandbox: SandboxHandle) -> None:
    """A campaign that is placed is sent by workers that are started as the page says, in a shell and in Python."""
    runner.run(FOLDER / f"{name}.md")
    assert runner.ran == EXAMPLES[name]
    texts = sorted(message["text"] for message in allmysms_sandbox.messages())
    assert texts == [
        "Bonjour Anne, votre commande est prête.",
        "Bonjour Anne. STOP au 36180",
        "Bonjour Zoé, votre commande est prête.",
        "Bonjour Zoé. STOP au 36180",
    ]
