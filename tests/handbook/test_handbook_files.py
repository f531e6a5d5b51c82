"""Files that pages show are what their programs take, and the commands in them what the command line takes."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from allmysms_async.cli import main
from allmysms_async.cli.handbook import FOLDER
from allmysms_async.cli.profile import chosen, use
from allmysms_async.testing import SandboxHandle

from .blocks import Block, blocks, check_line
from .run import DATABASE, SANDBOX

WORKERS = (FOLDER / "workers.md").read_text(encoding="utf-8")
UNITS = {re.findall(r"# /etc/systemd/system/(\S+@)\.service:", block.text)[0]: block for block in blocks("ini")}
COMPOSE = {
    "services": {
        *("image", "command", "env_file", "stop_grace_period", "restart", "deploy", "depends_on", "environment"),
        *("secrets", "volumes"),
    },
    "secrets": {"file"},
    "volumes": set[str](),
}
"""What the Compose Specification lets a service, a secret and a volume say, as far as it is used here."""


@pytest.fixture
def worker_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that the page says are in ``worker.env``."""
    (said,) = re.findall(r"`worker\.env` holds (.*?), readable", WORKERS, re.S)
    names = re.findall(r"`(\w+)`", said)
    assert "ALLMYSMS_JOURNAL" in names
    for name in names:
        monkeypatch.setenv(name, DATABASE if name == "ALLMYSMS_JOURNAL" else "…")


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_profiles_are_read(
    block: Block, allmysms_sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    """Each profile of a file gives a login and a key, and with the sandbox's the account is there."""
    for name in [each for each in os.environ if each.startswith("ALLMYSMS_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "allmysms"
    folder.mkdir()
    (folder / "config.toml").write_text(block.text.replace(SANDBOX, allmysms_sandbox.http_url), encoding="utf-8")
    (folder / "key").write_text("of-the-shop\n")
    for path in folder.iterdir():
        path.chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert chosen() == ("default", {"login": "shop", "api_key": "of-the-shop"})
    try:
        assert main(["--profile", "tests", "account", "--json"]) == 0
    finally:
        use(None)
    assert json.loads(capsys.readouterr().out)["credits"] > 0


@pytest.mark.parametrize("block", blocks("php"), ids=lambda block: block.name)
def test_php_sends_what_the_page_says_it_sends(block: Block, php: str, allmysms_sandbox: SandboxHandle) -> None:
    """What is typed in place of PHP is what that PHP sends, with curl where its extension is there."""
    modules = subprocess.run([php, "-m"], capture_output=True, text=True, timeout=280, check=True).stdout.split()
    assert "curl" in modules, "PHP's curl extension is missing (Debian: php-curl)"
    words = block.text.replace("'…'", repr(allmysms_sandbox.api_key))
    script = (
        f"$curl = curl_init('{allmysms_sandbox.http_url}/http/9.0/sendSms/');\n"
        f"curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);\n{words}echo curl_exec($curl);"
    )
    ended = subprocess.run([php, "-r", script], capture_output=True, text=True, timeout=280, check=False)
    assert json.loads(ended.stdout)["status"] == 100, ended
    (text,) = allmysms_sandbox.messages("0612345678")
    assert text["text"] == "Votre code est 4821"


def unit(block: Block) -> configparser.ConfigParser:
    """Return a unit's sections; of what is said several times the last."""
    found = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(re.sub(r"\\\n *", "", block.text))
    return found


@pytest.mark.usefixtures("worker_env")
@pytest.mark.parametrize("name", UNITS)
def test_units_start_commands_that_there_are(name: str) -> None:
    """What a unit starts, the command line takes; it is given the time that it needs to end."""
    found = unit(UNITS[name])
    line = found["Service"]["ExecStart"].replace("%i", "soldes-2027").replace("${TEXT}", "'Bonjour. STOP au 36180'")
    words = check_line(line)
    assert words[0].startswith("/")
    if "worker" in words:
        assert int(found["Service"]["TimeoutStopSec"]) > 20


@pytest.mark.parametrize("name", UNITS)
def test_units_are_what_systemd_takes(name: str, tmp_path: Path, machine_lacks: Callable[[str], NoReturn]) -> None:
    """systemd finds nothing wrong with a unit, but that its program and its files are not here."""
    program = shutil.which("systemd-analyze") or machine_lacks("systemd (Debian: systemd)")
    path = tmp_path / f"{name}.service"
    text = UNITS[name].text.replace("/opt/allmysms/bin/allmysms", "/bin/true")
    path.write_text(text, encoding="utf-8")
    instance = tmp_path / f"{name}soldes.service"
    words = (program, "verify", "--man=no", "--recursive-errors=no", str(instance))
    ended = subprocess.run(words, capture_output=True, text=True, timeout=280, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr


@pytest.mark.usefixtures("worker_env")
@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.name)
def test_compose_files_start_commands_that_there_are(block: Block) -> None:
    """It says only what the specification knows, names what it has, and starts what the command line takes."""
    found = yaml.safe_load(block.text)
    assert set(found) == set(COMPOSE)
    for part, known in COMPOSE.items():
        for each in found[part].values():
            assert set(each) <= known
    for service in found["services"].values():
        assert set(service.get("depends_on", ())) <= set(found["services"])
        assert set(service.get("secrets", ())) <= set(found["secrets"])
        assert {each.partition(":")[0] for each in service.get("volumes", ())} <= set(found["volumes"])
        if "command" in service:
            words = check_line(service["command"])
            assert int(service["stop_grace_period"].removesuffix("s")) > 20
            assert shlex.join(words).startswith("allmysms ")
