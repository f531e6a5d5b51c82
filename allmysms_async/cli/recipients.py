"""The file of recipients that a command names: which reader takes it, and how it was read, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import click
import msgspec

from allmysms_async.batch.param import written
from allmysms_async.errors import InvalidSource
from allmysms_async.model import RefusedRow, SmsMessage
from allmysms_async.numbers import mask
from allmysms_async.source import CsvSource, SheetSource, read_csv, read_xlsx
from allmysms_async.source.column import shown_name
from allmysms_async.source.oddity import told_before_sending
from allmysms_async.text import Template, placeholders

__all__ = ["ListOptions", "check_params", "form_read", "how_read", "oddities", "opened"]

_SHEETS = {".xlsx", ".xlsm", ".xls", ".ods"}
_SEPARATORS = {";": "semicolons", ",": "commas", "\t": "tabs", "|": "bars"}
_ROOM = 60


class ListOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of a command say of its file of recipients.

    Attributes:
        file: The recipients.
        phone: Column of the numbers.
        params: Columns of the parameters.
        separator: Of a CSV file, or None to tell it.
        encoding: Of a CSV file, or None to tell it.
        sheet: Of a spreadsheet's own file, or None for the first.
        header: Whether the first row holds names, or None: if any column is given by name.
        short_rows: Whether a row may leave cells at its end out.
        default_country: Whose numbers are written without a country code, or None for France.
    """

    file: Path
    phone: str | int
    params: tuple[str | int, ...]
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header: bool | None = None
    short_rows: bool = False
    default_country: str | None = None


def opened(options: ListOptions) -> CsvSource | SheetSource:
    """Return the recipients of a file, by its kind.

    Raises:
        InvalidSource: The file cannot be read, or an option is of another kind of file.
    """
    if options.file.suffix.lower() in _SHEETS:
        if options.separator is not None or options.encoding is not None or options.short_rows:
            msg = f"{options.file} is a spreadsheet's own file: it has no separator, encoding or short rows to say."
            raise InvalidSource(msg)
        return read_xlsx(
            options.file,
            sheet=options.sheet,
            phone=options.phone,
            params=options.params,
            header=options.header,
            default_country=options.default_country,
        )
    if options.sheet is not None:
        msg = f"{options.file} is no spreadsheet's own file (.xlsx, .xls, .ods): it has no sheets."
        raise InvalidSource(msg)
    return read_csv(
        options.file,
        phone=options.phone,
        params=options.params,
        separator="\t" if options.separator in {"tab", "\\t"} else options.separator,
        encoding=options.encoding,
        header=options.header,
        short_rows=options.short_rows,
        default_country=options.default_country,
    )


def check_params(options: ListOptions, text: str) -> None:
    """Refuse a text that uses more columns than are named.

    Raises:
        UsageError: It does.
    """
    wanted = placeholders(text)
    if wanted > len(options.params):
        msg = f"The text uses #param_{wanted}#, but there are only {len(options.params)} --param columns."
        raise click.UsageError(msg)


def form_read(source: CsvSource | SheetSource) -> dict[str, object]:
    """Return how a file is read, for machines."""
    form: dict[str, object] = (
        {"sheet": source.sheet}
        if isinstance(source, SheetSource)
        else {"encoding": source.encoding.removesuffix("-sig"), "separator": source.separator}
    )
    header = None if source.header is None else list(source.header)
    return {"file": str(source.path), **form, "header": header, "columns": list(source.columns)}


def how_read(source: CsvSource | SheetSource, message: SmsMessage) -> Sequence[str]:
    """Return how a file is read, and its first row as it will be sent: two sentences at most."""
    columns = [_column(source, position) for position in source.columns]
    if isinstance(source, SheetSource):
        form = f"sheet {source.sheet!r}"
    else:
        between = _SEPARATORS.get(source.separator, source.separator)
        form = f"{source.encoding.removesuffix('-sig')}, {between} between cells"
    form += "" if source.header is not None else ", no header"
    params = "".join(f", #param_{number}# from {column}" for number, column in enumerate(columns[1:], 1))
    lines = [f"{source.path.name}: {form}; numbers from {columns[0]}{params}."]
    template = Template(message.text)
    for row in islice(source, 1):
        if not isinstance(row, RefusedRow) and len(row.params) >= template.count:
            shown = " ".join(template.render(written(row.params, gsm_replacements=message.gsm_replacements)).split())
            shown = shown if len(shown) <= _ROOM else shown[:_ROOM] + "…"
            lines.append(f"Line {row.line}, {mask(row.phone)}: “{shown}”.")
    return lines


def oddities(source: CsvSource | SheetSource) -> Sequence[str]:
    """Return what looks odd enough to be told as a campaign begins, a sentence each; all of the file is read."""
    return [f"Odd: {sentence}" for sentence in told_before_sending(source)]


def _column(source: CsvSource | SheetSource, position: int) -> str:
    """Return a column's name, or its position where it has none."""
    header = source.header or ()
    name = header[position - 1] if position <= len(header) else ""
    return f"column {position} ({shown_name(' '.join(name.split()))})" if name.strip() else f"column {position}"
