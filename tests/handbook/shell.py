"""Blocks of ``sh``: what they have the command line do is done; whatever else they say is listed, with its reason."""

import asyncio
import os
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from allmysms_async.cli import main
from tests.process import Forked, nursery

COMMAND = Path(__file__).with_name("command.py")

NOT_RUN = {
    "python3 -m venv .venv": "it takes seconds, and what is tested runs in such an environment",
    ".venv/bin/pip install -q .[cli]": "it needs a registry; nox and CI install the same wheel with its extras",
    ".venv/bin/pip install -q nox": "it needs a registry, and CI does it",
    ".venv/bin/nox -s tests": "it runs these tests, and CI runs it word for word",
    ".venv/bin/pip install allmysms_async[cli]": "it needs a registry; nox and CI install the same wheel",
    "pip install allmysms_async[cli,runner]": "it needs a registry; nox and CI install the same wheel",
    "source .venv/bin/activate": "there is no environment to activate, see above",
}
"""Commands that no test runs, each with the reason."""

_STAY = {"sandbox": signal.SIGINT, "worker": signal.SIGTERM}
"""Commands that go on until somebody ends them, by what ends them."""

_ELSEWHERE = {"sandbox": ("--http-port", "0", "--smtp-port", "0")}
"""Words that have a command listen where nobody else does."""


_CODE = re.compile(r"#.*\bexit code (\d+)$")


def commands(block: str) -> list[tuple[list[str], int]]:
    """Return the commands of a block, in words, and what each ends with."""
    found: list[tuple[list[str], int]] = []
    for line in re.sub(r"\\\n *", "", block).splitlines():
        words, said = shlex.split(line, comments=True), _CODE.search(line)
        while "&&" in words:
            found.append((words[: words.index("&&")], 0))
            words = words[words.index("&&") + 1 :]
        found.append((words, int(said[1]) if said else 0))
    return [each for each in found if each[0]]


def is_ours(words: list[str]) -> bool:
    """Tell whether a command is run here: the command line, or a variable that is set for it."""
    return words[0] == "export" or Path(words[0]).name == "allmysms"


class Shell:
    """Runs the commands of blocks, with what they export.

    Args:
        loop: Where processes are waited for.
        monkeypatch: Sets variables, until the test ends.
        now: Tells the time that commands are told, as a POSIX timestamp.
    """

    def __init__(self, loop: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, now: Callable[[], float]) -> None:
        self._loop = loop
        self._monkeypatch = monkeypatch
        self._now = now

    def run(self, block: str) -> None:
        """Run a block; what would go on for ever is ended at its end."""
        __tracebackhide__ = True
        staying: list[tuple[Forked, signal.Signals]] = []
        try:
            for words, code in commands(block):
                if words[0] == "export":
                    for each in words[1:]:
                        self._monkeypatch.setenv(*each.split("=", 1))
                elif not is_ours(words):
                    assert " ".join(words) in NOT_RUN, words
                elif (name := words[1]) in _STAY:
                    task = {"words": [*words[1:], *_ELSEWHERE.get(name, ())], "now": self._now()}
                    forking = nursery().fork_with_streams(COMMAND, task, dict(os.environ))
                    staying.append((self._loop.run(forking), _STAY[name]))
                    if name == "sandbox":
                        said = self._loop.run(staying[-1][0].stdout.readline())
                        assert b"listening on http://127.0.0.1:" in said
                else:
                    assert main(words[1:]) == code, words
        finally:
            for process, number in staying:
                process.send_signal(number)
        for process, _ in staying:
            out, err = self._loop.run(process.communicate())
            assert process.returncode == 0, (out + err).decode()
