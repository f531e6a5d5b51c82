"""The commands of ``allmysms webhooks``, and their options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from allmysms_async.cli import option
from allmysms_async.cli.option_group import as_json_option, journal_option

__all__ = ["webhooks"]

_F = TypeVar("_F", bound=Callable[..., Any])


@click.group()
def webhooks() -> None:
    """Receive delivery reports and replies as they come."""


def _kinds(command: _F) -> _F:
    """Give a command the options of which webhooks are meant."""
    options = (
        click.option("--reports", "only", flag_value="dlr", help="Those of delivery reports alone."),
        click.option("--replies", "only", flag_value="mo", help="Those of replies alone."),
    )
    for add in reversed(options):
        command = add(command)
    return command


def _both_or(only: str | None) -> tuple[Literal["dlr", "mo"], ...]:
    return ("dlr", "mo") if only not in {"dlr", "mo"} else ("dlr",) if only == "dlr" else ("mo",)


@webhooks.command("show")
@click.option("--whole", is_flag=True, help="With the token that makes it secret.")
@as_json_option
def webhooks_show(whole: bool, as_json: bool) -> int:
    """Show the addresses that the gateway calls."""
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.show(whole=whole, machine=as_json))


@webhooks.command("set")
@click.argument("url")
@_kinds
@click.option("--no-check", is_flag=True, help="Do not call it from here first: only the gateway reaches it.")
def webhooks_set(url: str, only: str | None, no_check: bool) -> int:
    """Have the gateway call URL with reports and replies (- reads it from standard input, for its token's sake).

    URL must answer OK within 5 seconds: start its receiver first.
    """
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.set_address(commands.address_of(url), _both_or(only), check=not no_check))


@webhooks.command("remove")
@_kinds
def webhooks_remove(only: str | None) -> int:
    """Have the gateway call no address any more."""
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.remove(_both_or(only)))


@webhooks.command("listen")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    callback=option.unlike_nothing,
    help="The address of this machine to listen on.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8027, show_default=True, help="0: any free one.")
@click.option("--prefix", default="", metavar="PATH", help="What its path begins with, such as /allmysms.")
@click.option("--allow", multiple=True, metavar="NET", help="A network that requests may come from; may repeat.")
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="NET",
    help="A proxy of your own, believed who it speaks for (X-Forwarded-For); may repeat.",
)
@journal_option
@as_json_option
def webhooks_listen(
    host: str, port: int, prefix: str, allow: tuple[str, ...], proxies: tuple[str, ...], journal: str, as_json: bool
) -> int:
    """Receive reports and replies into a journal, until Ctrl-C: no program of yours is needed.

    Each is durable there before it is answered OK, and counts as handled. Whoever knows the address can forge them: it
    ends in the token that ALLMYSMS_WEBHOOK_TOKEN has (while it changes: the new one, a comma, the old one), or in one
    that is drawn. It speaks no TLS: put a proxy in front that does, and have the gateway call that by 'webhooks set'.
    """
    from allmysms_async.cli.listen import ListenOptions, listen

    options = ListenOptions(
        host=host, port=port, prefix=prefix, allow=allow, proxies=proxies, journal=journal, as_json=as_json
    )
    return asyncio.run(listen(options))
