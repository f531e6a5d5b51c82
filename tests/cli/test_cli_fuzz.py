"""Whatever the words and the environment hold, a command ends with a sentence and a documented exit code."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allmysms_async import RetryPolicy
from allmysms_async.cli import login as login_module
from allmysms_async.cli import main

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NOBODY = "http://127.0.0.1:9"

ODD_TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "-",
            "--",
            ".",
            "..",
            "/",
            "/dev/null",
            "/dev/full",
            "/proc/self/mem",
            "clients.csv",
            "clients.csv/x",
            "missing/x.csv",
            "journal.db",
            "sqlite:///journal.db",
            "sqlite:///",
            "sqlite://",
            "postgresql://127.0.0.1:1/x",
            "postgresql://127.0.0.1:99999/x",
            "postgresql://[::1",
            "mysql://127.0.0.1/x",
            "file:journal.db",
            ":memory:",
            "x" * 300,
            "x/" * 3000,
            "x" * 100_000,
            "\0",
            "a\0b",
            "\udcff",
            "\ud800",
            "a\udce9.csv",
            "\x1b[2J",
            "\u202e",
            "1" * 30,
            "9" * 5000,
            "-1",
            "0",
            "1",
            "2",
            "nan",
            "inf",
            "1e999999",
            "1e-999999",
            "sNaN",
            "²",
            "٣",
            "1_000",
            "0x10",
            "#param_1#",
            "#param_2#",
            "#param_99999999999999999999#",
            "#param_²#",
            "0612345678",
            "mobile",
            "9999-12-31T23:59:59.999999",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+14:00",
            "2027-03-28T02:30",
            "2500-01-01",
            "20270302T100000Z",
            "2027-W10-1",
        ]
    ),
    st.text(st.characters(exclude_categories=()), max_size=12),
)
ENCODINGS = st.sampled_from([
    "base64", "base64_codec", "bz2", "hex", "quopri", "rot13", "rot_13", "uu", "zlib", "idna", "punycode",
    "undefined", "unicode_escape", "raw_unicode_escape", "utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8",
    "utf_8_sig", "latin-1", "cp1252", "ascii", "cp037", "mbcs", "oem", "charmap", "aliases", "__init__", "big5",
    "hz", "iso2022_jp", "klingon", "utf-8\0", "\udcff", "é",
])  # fmt: skip
RUN = {
    "--text": ODD_TEXTS,
    "--phone": ODD_TEXTS,
    "--param": ODD_TEXTS,
    "--sender": ODD_TEXTS,
    "--name": ODD_TEXTS,
    "--purpose": st.sampled_from(["marketing", "otp", "", "\udcff"]),
    "--at": ODD_TEXTS,
    "--journal": ODD_TEXTS,
    "--chunk-size": ODD_TEXTS,
    "--concurrency": ODD_TEXTS,
    "--max-cost": ODD_TEXTS,
    "--max-parts": ODD_TEXTS,
    "--max-failure-rate": ODD_TEXTS,
    "--separator": ODD_TEXTS,
    "--encoding": ENCODINGS | ODD_TEXTS,
    "--outcomes": ODD_TEXTS,
}
_LOOKED_AT = ("--text", "--phone", "--param", "--sender", "--name", "--at", "--journal", "--chunk-size", "--separator")
PREVIEW = {name: RUN[name] for name in _LOOKED_AT} | {"--html": ODD_TEXTS}
USUAL = {
    "--text": "Bonjour #param_1#",
    "--phone": "mobile",
    "--param": "nom",
    "--purpose": "marketing",
    "--quiet-hours": "ignore",
}
ENVIRONMENT = {
    "ALLMYSMS_LOGIN": ODD_TEXTS,
    "ALLMYSMS_API_KEY": ODD_TEXTS,
    "ALLMYSMS_BASE_URL": st.sampled_from(
        [
            "",
            "x",
            "127.0.0.1",
            "http://",
            "http://[::1",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:x",
            "http://127.0.0.1:9/\x1b[2J",
            "http://127.0.0.1:9/a b",
            "http://127.0.0.1:9/\udcff",
            "http://127.0.0.1:9/é",
            "http://127.0.0.1:9?x",
            "http://x@127.0.0.1:9",
            "http://127.0.0.1:9/" + "x" * 100_000,
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "HTTP://127.0.0.1:9",
            "http://" + "1" * 300,
            "http://\u2048",
            "http://127.0.0.1:\u0663",
        ]
    ),
    "ALLMYSMS_JOURNAL": ODD_TEXTS,
    "ALLMYSMS_DEBUG": ODD_TEXTS,
    "COLUMNS": ODD_TEXTS,
    "LINES": ODD_TEXTS,
    "TERM": ODD_TEXTS,
    "FORCE_COLOR": ODD_TEXTS,
    "NO_COLOR": ODD_TEXTS,
    "TTY_COMPATIBLE": ODD_TEXTS,
    "TTY_INTERACTIVE": ODD_TEXTS,
    "COLORTERM": ODD_TEXTS,
}


SURROUNDINGS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just(dict[str, str]()),
    st.one_of(st.tuples(st.just(name), values) for name, values in ENVIRONMENT.items()).map(lambda pair: dict([pair])),
    st.fixed_dictionaries({}, optional=ENVIRONMENT),
)


def options(strategies: dict[str, st.SearchStrategy[str]], usual: dict[str, str]) -> st.SearchStrategy[list[str]]:
    """Draw odd values for some options; the others have their usual ones, or lack."""
    odd = st.fixed_dictionaries({}, optional=strategies)
    return odd.map(lambda drawn: [word for pair in (usual | drawn).items() for word in pair])


COMMANDS: st.SearchStrategy[list[str]] = st.one_of(
    st.tuples(st.just("clients.csv") | ODD_TEXTS, st.one_of(
        st.tuples(st.just(name), values) for name, values in RUN.items()
    )).map(lambda drawn: ["campaign", "run", drawn[0], *(word for pair in (USUAL | dict([drawn[1]])).items()
           for word in pair)]),
    options(RUN, USUAL).map(lambda more: ["campaign", "run", "clients.csv", *more]),
    options(PREVIEW, USUAL).map(lambda more: ["preview", "clients.csv", *more]),
    st.tuples(
        st.lists(ODD_TEXTS, max_size=2),
        options({"--sender": ODD_TEXTS, "--purpose": ODD_TEXTS, "--idempotency-key": ODD_TEXTS}, {}),
        ODD_TEXTS,
    ).map(lambda drawn: ["send", *(word for to in drawn[0] for word in ("--to", to)), *drawn[1], drawn[2]]),
    st.tuples(
        st.sampled_from(["status", "resume", "report", "list"]),
        st.just("journal.db") | ODD_TEXTS,
        options({"--name": ODD_TEXTS, "--csv": ODD_TEXTS, "--html": ODD_TEXTS, "--max-cost": ODD_TEXTS}, {}),
        st.sampled_from([[], ["--json"]]),
    ).map(lambda drawn: ["campaign", drawn[0], drawn[1], *drawn[2], *drawn[3]]),
    st.tuples(st.just("journal.db") | ODD_TEXTS, st.sampled_from(["--resend", "--mark-sent"]), ODD_TEXTS).map(
        lambda drawn: ["campaign", "resolve", *drawn]
    ),
    ODD_TEXTS.map(lambda port: ["sandbox", "--smtp-port", "70000", "--http-port", port]),
    ODD_TEXTS.map(lambda protocol: ["demo", "--protocol", f"x{protocol}"]),
    st.lists(ODD_TEXTS, max_size=3),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of clients, and one attempt at a server that is not there."""
    monkeypatch.chdir(tmp_path)
    for name in ("CAMPAIGN_POLICY", "SEND_POLICY"):
        monkeypatch.setattr(login_module, name, RetryPolicy(attempts=1, deadline=5.0))
    with surroundings(tmp_path, {}, b"") as (_, err):
        usual = [word for pair in USUAL.items() for word in pair] + ["--include-opt-outs", "--journal", "kept"]
        assert main(["campaign", "run", "clients.csv", *usual]) == 1, err.getvalue()
    KEPT[:] = [(tmp_path / "kept").read_bytes()]
    return tmp_path


KEPT: list[bytes] = []
"""The journal of a campaign that failed for everybody."""


@contextlib.contextmanager
def surroundings(folder: Path, environment: dict[str, str], stdin: bytes) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """A fresh folder, an environment and streams for one command."""
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    (folder / "clients.csv").write_text("mobile;nom\n0612345678;Zoé\n", encoding="utf-8")
    for journal in KEPT:
        (folder / "journal.db").write_bytes(journal)
    account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": NOBODY}
    can = {name: value for name, value in environment.items() if fits(value)}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, account | can),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        yield out, err


def fits(value: str) -> bool:
    """Whether an environment can hold a value at all."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("FUZZ", "150")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    command=COMMANDS,
    environment=SURROUNDINGS,
    stdin=st.sampled_from([b"", b"Bonjour", b"\xff", b"\0"]) | st.binary(max_size=9),
)
@example(
    command=["campaign", "status", "--", "--name", ""], environment={}, stdin=b""
)  # an "unexpected extra argument"
def test_odd_words_and_surroundings_end_in_a_sentence(
    folder: Path, command: list[str], environment: dict[str, str], stdin: bytes
) -> None:
    """No word and no variable ends a command with a defect, a traceback, or without a sentence that says what to do."""
    with surroundings(folder, environment, stdin) as (out, err):
        code = main(command)
    told = err.getvalue()
    assert code in {0, 1, 2, 3, 4}, told
    assert "Traceback" not in told
    assert "Report it as a defect" not in " ".join(told.split())
    shown = told + out.getvalue()
    if {"FORCE_COLOR", "TTY_COMPATIBLE"} & environment.keys():
        shown = COLOURS.sub("", shown)
    assert not set("\x1b\x07\u202e\x00") & set(shown)
    assert code == 0 or out.getvalue() or told.strip()
    if code in {2, 4}:
        last = told.rstrip().splitlines()[-1]
        assert last.endswith((".", "?", "!", "exit.", "...")), last
