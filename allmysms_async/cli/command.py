"""The commands and their options."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import click

from allmysms_async.cli import ask_group, option
from allmysms_async.cli.api_command import api
from allmysms_async.cli.campaign_group import campaign, preview_campaign
from allmysms_async.cli.config_group import completion, config
from allmysms_async.cli.ending import Commands, missing_extra
from allmysms_async.cli.handbook_command import handbook
from allmysms_async.cli.logs import logged
from allmysms_async.cli.mails import mails
from allmysms_async.cli.opt_outs import opt_outs
from allmysms_async.cli.option_group import (
    as_json_option,
    dry_run_option,
    quiet_hours_given,
    quiet_hours_options,
    sender_options,
    wording_options,
)
from allmysms_async.cli.profile import use
from allmysms_async.cli.segments import segments
from allmysms_async.cli.webhooks_group import webhooks
from allmysms_async.cli.workers_group import worker
from allmysms_async.model import Encoding, HoursRuleName, Purpose, QuietPolicy, SmsMessage

if TYPE_CHECKING:
    pass

__all__ = ["allmysms"]

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


_PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")
_purpose = click.Choice(get_args(Purpose))


@click.group(cls=Commands, context_settings=_SETTINGS)
@click.version_option(package_name="allmysms_async", prog_name="allmysms")
@click.option("--profile", metavar="NAME", help="Of ~/.config/allmysms/config.toml; ALLMYSMS_PROFILE names it, too.")
@click.option("-v", "--verbose", count=True, help="Tell what happens (-vv: all there is) on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="Tell nothing but results and errors.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Of what is told; text.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same.")
@click.pass_context
def allmysms(
    context: click.Context, profile: str | None, verbose: int, quiet: bool, log_format: str, no_color: bool
) -> None:
    """Send texts through the AllMySMS gateway.

    The account comes from ALLMYSMS_LOGIN and ALLMYSMS_API_KEY in the environment, or is asked for; ALLMYSMS_BASE_URL
    names another server, such as a sandbox. ALLMYSMS_JOURNAL stands for the journal where none is named. What the
    environment does not say, a profile may: 'allmysms config show' tells where each value comes from.

    Exit codes: 0 everybody accepted, 1 some not, 2 bad usage, 3 stopped (credits, login, quiet hours, the journal,
    Ctrl-C), 4 a file that was asked for could not be written. They hold whether or not anybody reads what is printed.
    """
    use(profile)
    if verbose and quiet:
        msg = "Say --verbose or --quiet."
        raise click.UsageError(msg)
    context.with_resource(logged(verbose=verbose, quiet=quiet, machine=log_format == "json", no_color=no_color))


@allmysms.command()
@click.option("--to", "numbers", multiple=True, required=True, metavar="NUMBER", help="A mobile number; may repeat.")
@sender_options
@click.option("--purpose", type=_purpose, default="transactional", show_default=True)
@click.option(
    "--idempotency-key",
    "key",
    callback=option.unlike_nothing,
    metavar="KEY",
    help="Repeat an earlier send whose outcome is unknown.",
)
@wording_options
@quiet_hours_options
@dry_run_option
@as_json_option
@click.argument("text")
def send(
    text: str,
    numbers: tuple[str, ...],
    key: str | None,
    coding: Encoding,
    quiet_hours: QuietPolicy | None,
    hours_rule: HoursRuleName | None,
    alsace_moselle: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Send TEXT to one person or a few (- reads it from standard input).

    Which coding the text needs, and in how many parts it goes, is said on standard error.
    """
    from allmysms_async.cli.dry_run import dry_send
    from allmysms_async.cli.send import send_text
    from allmysms_async.cli.wording import text_of

    message = SmsMessage(text_of(text), encoding=coding, **options)
    quiet = quiet_hours_given(quiet_hours, hours_rule, alsace_moselle=alsace_moselle)
    sending = dry_send if dry_run else send_text
    return asyncio.run(sending(message, numbers, key=key, quiet_hours=quiet, as_json=as_json))


for asks in ask_group.COMMANDS:
    allmysms.add_command(asks)
allmysms.add_command(api)
allmysms.add_command(campaign)
allmysms.add_command(preview_campaign)
allmysms.add_command(completion)
allmysms.add_command(config)
allmysms.add_command(handbook)
allmysms.add_command(mails)
allmysms.add_command(opt_outs)
allmysms.add_command(segments)
allmysms.add_command(webhooks)
allmysms.add_command(worker)


@allmysms.command()
@click.option("--http-port", type=click.IntRange(0, 65535), default=8026, show_default=True, help="0: any free one.")
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0: any free one.")
@as_json_option
def sandbox(http_port: int, smtp_port: int, as_json: bool) -> int:
    """Stand in for the gateway on this machine, until Ctrl-C."""
    from allmysms_async.cli.stand_in import serve

    return asyncio.run(serve(http_port, smtp_port, as_json=as_json))


@allmysms.command()
@click.option("--protocol", type=click.Choice([*_PROTOCOLS, "all"]), default="rest", show_default=True)
@as_json_option
def demo(protocol: str, as_json: bool) -> int:
    """Send a sample campaign to a sandbox, and check what became of every row. No account is needed."""
    try:
        from allmysms_async.cli.demo import run_demo
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None

    return asyncio.run(run_demo(protocol=protocol, machine=as_json))
