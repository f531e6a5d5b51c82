"""The report of a campaign as one HTML file that needs nothing else: figures, and a chart of the outcomes."""

from __future__ import annotations

from pathlib import Path

from allmysms_async.cli.ending import NotWritten
from allmysms_async.cli.events import CameBack
from allmysms_async.cli.file import NewFile
from allmysms_async.cli.html_events import LastReplies, escape, section, share, table_row
from allmysms_async.cli.report import money
from allmysms_async.cli.screen import number
from allmysms_async.clock import SYSTEM
from allmysms_async.journal import JournalCampaign
from allmysms_async.model import CampaignResult, Reason

__all__ = ["STYLE", "render", "write_html", "write_page"]

# State, its colour, what it means. The colours are told apart also by those who see few.
_STATES = (
    ("accepted", "#0072b2", "the gateway took the text"),
    ("rejected", "#e69f00", "surely not texted, for a reason below"),
    ("failed", "#cc79a7", "surely not sent; can be sent again"),
    ("unknown", "#d55e00", "may have been texted"),
    ("in flight", "#56b4e9", "being sent when this was written; may have been texted"),
    ("pending", "#999999", "not sent yet"),
)
_REASONS = {
    Reason.DUPLICATE_AT_GATEWAY: "the gateway refused their request because it had just taken an identical one: if no "
    "other program of yours sent that one, nobody texted them; decide with campaign resolve, --resend or --mark-sent",
}
_WIDTH, _BAR, _LABEL = 760, 26, 130
STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem 1rem .2rem 0;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}svg{max-width:100%;height:auto}
.note{border-left:4px solid #d55e00;padding-left:1rem}footer,.dim{color:#666;font-size:.85rem}
.said{overflow-wrap:anywhere}
@media(max-width:32rem){td,th{padding-right:.5rem;font-size:.8rem;overflow-wrap:anywhere}td.n{white-space:normal}}"""
"""Of every page."""


async def write_html(
    path: Path, campaign: JournalCampaign, back: CameBack | None = None, replies: LastReplies | None = None
) -> None:
    """Write a campaign's report, which its owner alone may read.

    Args:
        path: The file.
        campaign: The campaign.
        back: What came back to it, to be told of.
        replies: The answers to show.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It could not be written to its end.
    """
    await write_page(path, render(campaign, back, replies))


async def write_page(path: Path, page: str) -> None:
    """Write a page, which its owner alone may read.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It could not be written to its end.
    """
    file = NewFile(path)
    file.write(page.encode())
    await file.finish()
    if file.problem is not None:
        file.give_up()
        msg = f"{path} was not written: {file.problem}."
        raise NotWritten(msg)


def render(campaign: JournalCampaign, back: CameBack | None = None, replies: LastReplies | None = None) -> str:
    """Return a campaign's report; it names nobody, and does not show the text that was sent."""
    result = campaign.result
    name = escape(campaign.name)
    states = "".join(
        table_row(state, number(_count(result, state)), share(_count(result, state), result.rows), meaning)
        for state, _, meaning in _STATES
    )
    reasons = "".join(
        table_row(reason.value.replace("_", " "), number(count), share(count, result.rows), _REASONS.get(reason, ""))
        for reason, count in sorted(result.rejections.items(), key=lambda item: (-item[1], item[0].value))
    )
    problems = "".join(f"<li>{escape(text)} ({number(count)})</li>" for text, count in result.problems.items())
    written = SYSTEM.now().astimezone().isoformat(" ", "minutes")
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>',
        f"<style>{STYLE}</style></head><body><main><h1>{name}</h1>",
        f"<p>Begun {campaign.created_at.astimezone().isoformat(' ', 'minutes')}, over {escape(campaign.backend)}, ",
        f"run {escape(result.run_id[:8])}. {number(result.rows)} rows, {number(result.parts)} text parts, ",
        f"{escape(money(result.cost))} without tax, {number(len(result.campaign_ids))} requests taken.</p>",
        "" if result.complete else '<p class="note">The source was not read to its end: there may be more rows.</p>',
        _chart(result),
        f"<h2>Outcomes</h2><table><tbody>{states}</tbody></table>",
        f"<h2>Why rows were rejected</h2><table><tbody>{reasons}</tbody></table>" if reasons else "",
        "" if back is None else section(campaign, back, replies),
        f"<h2>What went wrong</h2><ul>{problems}</ul>" if problems else "",
        f"</main><footer>Written {written}.</footer></body></html>\n",
    ]
    return "".join(parts)


def _count(result: CampaignResult, state: str) -> int:
    """Return how many rows are in a state; those in flight apart from the others that are pending."""
    if state == "pending":
        return result.pending - result.in_flight
    return int(getattr(result, state.replace(" ", "_")))


def _chart(result: CampaignResult) -> str:
    """Return the chart: a bar for each state, as long as its share of the rows."""
    room = _WIDTH - _LABEL - 120
    most = max((_count(result, state) for state, _, _ in _STATES), default=0) or 1
    bars: list[str] = []
    for index, (state, colour, _) in enumerate(_STATES):
        count, y = _count(result, state), index * (_BAR + 10)
        width = 0 if not count else max(2.0, room * count / most)
        middle = y + _BAR / 2 + 5
        bars.append(
            f'<text x="{_LABEL - 10}" y="{middle:g}" text-anchor="end">{state}</text>'
            f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
            f'<text x="{_LABEL + width + 8:.1f}" y="{middle:g}">{escape(number(count))}</text>'
        )
    height = len(_STATES) * (_BAR + 10)
    label = ", ".join(f"{_count(result, state)} {state}" for state, _, _ in _STATES)
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-size="15">{"".join(bars)}</svg>'
    )
