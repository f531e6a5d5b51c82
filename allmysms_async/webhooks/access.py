"""Access logs: the servers write each request's target down, and a webhook's holds the token, a number and a text.

What this does not reach: the logs of whatever else passes the request on (a proxy, a load balancer, a firewall), and
what an application logs of its requests itself.
"""

from __future__ import annotations

import logging
import re
import weakref
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote

from allmysms_async import argument
from allmysms_async.webhooks.admission import Tokens
from allmysms_async.webhooks.callback import FIELDS

__all__ = ["LOGGERS", "AccessLogFilter", "hide_from_logs", "redact_access_log"]

LOGGERS = ("uvicorn.access", "aiohttp.access", "aiohttp.server")
"""Loggers of requests, of the servers that are known; the last one quotes requests that cannot be read."""

_HIDDEN = "***"
_LONGEST = 4096
"""Characters of a target that is looked at; a longer one is hidden whole."""
# What tells nothing of anybody; everything else in a query string is hidden.
_SHOWN = {"status", "statut", "receptiondate", "smsid", "smsmoid", "smsmold", "campaignid", "campid"}
_is_harmless = re.compile(r"[A-Za-z0-9_:.%+ -]{0,64}").fullmatch
_MOST_ESCAPES = 4
_chunks = re.compile(r"[^\s\"]+")
# What tells a webhook by its query string: the other fields have names that any application may use.
_field = re.compile(r"(?:^|[?&;\s])(?:amp;)?\s*(?:phonenumber|receptiondate|sms(?:id|mo[il]d))\s*=").search

_known: weakref.WeakSet[Tokens] = weakref.WeakSet()


def hide_from_logs(tokens: Tokens) -> None:
    """Have tokens hidden as long as whoever holds them lives."""
    _known.add(tokens)


def redact_access_log(*loggers: str) -> None:
    """Keep token, number and text of webhooks out of the servers' access logs.

    A filter is added to the loggers: ``uvicorn.access``, whose records keep their five arguments, ``aiohttp.access``,
    ``aiohttp.server`` (which quotes requests that it cannot read), and those that are named. Call it before or after
    the server's own logging is set up, and in each process. Other requests are logged as before. Proxies in front have
    logs of their own.

    Args:
        *loggers: Names of more loggers that are told of requests.
    """
    for name in (*LOGGERS, *argument.several("loggers", loggers, lambda one: isinstance(one, str), "a text")):
        logger = logging.getLogger(name)
        if not any(isinstance(one, AccessLogFilter) for one in logger.filters):
            logger.addFilter(AccessLogFilter())


class AccessLogFilter(logging.Filter):
    """Lets every record pass, and hides in it what a webhook's target holds."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide it in the message, in its arguments and in what aiohttp adds to a record."""
        if isinstance(record.msg, str):
            record.msg = _hidden(record.msg)
        arguments = record.args
        if isinstance(arguments, tuple):
            record.args = tuple(map(_hidden_value, arguments))
        elif isinstance(arguments, Mapping):
            record.args = {name: _hidden_value(one) for name, one in cast("Mapping[str, Any]", arguments).items()}
        for name in ("first_request_line", "request_header"):
            if name in vars(record):
                setattr(record, name, _hidden_value(vars(record)[name]))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and _quotes(error):
            record.msg, record.args = f"A request could not be read ({type(error).__name__}).", ()
            record.exc_info = record.exc_text = None
        return True


def _quotes(error: BaseException) -> bool:
    """Tell whether an error, or what led to it, quotes the target of a webhook."""
    words: list[str] = []
    one: BaseException | None = error
    while one is not None and len(words) < _MOST_ESCAPES:
        words.append(str(one))
        one = one.__cause__ or one.__context__
    return any(_hidden(each) != each for each in words)


def _hidden_value(value: object) -> object:
    if isinstance(value, str):
        return _hidden(value)
    if isinstance(value, Mapping):
        return {name: _hidden_value(one) for name, one in cast("Mapping[object, object]", value).items()}
    return value


def _hidden(text: str) -> str:
    """Return a text in which every target that belongs to a webhook is made harmless."""
    return _chunks.sub(lambda chunk: _target(chunk[0]), text)


def _target(written: str) -> str:
    """Return a target as it may be logged; another one than a webhook's is left as it is."""
    if "/" not in written and "=" not in written and len(written) < 16:
        return written
    if len(written) > _LONGEST:
        return _HIDDEN
    plain = _unescaped(written)
    tokens = {token.casefold() for known in tuple(_known) for token in known.tell()}
    hit = any(token in plain for token in tokens)
    if not hit and not _field(plain):
        return written
    path, mark, query = written.partition("?")
    return _path(path, tokens) + mark + _query(query)


def _path(path: str, tokens: set[str]) -> str:
    """Return a path without its last segment, which is or should be a token, and without any that holds one."""
    segments = path.split("/")
    last = max((place for place, one in enumerate(segments) if one), default=-1)
    return "/".join(
        _HIDDEN if place == last or any(token in _unescaped(one) for token in tokens) else one
        for place, one in enumerate(segments)
    )


def _query(query: str) -> str:
    """Return a query string with the values of harmless fields alone."""
    return "&".join(_pair(pair) for pair in query.split("&")) if query else ""


def _pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    key = _unescaped(name).strip().removeprefix("amp;")
    if key in _SHOWN and _is_harmless(_unescaped(value)):
        return f"{key}={value}"
    return f"{key}{equals}{_HIDDEN}" if key in FIELDS else _HIDDEN


def _unescaped(written: str) -> str:
    """Return what is meant, in small letters, however often it was escaped."""
    for _ in range(_MOST_ESCAPES):
        plain = unquote(written.replace("+", " "), errors="replace")
        if plain == written:
            break
        written = plain
    return written.casefold()
