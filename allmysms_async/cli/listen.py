"""``allmysms webhooks listen``: a receiver that keeps what comes back in a journal, until somebody stops it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import socket
from collections.abc import Callable, Generator
from ipaddress import ip_address

import click
import msgspec

from allmysms_async.cli.ending import ExitCode, say
from allmysms_async.cli.file import why
from allmysms_async.cli.screen import number
from allmysms_async.cli.signals import on_signals
from allmysms_async.errors import InvalidRequest
from allmysms_async.webhooks import Receiver, ReceiverStats

try:
    import uvicorn
except ModuleNotFoundError as error:
    missing = f'Receiving needs {error.name}: run pip install "allmysms_async[cli]".'
    raise click.UsageError(missing) from None

__all__ = ["TOKEN", "ListenOptions", "listen"]

TOKEN = "ALLMYSMS_WEBHOOK_TOKEN"  # noqa: S105  # the name of a variable
"""The variable with the token that the address ends in, or with several, the first of which is shown."""

_GRACE = 5
_is_prefix = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?").fullmatch
# How the receiver's errors name what is an option or a variable here.
_NAMED = {
    "Each of allow": "Each --allow",
    "Each of trusted_proxies": "Each --trusted-proxy",
    "A token": f"A token in {TOKEN}",
    "A receiver needs": f"{TOKEN} needs",
}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # told of, not listened on


class ListenOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of the command say.

    Attributes:
        host: The address of this machine to listen on.
        port: Likewise; 0 for any free one.
        prefix: What the path begins with.
        allow: Networks that requests may come from; any, if there is none.
        proxies: Networks of one's own proxies.
        journal: Where events are kept.
        as_json: Whether to say where it listens in one line of JSON.
    """

    host: str
    port: int
    prefix: str
    allow: tuple[str, ...]
    proxies: tuple[str, ...]
    journal: str
    as_json: bool


class _Server(uvicorn.Server):
    """A server that says when it listens, and leaves signals to the command."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so.

        Raises:
            UsageError: Another process was faster.
        """
        try:
            await super().startup(sockets)
        except OSError as error:
            raise _unusable(error) from None
        self._listens()

    def hear(self) -> None:
        """End after the requests under way; heard again, without them."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def listen(options: ListenOptions) -> int:
    """Receive until Ctrl-C or a request to terminate; return the exit code.

    Raises:
        UsageError: An option or the token cannot be right, or the port is taken.
        JournalError: The journal cannot be opened.
    """
    if not _is_prefix(options.prefix):
        msg = "--prefix must be a path such as /allmysms, of letters, digits and - . _ ~"
        raise click.UsageError(msg)
    tokens, drawn = _tokens()
    receiver = _receiver(tokens, options)
    with _bound(options.host, options.port) as bound:
        host, port = bound.getsockname()[:2]
        if not ip_address(host).is_loopback:
            say("Other machines reach it without TLS: whoever is between can read numbers, texts and the token.")
        url = f"http://{_shown(host)}:{port}{options.prefix.rstrip('/')}/{tokens[0]}"
        server = _Server(_config(receiver), lambda: _tell(url, options, drawn=drawn))
        with on_signals(server.hear, last=True):
            async with receiver:
                with _silent():
                    await server.serve([bound])
    say(_counts(receiver.stats))
    return ExitCode.ALL_ACCEPTED


def _receiver(tokens: list[str], options: ListenOptions) -> Receiver:
    """Return what takes events in.

    Raises:
        InvalidRequest: Naming the option or the variable that cannot be right.
    """
    try:
        return Receiver(tokens, options.journal, allow=options.allow, trusted_proxies=options.proxies)
    except InvalidRequest as error:
        words = str(error)
        for argument, here in _NAMED.items():
            words = words.replace(argument, here)
        raise InvalidRequest(words) from None


def _config(receiver: Receiver) -> uvicorn.Config:
    """Return how requests are served: nothing that they hold is logged, and nobody is believed who they speak for."""
    config = uvicorn.Config(
        receiver.asgi,
        lifespan="off",  # the receiver is open before anybody can call it, or the command ends
        ws="none",
        proxy_headers=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE,
    )
    config.access_log = False  # said to it before, it shuts the whole process's access log for good
    return config


@contextlib.contextmanager
def _silent() -> Generator[None, None, None]:
    """Have the server tell of errors alone; a program that goes on finds its logger as it was."""
    logger = logging.getLogger("uvicorn.error")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _tokens() -> tuple[list[str], bool]:
    """Return the tokens of the environment, or one that is drawn, and whether it is.

    Raises:
        UsageError: The variable is set, and empty: each start would draw another one.
    """
    given = os.environ.get(TOKEN)
    if given is None:
        return [secrets.token_urlsafe(32)], True
    tokens = given.replace(",", " ").split()
    if not tokens:
        msg = f"{TOKEN} is empty: leave it out to have a token drawn, or give it one."
        raise click.UsageError(msg)
    return tokens, False


@contextlib.contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket, None, None]:
    """Take a port.

    Raises:
        UsageError: It is taken, or there is no such address here.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        msg = f"{host[:80]!r} is no address of this machine to listen on."
        raise click.BadParameter(msg, param_hint="--host") from None
    with bound:
        try:
            if os.name == "posix":  # elsewhere it would share the port with whoever has it
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError as error:
            raise _unusable(error) from None
        yield bound


def _unusable(error: OSError) -> click.UsageError:
    """Return the error to raise where a port cannot be had."""
    return click.UsageError(f"It cannot listen there: {why(error)}. Choose another --port, or 0 for any free one.")


def _shown(host: str) -> str:
    """Return a host as an address of HTTP has it."""
    host = _ANY.get(host, host)
    return f"[{host}]" if ":" in host else host


def _tell(url: str, options: ListenOptions, *, drawn: bool) -> None:
    """Say where it listens, with the token this once, and to a person what comes next."""
    if options.as_json:
        click.echo(json.dumps({"url": url}))
        return
    click.echo(f"Receiving at {url} (Ctrl-C stops it).")
    click.echo("Next: put TLS in front of it, and have the gateway call that, with the same last part as above:")
    click.echo(f"  allmysms webhooks set https://YOUR-NAME{options.prefix.rstrip('/')}/…")
    if drawn:
        click.echo(f"The token was drawn and is not shown again; set {TOKEN} to keep one from start to start.")


def _counts(stats: ReceiverStats) -> str:
    """Return what was received, in one sentence or two."""
    text = f"{number(stats.received)} events received"
    text += f", {number(stats.duplicates)} of them once more" if stats.duplicates else ""
    text += f", {number(stats.unknown)} of an unknown kind" if stats.unknown else ""
    text += f"; {number(stats.checks)} checks by the gateway" if stats.checks else ""
    text += f"; {number(stats.refused)} requests refused" if stats.refused else ""
    text += f"; {number(stats.unavailable)} put off (503)" if stats.unavailable else ""
    return f"{text}."
