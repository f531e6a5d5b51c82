"""Where a journal is: a path, or a URL, with what it may say to the driver; and what logs call its database."""

from __future__ import annotations

import logging
import math
import os
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy import exc

from allmysms_async.errors import InvalidRequest

__all__ = ["LOGGING_NAME", "Address", "address_of"]

LOGGING_NAME = "allmysms_journal"
"""What SQLAlchemy logs as for a journal, so that the application's own databases are logged as it wishes."""

# SQLAlchemy logs every statement with its values, and every row that it reads.
logging.getLogger(f"sqlalchemy.engine.Engine.{LOGGING_NAME}").setLevel(logging.WARNING)

_KINDS = ("postgresql", "postgres", "sqlite")
_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PLACE = ("host", "port")
_LAST_PORT = 65535
_KNOWN = (*_PLACE, "sslmode", "ssl", "connect_timeout", "application_name", "passfile")
# Of an SQLite URI: https://www.sqlite.org/uri.html
_URI = {"uri", "mode", "cache", "immutable", "nolock", "psow", "vfs"}


class Address(NamedTuple):
    """Where a journal is.

    Attributes:
        url: As SQLAlchemy takes it.
        label: As people see it, without user and password.
        options: What goes to PostgreSQL's driver beside it.
    """

    url: sa.URL
    label: str
    options: dict[str, Any]

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's."""
        return self.url.drivername.startswith("sqlite")


def address_of(where: str | os.PathLike[str]) -> Address:
    """Return where a journal is.

    Raises:
        InvalidRequest: It cannot be read, is of a kind that is not supported, or says something that is not known.
    """
    text = os.fspath(where)
    if "://" not in text:
        if not text.strip():
            msg = "The journal needs a path or a URL."
            raise InvalidRequest(msg)
        return Address(_file(sa.URL.create("sqlite", database=text)), text, {})
    kind = text.partition("://")[0].partition("+")[0]
    if kind not in _KINDS:
        msg = f"A journal is a path (SQLite) or a postgresql:// URL, not {kind}://."
        raise InvalidRequest(msg)
    # Nothing of the URL is repeated: more than one "@", and parts of a password look like anything.
    if kind != "sqlite" and text.count("@") > 1:
        msg = 'The journal\'s URL has more than one "@": write those of the user, the password or an option as %40.'
        raise InvalidRequest(msg)
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        msg = "The journal's URL cannot be read; it looks like postgresql://user@host/name."
        raise InvalidRequest(msg) from None
    if not all(_is_port(port) for port in _ports(url)):
        msg = f"The journal's URL has a port that is none: it is 1 to {_LAST_PORT}."
        raise InvalidRequest(msg)
    if kind == "sqlite":
        return Address(_file(url.set(drivername="sqlite")), text, {})
    options = _options(url)
    place = {name: value for name, value in url.query.items() if name in _PLACE}
    port = "" if url.port is None else f":{url.port}"
    shown = f"postgresql://{url.host or ''}{port}/{url.database or ''}"
    return Address(url.set(drivername="postgresql+asyncpg", query=place), shown, options)


def _file(url: sa.URL) -> sa.URL:
    """Return the URL of a file, if it says nothing else."""
    is_uri = (url.database or "").startswith("file:")
    if is_uri and url.query.get("uri") != "true":
        msg = "A journal's URL with file: in it needs uri=true."
        raise InvalidRequest(msg)
    _refuse(set(url.query) - (_URI if is_uri else {"uri"}), "an SQLite URI's own" if is_uri else "none")
    name = unquote(urlsplit(url.database or "").path) if is_uri else url.database
    if name in {None, "", ":memory:"} or url.query.get("mode") == "memory" or url.query.get("vfs") == "memdb":
        msg = "A journal in memory would be forgotten with the process, and with it who was texted; nothing was sent."
        raise InvalidRequest(msg, remedy="Give the journal a path, or leave it out.")
    return url


def _options(url: sa.URL) -> dict[str, Any]:
    """Return what a PostgreSQL URL says to the driver, in the driver's words."""
    _refuse(set(url.query) - set(_KNOWN), ", ".join(_KNOWN))
    options: dict[str, Any] = {}
    for name, value in url.query.items():
        if not isinstance(value, str):
            if name in _PLACE:  # several servers
                continue
            msg = f"The journal's URL gives {name} more than once."
            raise InvalidRequest(msg)
        if name in {"sslmode", "ssl"}:
            if value not in _SSL:
                msg = f"The journal's {name} must be one of {', '.join(_SSL)}."
                raise InvalidRequest(msg)
            options["ssl"] = value
        elif name == "connect_timeout":
            options["timeout"] = _seconds(value)
        elif name == "passfile":
            options[name] = value
        elif name == "application_name":
            options["server_settings"] = {name: value}
    return options


def _ports(url: sa.URL) -> list[str]:
    """Return every port of a URL, of its own or of the servers that its options list."""

    def told(name: str) -> list[str]:
        value = url.query.get(name, ())
        return [each for text in ((value,) if isinstance(value, str) else value) for each in text.split(",")]

    hosts = [host.rpartition("]")[2] if "[" in host else host for host in told("host")]
    of_hosts = [host.rpartition(":")[2] for host in hosts if host.count(":") == 1]
    return [*([] if url.port is None else [str(url.port)]), *(port for port in told("port") if port), *of_hosts]


def _is_port(text: str) -> bool:
    """Tell whether a text is a port."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _LAST_PORT


def _seconds(text: str) -> float:
    """Return the seconds of connect_timeout."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not (math.isfinite(seconds) and seconds > 0):
        msg = "The journal's connect_timeout must be a number of seconds over 0."
        raise InvalidRequest(msg)
    return seconds


def _refuse(names: set[str], known: str) -> None:
    """Refuse options that are not known."""
    if names:
        msg = f"The journal's URL has options that are not known: {', '.join(sorted(names))}; known are: {known}."
        raise InvalidRequest(msg)
