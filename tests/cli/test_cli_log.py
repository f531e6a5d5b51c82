"""What of the log is shown, and in which colours."""

import json
import logging
from pathlib import Path

import pytest

from allmysms_async.cli.logs import logged
from allmysms_async.sandbox import Sandbox

from .conftest import Run


async def test_log_is_shown_as_it_is_asked_for(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """Quiet is results alone; JSON is one object a line, without a number in it; afterwards all is as before."""
    logger = logging.getLogger("allmysms_async")
    before = logger.level, list(logger.handlers)
    sandbox.faults([{"fault": "http_503", "times": 1, "retry_after": 0}])
    ended = await run("--log-format", "json", "send", "--to", "0612345678", "Bonjour")
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert (ended.code, [line["level"] for line in lines]) == (0, ["warning"])
    told = {name: value for name, value in lines[0].items() if name.startswith("allmysms_")}
    assert 0 <= told.pop("allmysms_seconds") < 250
    assert told == {
        "allmysms_event": "retry",
        "allmysms_error": "ServerFailure",
        "allmysms_code": "503",
        "allmysms_request": "sendSms",
        "allmysms_attempt": 1,
    }
    assert "612345678" not in ended.err
    sandbox.faults([{"fault": "http_503", "times": 1, "retry_after": 0}])
    ended = await run("--quiet", "send", "--to", "0612345678", "Bonsoir")
    assert (ended.code, ended.err) == (0, "")
    sandbox.faults([{"fault": "http_503", "times": 1, "retry_after": 0}])
    people = tmp_path / "people.csv"
    people.write_text("phone\n0612345678\n")
    words = ("campaign", "run", str(people), "--phone", "phone", "--text", "Bonne nuit", "--purpose", "transactional")
    ended = await run("-v", *words, "--name", "x")
    assert (ended.code, ended.err.count("attempt 1: ")) == (0, 1)
    assert (logger.level, list(logger.handlers)) == before
    assert (await run("-q", "-v", "account")).code == 2


@pytest.mark.parametrize("machine", [True, False])
def test_whatever_is_logged_is_one_line(
    machine: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a character, what steers a terminal, an error with words of its own, a field named as one of the log's."""
    # What pytest itself keeps of the log goes from process to process, where half a character cannot.
    monkeypatch.setattr(logging.getLogger("allmysms_async"), "propagate", False)
    with logged(verbose=1, quiet=False, machine=machine, no_color=True):
        logger = logging.getLogger("allmysms_async.anything")
        logger.warning("one \udcff\x1b[31m\ntwo", extra={"level": "none", "count": 3})
        try:
            raise ValueError("demo-key")
        except ValueError:
            logger.exception("it failed.")
    first, second = capsys.readouterr().err.splitlines()
    assert "demo-key" not in second
    assert "ValueError" in second
    assert "\x1b" not in first
    if machine:
        told = json.loads(first)
        assert (told["level"], told["message"], told["count"]) == ("warning", "one \udcff\x1b[31m\ntwo", 3)
    else:
        assert first == "WARNING one \\udcff\\x1b[31m\\ntwo"


async def test_colours_are_left_out_where_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where colours are forced, --no-color has none."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    words = ("send", "--to", "0612345678")
    assert "\x1b[32m" in (await run(*words, "un")).out
    assert "\x1b[32m" not in (await run("--no-color", *words, "deux")).out
