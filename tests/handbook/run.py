"""Examples of pages and docstrings, found by Sybil and run against a sandbox."""

import ast
import asyncio
import inspect
import os
import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import pytest
from sybil import Document, Example, Region
from sybil.parsers import markdown, rest

from allmysms_async.cli import main
from allmysms_async.clock import SystemClock
from allmysms_async.testing import SandboxHandle
from allmysms_async.testing.server import Server
from allmysms_async.testing.setting import setting_of

from .shell import Shell

SANDBOX = "http://127.0.0.1:8026"
"""Where the pages have a sandbox listen; the tests' own listens elsewhere."""

DATABASE = "postgresql://sms@db.internal/sms"
"""Where the pages have PostgreSQL listen; likewise."""

LANGUAGES = ("python", "console", "sh", "text")
"""Languages of blocks that are run, or kept as a file."""

_CODE = re.compile(r" {2,}# exit code (\d+)$")
_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Runner:
    """Runs the examples of one page, in order, in one namespace and one event loop.

    Args:
        server: The gateway.
        sandbox: What the test sees of it.
        capture: Returns what was printed since it was asked last.
        monkeypatch: Undoes what the examples change.
        database: The address of an empty PostgreSQL, where the page needs one.

    Attributes:
        ran: How many were run.
        sandbox: The gateway.
    """

    def __init__(
        self,
        server: Server,
        sandbox: SandboxHandle,
        capture: Callable[[], tuple[str, str]],
        monkeypatch: pytest.MonkeyPatch,
        database: str | None = None,
    ) -> None:
        self.ran = 0
        self.sandbox = server.sandbox
        self._server = server
        self._sandbox = sandbox
        self._capture = capture
        self._database = database
        self._loop = asyncio.Runner()
        self._shell = Shell(self._loop, monkeypatch, lambda: SystemClock().now().timestamp())

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def run(self, path: Path, kind: type[Document] = Document) -> None:
        """Run a file's examples."""
        document = kind.parse(str(path), *self._parsers(kind))
        document.namespace["__name__"] = "example"
        for example in document.examples():
            self.ran += 1
            # A reader takes longer from one to the next than the gateway takes two of the same for one.
            self._sandbox.advance(60)
            example.evaluate()

    def _parsers(self, kind: type[Document]) -> Sequence[Callable[[Document], Iterable[Region]]]:
        if kind is not Document:
            return [rest.CodeBlockParser("python", self._python)]
        runs = (self._python, self._console, self._commands, self._file)
        return [markdown.CodeBlockParser(*each) for each in zip(LANGUAGES, runs, strict=True)]

    # -- Python -------------------------------------------------------------------------------------------------------

    def _python(self, example: Example) -> None:
        """Run a block; tests that it defines are run, too, each with a gateway that has seen nothing."""
        __tracebackhide__ = True
        namespace = example.namespace
        # Line numbers are the page's.
        source = "\n" * (example.line + example.parsed.line_offset) + self._here(str(example.parsed))
        code = compile(source, example.path, "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)
        before = set(namespace)
        awaited = eval(code, namespace)  # noqa: S307  # the handbook's own
        if inspect.iscoroutine(awaited):
            self._loop.run(awaited)
        for name in [each for each in namespace if each.startswith("test_") and each not in before]:
            self._test(namespace[name])

    def _test(self, function: Callable[..., Awaitable[None] | None]) -> None:
        __tracebackhide__ = True
        sandbox = SandboxHandle(self._server)
        sandbox.begin(setting_of(mark.kwargs | {"": mark.args} for mark in getattr(function, "pytestmark", ())))
        service = sandbox.service()
        there = {"allmysms_sandbox": sandbox, "allmysms_service": service, "client": _Client(sandbox)}
        ended = function(**{name: there[name] for name in inspect.signature(function).parameters})
        if inspect.iscoroutine(ended):
            self._loop.run(ended)
        assert not sandbox.verdict()
        self._loop.run(service.aclose())
        sandbox.end()
        sandbox.faults([])

    # -- the command line ---------------------------------------------------------------------------------------------

    def _console(self, example: Example) -> None:
        """Run the commands of a block; what is shown after one, it has printed, and its exit code is as said."""
        __tracebackhide__ = True
        shown_here = re.sub(r"\\\n *", "", self._here(str(example.parsed)))
        for block in re.split(r"^\$ ", shown_here, flags=re.M)[1:]:
            line, _, shown = block.partition("\n")
            said = _CODE.search(line)
            words = shlex.split(line[: said.start()] if said else line, comments=True)
            assert words[0] == "allmysms", line
            self._capture()
            code = main(words[1:])
            out, err = self._capture()
            assert code == int(said[1] if said else 0), f"{line}: exit code {code}\n{out}{err}"
            # Columns are as wide as what is in them, and a port may have four figures or five.
            printed = re.sub(" +", " ", out)
            for each in filter(None, re.sub(" +", " ", shown).splitlines()):
                wanted = ".*".join(map(re.escape, each.split("…")))
                assert re.search(wanted, printed), f"{line}\n{each!r} is not in\n{out}"

    def _commands(self, example: Example) -> None:
        """Run what a shell would."""
        __tracebackhide__ = True
        self._shell.run(self._here(str(example.parsed)))

    def _file(self, example: Example) -> None:
        """Keep a list that a page shows as the file that it speaks of."""
        Path("clients.csv").write_text(str(example.parsed), encoding="utf-8")

    def _here(self, text: str) -> str:
        assert self._database or DATABASE not in text
        return text.replace(SANDBOX, self._sandbox.http_url).replace(DATABASE, self._database or "")


class _Client:
    """An application, as its tests have it: a login sends a code."""

    def __init__(self, sandbox: SandboxHandle) -> None:
        self._sandbox = sandbox

    async def post(self, path: str, *, json: dict[str, str]) -> None:
        async with self._sandbox.service() as sms:
            await sms.send("Votre code est 4821", to=json["phone"])


def prepare(folder: Path, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder, an environment and backends that lead to the sandbox."""
    monkeypatch.chdir(folder)
    for name in [each for each in os.environ if each.startswith("ALLMYSMS_")]:
        monkeypatch.delenv(name)
    for name, value in (sandbox.environment | {"ALLMYSMS_WEBHOOK_TOKEN": "a-token-that-nobody-can-guess"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    monkeypatch.setenv("COLUMNS", "120")
    Path("clients.csv").write_text("prenom;mobile\nAnne;06 12 34 56 78\nZoé;+33 6 12 34 56 79\n", encoding="utf-8")
