"""The README tells the truth: its tables are those of the code, its example runs, its test command is what CI runs."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

from allmysms_async import EnvoyerSmsProBackend, Mail2SmsBackend, MmsBackend, RestBackend, SoapBackend
from allmysms_async.backend import CAPABILITIES, Backend
from allmysms_async.model import Reason

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BACKENDS: dict[str, Backend] = {
    "rest": RestBackend("demo", "key"),
    "soap": SoapBackend("demo", "pass"),
    "mail2sms": Mail2SmsBackend("demo", "key", mail_from="sms@shop.example", hostname="smtp.shop.example"),
    "mms": MmsBackend("demo", "key"),
    "envoyersmspro": EnvoyerSmsProBackend("demo", "key"),
}
NOT_YET = {Reason.QUIET_HOURS}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def section(heading: str) -> str:
    """Return what stands under a heading."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found
    return found[1]


def test_capabilities_are_those_of_the_backends() -> None:
    """What an error says of who can do something is what the backends can do."""
    for capability, (_, names) in CAPABILITIES.items():
        assert tuple(name for name, backend in BACKENDS.items() if isinstance(backend, capability)) == names


def test_matrix_is_that_of_the_backends() -> None:
    """The table of backends and capabilities is the code's own."""
    table = [f"| | {' | '.join(BACKENDS)} |", "|---" * (len(BACKENDS) + 1) + "|"]
    for capability, (words, _) in CAPABILITIES.items():
        cells = ["yes" if isinstance(backend, capability) else "-" for backend in BACKENDS.values()]
        table.append(f"| {words} | {' | '.join(cells)} |")
    assert "\n".join(table) in section("Protocols")


def test_reasons_are_the_vocabulary() -> None:
    """Every reason that a row can be rejected for is listed, and no other."""
    listed = re.search(r"Reasons of rejected rows, one vocabulary: (.*?)\.\n", README, re.S)
    assert listed
    assert set(re.findall(r"`(\w+)`", listed[1])) == {reason.value for reason in Reason if reason not in NOT_YET}


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_example_is_python(number: int) -> None:
    """Every example can be read by Python."""
    compile(blocks("python")[number], "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.slow
def test_sandbox_example_runs(tmp_path: pathlib.Path) -> None:
    """The example that needs nothing else runs as it stands, and shows one text."""
    (example,) = [block for block in blocks("python") if "asyncio.run" in block]
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
