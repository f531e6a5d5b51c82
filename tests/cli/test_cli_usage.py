"""What is wrong with a command is one sentence, and exit code 2."""

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from allmysms_async import RetryPolicy
from allmysms_async.cli import login as login_module
from allmysms_async.cli import main

FILE = "clients.csv"
GIVEN = {
    "--text": "Bonjour #param_1#",
    "--phone": "mobile",
    "--param": "nom",
    "--purpose": "marketing",
    "--quiet-hours": "ignore",
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nobody_listens: str) -> Path:
    """An account, a server that is not there, one attempt at it, and a file of clients in the current folder."""
    monkeypatch.setenv("ALLMYSMS_LOGIN", "demo")
    monkeypatch.setenv("ALLMYSMS_API_KEY", "demo-key")
    monkeypatch.setenv("ALLMYSMS_BASE_URL", nobody_listens)
    monkeypatch.setattr(login_module, "CAMPAIGN_POLICY", RetryPolicy(attempts=1))
    monkeypatch.setattr(login_module, "SEND_POLICY", RetryPolicy(attempts=1))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / FILE
    path.write_text("mobile;nom\n0612345678;Zoé\n")
    return path


def campaign(*more: str, file: str = FILE, **changes: str | None) -> list[str]:
    """Return the words of a campaign that asks the gateway for nothing, some options changed or left out."""
    given = GIVEN | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    pairs = [word for option, value in given.items() if value is not None for word in (option, value)]
    return ["campaign", "run", file, *pairs, "--include-opt-outs", *more]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (campaign(purpose=None), "Missing option '--purpose'"),
        (campaign(purpose="fun"), "'fun' is not one of"),
        (campaign(phone=None), "Missing option '--phone'"),
        (campaign(phone="tel"), "the column 'tel' is not there. Columns: 'mobile', 'nom'."),
        (campaign(phone="0"), "columns are counted from 1"),
        (campaign(param=None), "uses #param_1#, but there are only 0 --param columns"),
        (campaign(text="#param_2#"), "#param_1# is missing"),
        (campaign(text=" "), "text is empty"),
        (campaign(text="a" * 1300), "1300 units"),
        (campaign(file="missing.csv"), "missing.csv cannot be read: No such file"),
        (campaign(file="empty.csv"), "empty.csv is empty"),
        (campaign(file="names.csv"), "held no row"),
        (campaign(file="."), ". cannot be read: Is a directory"),
        (campaign(sender="1A"), "The sender '1A'"),
        (campaign(at="2020-01-01T10:00"), "is in the past"),
        (campaign(at="tomorrow"), "'tomorrow' is not a date and time"),
        (campaign(separator="#"), "separator '#'"),
        (campaign(sheet="Clients"), "clients.csv is no spreadsheet's own file"),
        (campaign(sheet=""), "It is empty"),
        (campaign(default_country="XX"), "'XX': --default-country takes"),
        (campaign(file="torn.csv"), "line 2: a quoted cell goes on over lines"),
        (campaign(file="doubtful.csv"), "Say --encoding to decide"),
        (["campaign", "check", FILE, "--text", "#param_1#", "--phone", "mobile"], "only 0 --param columns"),
        (["campaign", "check", FILE, "--text", " ", "--phone", "mobile"], "text is empty"),
        (["campaign", "check", "missing.csv", "--text", "a", "--phone", "mobile"], "cannot be read: No such file"),
        (campaign(encoding="klingon"), "encoding 'klingon' is not known"),
        (campaign(chunk_size="0"), "--chunk-size"),
        (campaign(chunk_size="5000"), "chunk_size is 5000"),
        (campaign(concurrency="0"), "--concurrency"),
        (campaign(name="a\tb"), "printable characters"),
        (campaign(outcomes=FILE), "file of recipients itself"),
        (campaign(outcomes="nowhere/outcomes.csv"), "cannot be written: No such file"),
        (campaign("--api-key", "x"), "No such option"),
        *((campaign(encoding=name), f"The encoding {name!r} is not known, or not one of files") for name in (
            "base64", "rot13", "punycode", "idna", "undefined", "unicode_escape", "zlib", "hex", "uu", "a\0b", "\udcff"
        )),
        (campaign(encoding="utf-16", file="unmarked.csv"), "--encoding utf-16-le or --encoding utf-16-be"),
        (campaign(file="x" * 300), "File name too long"),
        (campaign(file="a\0b"), "is no name of a file"),
        (campaign(file=""), "The name of a file is empty"),
        (campaign(file="\ud800"), "is no name of a file"),
        (campaign(outcomes="x" * 300), "cannot be written: File name too long"),
        (campaign(outcomes="a\0b"), "is no name of a file"),
        (campaign(journal="a\0b"), "No journal can have this name"),
        (campaign(journal=""), "needs a path or a URL"),
        (campaign(at="9999-12-31T23:59:59.999999"), "more than 10 years from now"),
        (campaign(at="9999-12-31T23:59:59-23:59"), "is not a date and time"),
        (campaign(at="0001-01-01T00:00:00+14:00"), "is not a date and time"),
        (campaign(at=""), "is not a date and time"),
        (campaign(phone="9" * 5000), "columns"),
        (campaign(max_cost="1e999999"), "is not an amount of euros"),
        (campaign(max_cost="sNaN"), "is not an amount of euros"),
        (campaign(max_failure_rate="nan"), "It is no number"),
        (campaign(text="\udcff"), "U+DCFF"),
        (campaign(text="a\0b"), "U+0"),
        (["send", "--to", "0612345678", "--idempotency-key", "", "Bonjour"], "It is empty"),
        (["send", "--to", "9" * 5000, "Bonjour"], "Recipient 1"),
        (["send", "--to", "0612345678", "x" * 100_000], "100000 units"),
        (["campaign", "resolve", "x.db", "--resend", "9" * 5000], "is not a valid integer"),
        (["send", "Bonjour"], "Missing option '--to'"),
        (["send", "--to", "0123456789", "Bonjour"], "A land line receives no SMS"),
        (["send", "--to", "0612345678", ""], "text is empty"),
        (["send", "--to", "0612345678", "--sender", "é", "Bonjour"], "The sender 'é'"),
        (["sandbox", "--http-port", "70000"], "--http-port"),
        (["frobnicate"], "No such command 'frobnicate'"),
        ([], "Usage: allmysms"),
    ],
)  # fmt: skip
def test_bad_usage_is_one_sentence_and_exit_2(
    account: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad usage is explained in one sentence on standard error, exits 2, and leaves standard output empty."""
    account.with_name("empty.csv").touch()
    account.with_name("torn.csv").write_text('mobile;nom\n0612345601;"Ana\n0612345602;Bob\n0612345603;Max"\n')
    account.with_name("doubtful.csv").write_bytes(b"mobile;nom\n0612345601;a\x81\x8d\x8fb\n")
    account.with_name("names.csv").write_text("mobile;nom\n")
    account.with_name("unmarked.csv").write_bytes("mobile;nom\n0612345678;Zoé\n".encode("utf-16-le"))
    before = account.read_bytes()
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert expected in err
    assert out == ""
    assert "demo-key" not in err
    assert not words or err.count("\n") == 1
    assert not words or err.endswith(".\n")
    assert len(err) < 3000
    assert account.read_bytes() == before


@pytest.mark.parametrize("missing", ["ALLMYSMS_LOGIN", "ALLMYSMS_API_KEY"])
@pytest.mark.usefixtures("account")
def test_missing_account_names_the_environment(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal to ask at, a missing login or key names the variables to set and exits 2."""
    monkeypatch.delenv(missing)
    assert main(campaign()) == 2
    err = capsys.readouterr().err
    assert "ALLMYSMS_LOGIN" in err
    assert "ALLMYSMS_API_KEY" in err


@pytest.mark.usefixtures("account")
def test_prompt_asks_for_the_key_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At a terminal a missing key is asked for, hidden."""
    monkeypatch.delenv("ALLMYSMS_API_KEY")
    monkeypatch.setattr("allmysms_async.cli.screen.stdin_is_terminal", lambda: True)
    asked: list[str] = []

    def type_in(prompt: str) -> str:
        asked.append(prompt)
        return "typed-key"

    monkeypatch.setattr("click.termui.hidden_prompt_func", type_in)
    assert main(["send", "--to", "0612345678", "Bonjour"]) == 1
    out, err = capsys.readouterr()
    assert len(asked) == 1
    assert "typed-key" not in out + err


@pytest.mark.usefixtures("account")
def test_unreachable_server_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is not there is a failed row, exit code 1, and a sentence without the key."""
    assert main(campaign("--json")) == 1
    out, err = capsys.readouterr()
    assert '"failed": 1' in out
    assert "no connection could be made" in err
    assert "demo-key" not in out + err
    assert main(["send", "--to", "0612345678", "Bonjour"]) == 1
    err = capsys.readouterr().err
    assert "nothing was sent. Check the network and ALLMYSMS_BASE_URL" in err


@pytest.mark.usefixtures("account")
def test_list_of_opt_outs_that_cannot_be_had_stops_a_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked to leave out whoever opted out, it texts nobody if nobody can tell who did; by default it goes on."""
    without = [word for word in campaign("--json") if word != "--include-opt-outs"]
    assert main([*without, "--exclude-opt-outs"]) == 3
    out, err = capsys.readouterr()
    assert '"failed": 0' in out
    assert '"accepted": 0' in out
    assert "no connection could be made" in err
    assert "demo-key" not in out + err
    assert main(without) == 1
    out, err = capsys.readouterr()
    assert '"failed": 1' in out
    assert "demo-key" not in out + err


@pytest.mark.usefixtures("account")
def test_defect_tells_its_type_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception is one sentence with its type, exit code 70; its text is not shown."""

    def broken() -> None:
        raise KeyError("demo-key")

    monkeypatch.setattr(login_module, "service", broken)
    assert main(campaign()) == 70
    out, err = capsys.readouterr()
    assert "An unexpected KeyError ended the command" in err
    assert err.count("\n") == 1
    assert "demo-key" not in out + err


def test_missing_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without click or rich, one sentence says what to install, and the exit code is 2."""
    for name in [name for name in sys.modules if name.startswith("allmysms_async.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setitem(sys.modules, "click", None)
    assert main(["demo"]) == 2
    assert 'pip install "allmysms_async[cli]"' in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["campaign", "run", "-h"], ["--version"]])
def test_help_exits_0(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help and version are on standard output, and exit 0."""
    assert main(words) == 0
    assert "allmysms" in capsys.readouterr().out


@pytest.mark.parametrize(
    "address",
    ["x", "127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:x", "http://127.0.0.1:99999", "ftp://127.0.0.1",
     "http://127.0.0.1/a b", "http://127.0.0.1/\udcff", "http://127.0.0.1/\x1b[2J", "http://127.0.0.1/" + "x" * 9999],
)  # fmt: skip
@pytest.mark.usefixtures("account")
def test_address_that_is_none_names_the_variable(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server's address that cannot be one is refused before anything is tried, without repeating it."""
    monkeypatch.setenv("ALLMYSMS_BASE_URL", address)
    assert main(["send", "--to", "0612345678", "Bonjour"]) == 2
    assert "ALLMYSMS_BASE_URL is not an address" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["http://other.host", "https://demo@other.host", "https://other.host/?a=b"])
@pytest.mark.usefixtures("account")
def test_address_that_shows_the_key_names_the_variable(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with the server's address is told of the variable that holds it, not of a call in Python."""
    monkeypatch.setenv("ALLMYSMS_BASE_URL", address)
    assert main(["send", "--to", "0612345678", "Bonjour"]) == 2
    err = capsys.readouterr().err
    assert "ALLMYSMS_BASE_URL must begin with https://" in err
    assert "allow_plain_http" not in err


@pytest.mark.parametrize("size", ["0", "-1", "1", "\u00b2", "x", "9" * 30])
@pytest.mark.usefixtures("account")
def test_size_that_no_terminal_has_changes_nothing(
    size: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever COLUMNS and LINES hold, the result is shown whole."""
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    assert main(campaign()) == 1
    out, err = capsys.readouterr()
    assert "Cost without tax" in out
    assert "1 failed" in err


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [(None, "There is no standard input"), ("/", "cannot be read: Is a directory"), ("/dev/zero", "is longer than")],
)
@pytest.mark.usefixtures("account")
def test_text_that_cannot_be_read_is_one_sentence(
    stdin: str | None, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard input that is closed, no file, or without an end is said to be so, and nothing is sent."""
    with contextlib.ExitStack() as stack:
        number = None if stdin is None else os.open(stdin, os.O_RDONLY)
        if number is not None:
            stack.callback(os.close, number)
        file = None if number is None else SimpleNamespace(buffer=SimpleNamespace(read=lambda n: os.read(number, n)))
        monkeypatch.setattr("sys.stdin", file)
        assert main(["send", "--to", "0612345678", "-"]) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("account")
def test_connection_of_its_own_that_breaks_is_a_defect_and_no_silent_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken pipe that is no standard stream ends with a sentence, not as if nobody read the output."""

    def broken() -> None:
        raise BrokenPipeError(errno.EPIPE, "demo-key")

    monkeypatch.setattr(login_module, "service", broken)
    assert main(campaign()) == 70
    assert "An unexpected BrokenPipeError ended the command" in capsys.readouterr().err


@pytest.mark.parametrize(("entry", "kept"), [("console", True), ("main", False)])
def test_collector_of_garbage_goes_on_after_the_imports(entry: str, kept: bool) -> None:
    """The process of a command never looks through its imports for garbage; a program's collector is its own."""
    code = (
        f"import gc, sys; from allmysms_async.cli import {entry}; sys.argv[1:] = ['--help']; code = {entry}(); "
        "print(code, gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == f"0 True {kept}"


def test_start_imports_nothing_that_few_need() -> None:
    """What repeats a request is imported once one is to be repeated, and a transport's library with its transport."""
    few = "{'tenacity', 'aiohttp', 'httpx', 'zeep', 'click'}"
    code = f"import sys, allmysms_async; print(sorted({few} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
