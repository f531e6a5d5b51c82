"""``allmysms webhooks show | set | remove``: the addresses that the gateway calls with reports and replies."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import click
import httpx

from allmysms_async.cli import login
from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.signals import at_once
from allmysms_async.errors import AllMySmsError, GatewayError, InvalidRequest
from allmysms_async.protocols.rest import ConfigureWebhook, DeleteWebhook, GetWebhook
from allmysms_async.protocols.rest.webhooks import WebhookType

__all__ = ["KINDS", "address_of", "hidden", "remove", "set_address", "show"]

KINDS: dict[WebhookType, str] = {"dlr": "reports", "mo": "replies"}
"""What each of the gateway's types is called with."""

_SECONDS = 5.0
"""In which an address must answer. Source: HTTPS API v9, §42."""

_MOST = 64
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LONGEST = 2000


def address_of(given: str) -> str:
    """Return an address to call, from standard input if it is ``-``: it holds a token that no list of processes has.

    Raises:
        UsageError: It is no address of HTTP.
    """
    url = given
    if given == "-":
        with at_once():
            url = sys.stdin.readline(_LONGEST + 2).strip() if sys.stdin else ""
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None
        _ = parts.port
    except ValueError:
        bad = True
    if bad or len(url) > _LONGEST or not url.isascii() or any(each <= " " for each in url):
        msg = "The address must be one of HTTPS, such as https://sms.example.com/webhooks/TOKEN, without a password."
        raise click.UsageError(msg)
    return url


def hidden(url: str) -> str:
    """Return an address without what only the gateway may know of it: the last part of its path, and its query."""
    parts = urlsplit(url)
    before, slash, token = parts.path.rpartition("/")
    path = f"{before}{slash}…" if token else parts.path
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "…" if parts.query else "", ""))


async def show(*, whole: bool, machine: bool) -> int:
    """Print the addresses that are called; return the exit code."""
    async with login.service() as sms:
        found = await sms.call(GetWebhook())
    urls = {KINDS["dlr"]: found.webhook_dlr or None, KINDS["mo"]: found.webhook_mo or None}
    told = {kind: url if whole or url is None else hidden(url) for kind, url in urls.items()}
    if machine:
        click.echo(json.dumps(told))
        return ExitCode.ALL_ACCEPTED
    for kind, url in told.items():
        click.echo(plain(f"{kind:8} {url or 'none'}"))
    return ExitCode.ALL_ACCEPTED


async def set_address(url: str, kinds: Sequence[WebhookType], *, check: bool) -> int:
    """Have an address called; return the exit code.

    Raises:
        InvalidRequest: It does not answer as it must; nothing was changed.
    """
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _LOOPBACK:
        say("Whoever is between the gateway and this address can read numbers, texts and its token: use https.")
    if check:
        await _check(url)
    done: list[str] = []
    async with login.service() as sms:
        for kind in kinds:
            try:
                await sms.call(ConfigureWebhook(kind, url))
            except AllMySmsError as error:
                raise _told(error, KINDS[kind], done) from error
            done.append(KINDS[kind])
    click.echo(plain(f"{' and '.join(done)}: {hidden(url)}"))
    return ExitCode.ALL_ACCEPTED


async def remove(kinds: Sequence[WebhookType]) -> int:
    """Have no address called any more; return the exit code."""
    done: list[str] = []
    async with login.service() as sms:
        known = await sms.call(GetWebhook())
        for kind in kinds:
            if not (known.webhook_dlr if kind == "dlr" else known.webhook_mo):
                continue
            try:
                await sms.call(DeleteWebhook(kind))
            except AllMySmsError as error:
                raise _told(error, KINDS[kind], done) from error
            done.append(KINDS[kind])
    click.echo(f"removed: {' and '.join(done)}" if done else "There was none.")
    return ExitCode.ALL_ACCEPTED


def _told(error: AllMySmsError, kind: str, done: Sequence[str]) -> AllMySmsError:
    """Return what went wrong, with what was changed before."""
    if not done:
        return error
    msg = f"{' and '.join(done)} changed, {kind} did not: {error}"
    return GatewayError(msg, remedy=f"Repeat the command with --{kind} alone.")


async def _check(url: str) -> None:
    """Call an address as the gateway does.

    Raises:
        InvalidRequest: It does not answer ``OK`` in time.
    """
    why = ""
    try:
        async with asyncio.timeout(_SECONDS), httpx.AsyncClient(timeout=_SECONDS) as client:  # noqa: SIM117
            async with client.stream("GET", url) as answer:
                body = b""
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > _MOST:
                        break
                if answer.status_code != HTTPStatus.OK or body.strip() != b"OK":
                    why = f"it answered HTTP {answer.status_code}, and not just OK"
    except TimeoutError:
        why = f"it did not answer within {_SECONDS:.0f} seconds"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        why = f"it cannot be reached ({type(error).__name__})"
    if why:
        msg = f"The address {hidden(url)} is of no use to the gateway: {why}; nothing was changed."
        raise InvalidRequest(msg, remedy="Start its receiver first; --no-check leaves the check to the gateway alone.")
