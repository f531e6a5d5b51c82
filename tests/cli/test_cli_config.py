"""Profiles, and what stands before a command."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from allmysms_async.cli import main
from allmysms_async.cli.command import allmysms
from allmysms_async.sandbox import Sandbox

from .conftest import KEY, SCRIPT, call

PROFILES = """
[default]
login = "demo"
api_key_file = "key"
base_url = "{url}"

[clear]
login = "demo"
api_key = "demo-key"

[twice]
login = "demo"
api_key = "demo-key"
api_key_in_clear = true
base_url = "{url}"

[ring]
login = "demo"
api_key_in_keyring = true
base_url = "{url}"

[odd]
apikey = "demo-key"

[both]
api_key_file = "key"
api_key_in_keyring = true

[number]
login = 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Path:
    """A folder of profiles, as a person would write them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("ALLMYSMS_PROFILE", raising=False)
    made = tmp_path / "allmysms"
    made.mkdir()
    for name, words in {"config.toml": PROFILES.format(url=sandbox.http_url), "key": "demo-key\n"}.items():
        (made / name).write_text(words)
        (made / name).chmod(0o600)
    return made


@pytest.mark.parametrize("words", [(), ("--profile", "twice")])
async def test_profile_is_the_account(folder: Path, words: tuple[str, ...]) -> None:
    """Where the environment says nothing it is the profile's: its key in a file, or said twice to be in clear."""
    ended = await call(*words, "account", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["status"] == "Active Account"


async def test_profile_is_named_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALLMYSMS_PROFILE names one, and an option another."""
    monkeypatch.setenv("ALLMYSMS_PROFILE", "odd")
    assert (await call("account")).code == 2
    assert (await call("--profile", "twice", "account")).code == 0


async def test_key_may_be_in_a_keyring(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's keyring has the key, by the login; without one there is a sentence."""
    keyring = pytest.importorskip("keyring")
    from keyrings.alt.file import PlaintextKeyring

    ring = PlaintextKeyring()
    ring.file_path = str(tmp_path / "ring")
    before = keyring.get_keyring()
    keyring.set_keyring(ring)
    try:
        ended = await call("--profile", "ring", "account")
        assert (ended.code, "the keyring has no key for this login" in ended.err) == (2, True)
        keyring.set_password("allmysms", "demo", KEY)
        assert (await call("--profile", "ring", "account")).code == 0
    finally:
        keyring.set_keyring(before)


async def test_values_are_shown_with_their_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value says where it comes from; the key is not shown, and a profile that is beaten is told of."""
    told = json.loads((await call("config", "show", "--json")).out)
    assert told["login"] == {"value": "demo", "source": "profile default"}
    assert told["api_key"] == {"value": "…", "source": "profile default"}
    monkeypatch.setenv("ALLMYSMS_LOGIN", "shop")
    ended = await call("config", "show")
    assert "environment, ALLMYSMS_LOGIN" in ended.out
    assert "ALLMYSMS_LOGIN of the environment takes the place of what profile default says." in ended.err


async def test_command_tells_of_a_profile_that_is_beaten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile's login with another account's key is hardly meant: whoever sends is told, unless it is to be quiet."""
    monkeypatch.setenv("ALLMYSMS_API_KEY", "another-key")
    ended = await call("--profile", "twice", "account")
    warning = "ALLMYSMS_API_KEY of the environment takes the place of what profile twice says."
    assert (ended.code, ended.err.splitlines()[0]) == (3, warning)
    assert warning not in (await call("--quiet", "--profile", "twice", "account")).err


async def test_without_profiles_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is no error, and a .env in the folder is not read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ALLMYSMS_LOGIN=demo\n")
    told = json.loads((await call("config", "show", "--json")).out)
    assert {each["source"] for name, each in told.items() if name != "file"} == {"not set"}


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("clear", "holds its key in clear"),
        ("odd", "has 'apikey'; it may have api_key, "),
        ("both", "has api_key_file and api_key_in_keyring: one is enough"),
        ("number", "login must be a text"),
        ("missing", "has no profile 'missing'; there are default, clear, "),
    ],
)
async def test_profile_that_cannot_be_used_is_a_sentence(folder: Path, profile: str, expected: str) -> None:
    """What is wrong with a profile is one sentence that holds no key, and nothing is sent."""
    ended = await call("--profile", profile, "account")
    assert ended.code == 2
    assert expected in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["config.toml", "key"])
async def test_file_that_others_may_read_is_refused(folder: Path, name: str) -> None:
    """A file of profiles, or of a key, is its owner's alone."""
    (folder / name).chmod(0o640)
    ended = await call("account")
    assert ended.code == 2
    assert f"run 'chmod 600 {folder / name}'" in ended.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (b'login = "demo"\n', "stands outside of a profile"),
        (b"[default\n", "is no TOML: at line 1"),
        (b'[default]\nlogin = "\xff"\n', "is no TOML: no UTF-8"),
        (b'[default]\napi_key = "demo-key\n', "is no TOML: at line 2"),
        (b"[default]\nlogin = " + b"1" * 5000, "is no TOML: a value is too long or too deep"),
        (b"a = " + b"[" * 100_000, "is no TOML: a value is too long or too deep"),
        (b"[default]\n" + b"#" * (1 << 20), "is larger than 1048576 bytes"),
        (b'[default]\napi_key_file = "a\\u0000b"\n', "cannot be read: it is no name of a file"),
        (b'[default]\napi_key_file = "~nobody-of-this-name/key"\n', "cannot be read: there is no such user"),
        (b'[default]\napi_key_file = "config.toml\xc3\xa9"\n', "cannot be read: No such file"),
    ],
)
async def test_file_that_cannot_be_read_is_a_sentence(folder: Path, words: bytes, expected: str) -> None:
    """What is no file of profiles is told by its place, and nothing of it is quoted: it may be a key."""
    (folder / "config.toml").write_bytes(words)
    ended = await call("account")
    assert ended.code == 2
    assert expected in ended.err
    assert "demo-key" not in ended.err


async def test_file_with_a_mark_of_its_encoding_is_read(folder: Path) -> None:
    """Editors of Windows begin a file with a mark; it is no part of what is written, nor of a key."""
    for name in ("config.toml", "key"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert (await call("account")).code == 0


async def test_user_without_a_home_has_no_profiles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may have none: the environment alone speaks, unless a profile is asked for."""

    def expanduser(path: Path) -> Path:
        raise RuntimeError(f"Could not determine home directory of {path}.")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "expanduser", expanduser)
    told = json.loads((await call("config", "show", "--json")).out)
    assert (told["login"]["source"], told["file"]) == ("not set", None)
    ended = await call("--profile", "twice", "account")
    assert (ended.code, "this user has no home" in ended.err) == (2, True)


async def test_credentials_in_an_address_are_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nothing would be sent to, since it holds credentials, is shown without them."""
    for address in ("https://demo:demo-key@example.com/x", "demo:demo-key@example.com"):
        monkeypatch.setenv("ALLMYSMS_BASE_URL", address)
        assert "…@example.com" in (await call("config", "show", "--json")).out


def completed(shell: str, script: str, tmp_path: Path) -> list[str]:
    """Return what a shell completes a line to."""
    environment = {"PATH": f"{SCRIPT.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
def test_bash_completes(tmp_path: Path) -> None:
    """bash completes commands, options, and the methods of the API."""
    script = """
        source <(allmysms completion bash)
        for line in 'allmysms camp' 'allmysms api getCamp' 'allmysms campaign run --max-c'; do
            read -ra COMP_WORDS <<< "$line"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _allmysms_completion allmysms; echo "${COMPREPLY[@]}"
        done
    """
    methods = {"getCampaignInfo", "getCampaignsInfo", "getCampaignStats"}
    assert set(completed("bash", script, tmp_path)) == {"campaign", "--max-cost", *methods}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not there: apt-get install zsh")
def test_zsh_completes(tmp_path: Path) -> None:
    """zsh takes the completion in, and completes by it."""
    script = """
        autoload -Uz compinit; compinit -D -u
        source <(allmysms completion zsh)
        _describe() { print -l -- "${(@P)3}" }
        words=(allmysms camp) CURRENT=2
        _allmysms_completion
    """
    found = completed("zsh", script, tmp_path)
    assert any(word.startswith("campaign:Send") for word in found), found


def commands() -> list[tuple[str, ...]]:
    """Return the words of every command."""
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[tuple[str, ...], object]] = [((), allmysms)]
    while waiting:
        words, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            found.append(words)
        else:
            waiting += [((*words, name), each) for name, each in inner.items()]
    return sorted(found)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_its_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Each says in a sentence what it does, and what its options mean."""
    assert main([*words, "--help"]) == 0
    told = capsys.readouterr()
    usage, _, rest = told.out.partition("\n\n")
    assert usage.startswith(f"Usage: allmysms {' '.join(words)}")
    assert rest.lstrip()[0].isupper()
    assert told.err == ""


def test_what_prints_prints_json() -> None:
    """Every command that prints a result prints it for machines, too; the others write files or settings alone."""
    without = {" ".join(words) for words in commands() if "--json" not in _help_of(words)}
    assert without == {
        "campaign resolve",
        "completion",
        "opt-outs export",
        "opt-outs remove",
        "webhooks remove",
        "webhooks set",
        "worker",
    }


def _help_of(words: tuple[str, ...]) -> set[str]:
    """Return the options of a command."""
    command: object = allmysms
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    return {option for param in command.params for option in param.opts}  # type: ignore[attr-defined]
