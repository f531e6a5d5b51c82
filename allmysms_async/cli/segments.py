"""``allmysms segments``: where the parts of a text break, and which of its characters cost."""

from __future__ import annotations

import click

from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.option_group import as_json_option, coding_option
from allmysms_async.model import Encoding, coding_of

__all__ = ["segments"]


@click.command()
@coding_option
@as_json_option
@click.argument("text")
def segments(text: str, coding: Encoding, as_json: bool) -> int:
    """Show the parts that TEXT is sent in, and send nothing (- reads it from standard input).

    Characters that make the text Unicode are red, those that count twice yellow. Placeholders are taken as they stand.
    """
    from allmysms_async.cli.segment_view import print_json, print_parts
    from allmysms_async.cli.wording import text_of
    from allmysms_async.text import segments as segments_of

    found = segments_of(text_of(text), coding_of(coding))
    if as_json:
        print_json(found)
    else:
        print_parts(found)
    return ExitCode.ALL_ACCEPTED
