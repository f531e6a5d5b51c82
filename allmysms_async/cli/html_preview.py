"""A preview as one HTML file that needs nothing else, in the form of a campaign's report."""

from __future__ import annotations

from pathlib import Path

from allmysms_async.cli.ending import plain
from allmysms_async.cli.html import STYLE, write_page
from allmysms_async.cli.html_events import escape, share, table_row
from allmysms_async.cli.preview_words import (
    begins_told,
    character_named,
    compared,
    country_named,
    difference_named,
    facts,
    hours_told,
    length_named,
    place_of,
    replacement_named,
    unicode_told,
)
from allmysms_async.cli.report import Examples, money
from allmysms_async.cli.screen import number
from allmysms_async.clock import SYSTEM
from allmysms_async.preview import Preview

__all__ = ["render_preview", "write_preview"]

_WIDTH, _BAR, _LABEL = 760, 26, 90
_EXAMPLES = 90


async def write_preview(path: Path, preview: Preview) -> None:
    """Write a preview, which its owner alone may read.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It could not be written to its end.
    """
    await write_page(path, render_preview(preview))


def render_preview(preview: Preview) -> str:
    """Return a preview as a page; numbers are masked, and the text is not shown."""
    name = escape(preview.name)
    written = SYSTEM.now().astimezone().isoformat(" ", "minutes")
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in preview.notes)
    if preview.begins_at is not None:
        notes += f'<p class="note">{escape(begins_told(preview))}</p>'
    if preview.affordable is False:
        notes += '<p class="note">What is left on the account is not enough.</p>'
    figures = "".join(_line(_head(name), _number(figure)) for name, figure in facts(preview))
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Preview: {name}</title>',
        f"<style>{STYLE}</style></head><body><main><h1>Preview: {name}</h1>",
        f"<p>Nothing was sent. {number(preview.rows)} rows over {escape(preview.backend)}: ",
        f"{number(preview.recipients)} would be sent to, {number(preview.rejected)} rejected, ",
        f"{number(preview.duplicates)} of them duplicates.</p>{notes}",
        f"<table><tbody>{figures}</tbody></table>",
        _parts(preview),
        _unicode(preview),
        _countries(preview),
        _hours(preview),
        _rejected(preview),
        _gateway(preview),
        f"</main><footer>Written {written}.</footer></body></html>\n",
    ]
    return "".join(parts)


def _line(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _head(text: str) -> str:
    return f"<th>{escape(text)}</th>" if text else "<td></td>"


def _number(text: str) -> str:
    return f'<td class="n">{escape(text)}</td>'


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _headings(*texts: str) -> str:
    return f"<thead>{_line(*map(_head, texts))}</thead>"


def _parts(preview: Preview) -> str:
    """Return how many parts a text takes as a chart, and the longest texts."""
    if not preview.histogram:
        return ""
    room, most = _WIDTH - _LABEL - 180, max(preview.histogram.values())
    bars: list[str] = []
    for index, (parts, count) in enumerate(preview.histogram.items()):
        y, width = index * (_BAR + 10), max(2.0, room * count / most)
        middle = y + _BAR / 2 + 5
        bars.append(
            f'<text x="{_LABEL - 10}" y="{middle:g}" text-anchor="end">{parts} part{"s" if parts > 1 else ""}</text>'
            f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="#0072b2"/>'
            f'<text x="{_LABEL + width + 8:.1f}" y="{middle:g}">{escape(number(count))} '
            f"({share(count, preview.recipients)})</text>"
        )
    height = len(preview.histogram) * (_BAR + 10)
    label = ", ".join(f"{count} recipients with {parts} parts" for parts, count in preview.histogram.items())
    longest = "".join(
        _line(_cell(place_of(row)), _number(f"{row.parts} parts"), _cell(length_named(row))) for row in preview.longest
    )
    return (
        f'<h2>Parts of a text</h2><svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-size="15">{"".join(bars)}</svg>'
        + (f"<h2>The longest texts</h2><table><tbody>{longest}</tbody></table>" if longest else "")
    )


def _unicode(preview: Preview) -> str:
    """Return what forces Unicode, and what it costs."""
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in unicode_told(preview))
    rows: list[str] = []
    for found in preview.characters:
        shown, called = character_named(found)
        where = f"row {found.row}" if found.line is None else f"line {found.line}"
        rows.append(
            _line(
                f'<th dir="auto">{escape(shown)}</th>',
                _cell(called),
                _number(number(found.recipients)),
                _number(number(found.extra_parts)),
                _cell(replacement_named(found)),
                _cell(where),
            )
        )
    heads = _headings("", "character", "recipients", "extra parts", "GSM-7", "first")
    table = f"<table>{heads}<tbody>{''.join(rows)}</tbody></table>" if rows else ""
    return f"<h2>What forces Unicode</h2>{told}{table}" if told else ""


def _countries(preview: Preview) -> str:
    """Return who is in which country, and what that costs."""
    rows = "".join(
        _line(
            _head(country_named(each)),
            _number(number(each.recipients)),
            _number(number(each.parts)),
            _number("-" if each.price is None else money(each.price)),
            _number("-" if each.cost is None else money(each.cost)),
        )
        for each in preview.countries
    )
    heads = _headings("", "recipients", "parts", "a part", "cost without tax")
    return f"<h2>Countries</h2><table>{heads}<tbody>{rows}</tbody></table>" if rows else ""


def _hours(preview: Preview) -> str:
    """Return whether quiet hours allow it."""
    rows = "".join(_line(_head(zone), _number(count), _cell(told)) for zone, count, told in hours_told(preview))
    return f"<h2>Quiet hours of marketing</h2><table><tbody>{rows}</tbody></table>" if rows else ""


def _rejected(preview: Preview) -> str:
    """Return why rows would be rejected, with the first of them."""
    examples = Examples()
    for outcomes in preview.first_rejected.values():
        examples.collect(outcomes)
    rows = "".join(
        table_row(
            reason.value.replace("_", " "),
            number(count),
            share(count, preview.rows),
            plain(examples.of(reason, _EXAMPLES)),
        )
        for reason, count in preview.rejections.items()
    )
    return f"<h2>Why rows would be rejected</h2><table><tbody>{rows}</tbody></table>" if rows else ""


def _gateway(preview: Preview) -> str:
    """Return the gateway's own answer beside the plan."""
    if preview.simulation is None:
        return ""
    rows = "".join(_line(_head(what), _number(here), _number(there)) for what, here, there in compared(preview))
    told = [difference_named(each) for each in preview.simulation.differences] or ["It sees no figure otherwise."]
    told += [f"{number(count)} requests it would refuse: {text}" for text, count in preview.simulation.refused.items()]
    return (
        f"<h2>The gateway's own answer</h2><table>{_headings('', 'planned here', 'the gateway')}<tbody>{rows}</tbody>"
        f"</table>{''.join(f'<p>{escape(sentence)}</p>' for sentence in told)}"
    )
