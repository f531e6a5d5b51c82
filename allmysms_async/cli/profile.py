"""Accounts that a person has written down: ``~/.config/allmysms/config.toml``, for its owner alone."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from allmysms_async.cli.file import why
from allmysms_async.environment import API_KEY, BASE_URL, LOGIN, value_of
from allmysms_async.errors import InvalidRequest

__all__ = ["PROFILE", "Setting", "beaten", "chosen", "config_path", "settings", "use"]

PROFILE = "ALLMYSMS_PROFILE"
"""The variable that names the profile to use."""

_DEFAULT = "default"
_KNOWN = {"login", "base_url", "api_key", "api_key_in_clear", "api_key_file", "api_key_in_keyring"}
_MOST = 1 << 20
_LONGEST_KEY = 1000
_REASONS: Mapping[type, str] = {UnicodeDecodeError: "it is no UTF-8", RuntimeError: "there is no such user"}
_SERVICE = "allmysms"

_named: str | None = None


class Setting(NamedTuple):
    """A value of the account's, and where it comes from.

    Attributes:
        value: The value; empty where there is none.
        source: Where it comes from, in words.
        beaten: What else there would be: a profile's value that the environment's takes the place of.
    """

    value: str
    source: str
    beaten: str = ""


def use(name: str | None) -> None:
    """Have a profile used from now on, or the usual one with None."""
    global _named  # noqa: PLW0603, RUF100  # one process speaks for one account
    _named = name


def config_path() -> Path | None:
    """Return where the profiles are written down; None for a user without a home, such as a container's."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        return Path(home).expanduser() / "allmysms" / "config.toml"
    except RuntimeError:
        return None


def chosen() -> tuple[str, Mapping[str, str]]:
    """Return the profile's name and what it says, the key among it; nothing where there is no file.

    Raises:
        InvalidRequest: The file, or what it says, cannot be used.
    """
    asked = _named or value_of(PROFILE, os.environ)
    name, path = asked or _DEFAULT, config_path()
    if path is None:
        if not asked:
            return "", {}
        msg = (
            f"There is no profile {name!r}: this user has no home; XDG_CONFIG_HOME may name a folder. Nothing was sent."
        )
        raise InvalidRequest(msg)
    profiles = _read(path)
    if name not in profiles:
        if not asked:
            return "", {}
        there = ", ".join(profiles) or "none"
        msg = f"{path} has no profile {name!r}; there are {there}. Write it as [{name}]. Nothing was sent."
        raise InvalidRequest(msg)
    return name, _checked(path, name, profiles[name])


def settings() -> dict[str, Setting]:
    """Return login, key and address, by their variables, each with where it comes from.

    Raises:
        InvalidRequest: The file of profiles cannot be used.
    """
    name, profile = chosen()
    found: dict[str, Setting] = {}
    for variable, key in ((LOGIN, "login"), (API_KEY, "api_key"), (BASE_URL, "base_url")):
        said, written = value_of(variable, os.environ), profile.get(key, "")
        if said:
            beaten = f"profile {name}" if written and written != said else ""
            found[variable] = Setting(said, f"environment, {variable}", beaten)
        elif written:
            found[variable] = Setting(written, f"profile {name}")
        else:
            found[variable] = Setting("", "not set")
    return found


def beaten(found: Mapping[str, Setting]) -> list[str]:
    """Return sentences on what a profile says in vain, since the environment says another."""
    return [
        f"{variable} of the environment takes the place of what {each.beaten} says."
        for variable, each in found.items()
        if each.beaten
    ]


def _read(path: Path) -> dict[str, dict[str, object]]:
    """Return every profile of a file; none where it is not there.

    Raises:
        InvalidRequest: Others may read it, or it cannot be read.
    """
    try:
        words = _private(path, _MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        msg = f"{path} cannot be read: {why(error)}. Nothing was sent."
        raise InvalidRequest(msg) from None
    if len(words) > _MOST:
        msg = f"{path} is larger than {_MOST} bytes. Nothing was sent."
        raise InvalidRequest(msg)
    try:
        tables = tomllib.loads(words.decode("utf-8-sig"))  # as Windows' editor writes it, too
    except (ValueError, RecursionError) as error:  # numbers of any length and tables in tables, too
        msg = f"{path} is no TOML: {_where(error)}. Nothing was sent."
        raise InvalidRequest(msg) from None
    odd = [name for name, table in tables.items() if not isinstance(table, dict)]
    if odd:
        msg = f"{path}: {odd[0]!r} stands outside of a profile: write [default] above it. Nothing was sent."
        raise InvalidRequest(msg)
    return cast("dict[str, dict[str, object]]", tables)


def _private(path: Path, most: int) -> bytes:
    """Return the beginning of a file that its owner alone may read.

    Raises:
        InvalidRequest: Others may read it.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            msg = f"{path} may be read by others: run 'chmod 600 {path}'. Nothing was sent."
            raise InvalidRequest(msg)
        return file.read(most)


def _where(error: Exception) -> str:
    """Return where a file is no TOML; the error's own words may quote what is written there, which may be a key."""
    if isinstance(error, UnicodeDecodeError):
        return "no UTF-8"
    _, found, where = str(error).rpartition("(at ")
    return f"at {where.rstrip(')')}" if found else "a value is too long or too deep"


def _checked(path: Path, name: str, table: Mapping[str, object]) -> dict[str, str]:
    """Return what a profile says, its key read from where it is.

    Raises:
        InvalidRequest: Something in it cannot be used.
    """
    odd = [key for key in table if key not in _KNOWN]
    if odd:
        msg = f"{path}: profile {name} has {odd[0]!r}; it may have {', '.join(sorted(_KNOWN))}. Nothing was sent."
        raise InvalidRequest(msg)
    for key, value in table.items():
        if not isinstance(value, bool if key in {"api_key_in_clear", "api_key_in_keyring"} else str):
            msg = f"{path}: profile {name}: {key} must be {'true or false' if 'key_in' in key else 'a text'}."
            raise InvalidRequest(f"{msg} Nothing was sent.")
    said = {key: value.strip() for key, value in table.items() if isinstance(value, str) and key != "api_key_file"}
    ways = [key for key in ("api_key", "api_key_file", "api_key_in_keyring") if table.get(key)]
    if len(ways) > 1:
        msg = f"{path}: profile {name} has {' and '.join(ways)}: one is enough. Nothing was sent."
        raise InvalidRequest(msg)
    if "api_key" in said and table.get("api_key_in_clear") is not True:
        msg = (
            f"{path}: profile {name} holds its key in clear: write api_key_file or api_key_in_keyring = true in its "
            "place, or api_key_in_clear = true beside it if it is meant so. Nothing was sent."
        )
        raise InvalidRequest(msg)
    if table.get("api_key_file"):
        said["api_key"] = _key_of_file(path, name, str(table["api_key_file"]))
    elif table.get("api_key_in_keyring"):
        said["api_key"] = _key_of_keyring(path, name, said.get("login", ""))
    return said


def _key_of_file(path: Path, name: str, place: str) -> str:
    """Return the key that a file of its own holds, found from the profiles' folder."""
    try:
        return _private(path.parent / Path(place).expanduser(), _LONGEST_KEY).decode("utf-8-sig").strip()
    except InvalidRequest:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # no UTF-8, no name of a file, nobody's home
        reason = why(error) if isinstance(error, OSError) else _REASONS.get(type(error), "it is no name of a file")
        msg = f"{path}: profile {name}: the key's file {place!r} cannot be read: {reason}. Nothing was sent."
        raise InvalidRequest(msg) from None


def _key_of_keyring(path: Path, name: str, login: str) -> str:
    """Return the key that the system's keyring holds for a login."""
    try:
        import keyring
    except ModuleNotFoundError:
        msg = f'{path}: profile {name} needs keyring: run pip install "allmysms_async[keyring]". Nothing was sent.'
        raise InvalidRequest(msg) from None
    try:
        found = cast("Any", keyring).get_password(_SERVICE, login)
    except Exception as error:
        msg = f"{path}: profile {name}: the keyring did not open ({type(error).__name__}). Nothing was sent."
        raise InvalidRequest(msg) from None
    if not found:
        msg = (
            f"{path}: profile {name}: the keyring has no key for this login: run 'keyring set {_SERVICE} LOGIN'. "
            "Nothing was sent."
        )
        raise InvalidRequest(msg)
    return str(found)
