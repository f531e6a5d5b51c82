"""``allmysms sandbox``: the local stand-in for the gateway, until somebody stops it."""

from __future__ import annotations

import asyncio
import json

import click

from allmysms_async.cli.ending import ExitCode, missing_extra, say
from allmysms_async.cli.signals import on_signals
from allmysms_async.clock import SYSTEM

__all__ = ["serve"]


async def serve(http_port: int, smtp_port: int, *, as_json: bool) -> int:
    """Run a sandbox until Ctrl-C or a request to terminate; return the exit code.

    Args:
        http_port: Where to listen; 0 for any free port.
        smtp_port: Where to listen for mail; likewise.
        as_json: Whether to say where it listens in one line of JSON.
    """
    try:
        from allmysms_async.sandbox import Clock, Sandbox, SandboxError
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None

    over = asyncio.Event()
    with on_signals(over.set):
        try:
            # Dates of whoever sends to it are of the present.
            clock = Clock(SYSTEM.now())
            async with Sandbox(http_port=http_port, smtp_port=smtp_port, clock=clock) as sandbox:
                if as_json:
                    line = json.dumps({"http_url": sandbox.http_url, "smtp_port": sandbox.smtp_port})
                    click.echo(line)
                else:
                    _tell(sandbox.http_url, sandbox.smtp_port)
                await over.wait()
        except SandboxError as error:
            what = " ".join(str(error).split())
            say(f"Error: {what} Choose others with --http-port and --smtp-port, or 0 for any free one.")
            return ExitCode.BAD_USAGE
    return ExitCode.ALL_ACCEPTED


def _tell(url: str, smtp_port: int) -> None:
    """Say where it listens, and how to send to it."""
    click.echo(f"Sandbox listening on {url}, mail on port {smtp_port} (Ctrl-C stops it). Look at it there, and send:")
    click.echo(f"  export ALLMYSMS_BASE_URL={url} ALLMYSMS_LOGIN=demo ALLMYSMS_API_KEY=demo-key")
