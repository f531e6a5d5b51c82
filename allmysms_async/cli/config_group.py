"""The commands of ``allmysms config``, ``allmysms completion``, and the options that stand before any command."""

from __future__ import annotations

from typing import Any

import click

from allmysms_async.cli.option_group import as_json_option

__all__ = ["completion", "config"]

_VARIABLE = "_ALLMYSMS_COMPLETE"


@click.group()
def config() -> None:
    """Look at what the command line is told of the account."""


@config.command("show")
@as_json_option
def config_show(as_json: bool) -> int:
    """Show each value and where it comes from; the key is never shown.

    The environment beats the profile. Profiles are tables of ~/.config/allmysms/config.toml, a file that its owner
    alone may read: [default] with login, base_url, and api_key_file or api_key_in_keyring. No .env file is read.
    """
    from allmysms_async.cli.config import show

    return show(machine=as_json)


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print what makes SHELL complete commands, options and methods: 'source <(allmysms completion bash)'."""
    from click.shell_completion import get_completion_class

    made: Any = get_completion_class(shell)
    click.echo(made(context.find_root().command, {}, "allmysms", _VARIABLE).source())
    return 0
