"""What came back to a campaign, as the HTML report shows it: how far texts came, over time, replies and STOPs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from html import escape as in_html
from typing import NamedTuple

from allmysms_async.cli.ending import escaped
from allmysms_async.cli.events import UNDELIVERED, CameBack, how_to_receive, in_words, without_ids
from allmysms_async.cli.screen import number
from allmysms_async.clock import SYSTEM
from allmysms_async.journal import EventRecord, JournalCampaign
from allmysms_async.model import DeliveryStatus, Reply
from allmysms_async.model.event import opt_out_of
from allmysms_async.numbers import mask
from allmysms_async.protocols.mail2sms.status import meaning

__all__ = ["LastReplies", "escape", "last_replies", "section", "share", "table_row"]

# Its colour, what it means; from below in a bar of the chart. Told apart also by those who see few colours.
_STATES: dict[DeliveryStatus, tuple[str, str]] = {
    DeliveryStatus.DELIVERED: ("#009e73", "on the handset"),
    DeliveryStatus.HANDED_TO_OPERATOR: ("#56b4e9", "on its way; the operator has not said more yet"),
    DeliveryStatus.UNDELIVERED: ("#e69f00", "not received: handset off or full, or the operator gave up"),
    DeliveryStatus.REJECTED: ("#d55e00", "the operator refused it"),
    DeliveryStatus.UNKNOWN_NUMBER: ("#cc79a7", "nobody has this number"),
    DeliveryStatus.OPTED_OUT: ("#0072b2", "not sent on, since its person opted out"),
    DeliveryStatus.UNKNOWN: ("#666666", "a report whose status the manual does not list"),
}
_SHOWN = 500
_LONGEST = 1000
_BARS = 96
_WIDTH, _HEIGHT, _LEFT, _BELOW, _LEGEND = 760, 180, 70, 24, 48
_NAMES_IN_A_LINE = 4
_BEFORE = timedelta(days=1)
_AFTER = timedelta(days=4)
_HOUR = timedelta(hours=1)


class LastReplies(NamedTuple):
    """The last answers to a campaign.

    Attributes:
        replies: The last ones, the latest last.
        stops: Likewise those that are a STOP.
    """

    replies: Collection[Reply]
    stops: Collection[Reply]


async def last_replies(events: EventRecord, campaign_ids: Collection[str]) -> LastReplies:
    """Return the last answers to a campaign's sends; no more than a page can show."""
    replies, stops = deque[Reply](maxlen=_SHOWN), deque[Reply](maxlen=_SHOWN)
    async for reply in events.replies(campaign_ids):
        replies.append(reply)
        if opt_out_of(reply) is not None:
            stops.append(reply)
    return LastReplies(replies, stops)


def escape(text: str) -> str:
    """Return a text as HTML shows it, on one line and without what steers."""
    return in_html(escaped(text))


def table_row(name: str, count: str, share: str, meaning: str = "") -> str:
    """Return a line of a table of figures."""
    return (
        f'<tr><th>{escape(name)}</th><td class="n">{escape(count)}</td><td class="n">{share}</td>'
        f"<td>{escape(meaning)}</td></tr>"
    )


def share(count: int, total: int) -> str:
    """Return a share in percent; only none is shown as 0, and only all as 100."""
    if not total or not count:
        return "0 %"
    percent = min(max(100 * count / total, 0.1), 100.0 if count == total else 99.9)
    return f"{percent:.1f} %"


def section(campaign: JournalCampaign, back: CameBack, replies: LastReplies | None) -> str:
    """Return what came back to a campaign; numbers are masked."""
    note = without_ids(campaign.result) or ("" if back.told else how_to_receive())
    return "".join(
        [
            f'<p class="dim">{escape(note)}</p>' if note else "",
            *([_delivery(campaign, back), _answers(back, replies)] if back.figures.told else ()),
            _mailed(back.mail_errors),
        ]
    )


def _delivery(campaign: JournalCampaign, back: CameBack) -> str:
    """Return how far texts came, and when."""
    delivery = back.figures.delivery
    total = sum(delivery.values())
    shown = {status: count for status, count in delivery.items() if count or status is DeliveryStatus.DELIVERED}

    def rows(states: Iterable[DeliveryStatus], name: Callable[[DeliveryStatus], str]) -> str:
        return "".join(
            table_row(name(status), number(shown[status]), share(shown[status], total), _STATES[status][1])
            for status in states
            if status in shown
        )

    coming = rows(
        (DeliveryStatus.DELIVERED, DeliveryStatus.HANDED_TO_OPERATOR), lambda status: status.replace("_", " ")
    )
    lost = sum(delivery[status] for status in UNDELIVERED)
    others = rows((DeliveryStatus.UNKNOWN,), lambda _: "reported otherwise")
    waiting = delivery[DeliveryStatus.PENDING]
    reasons = rows(UNDELIVERED, in_words)
    return "".join(
        [
            f"<h2>Delivery</h2><table><tbody>{coming}",
            table_row("undelivered", number(lost), share(lost, total), "for a reason below" if lost else ""),
            others,
            table_row("awaiting a report", number(waiting), share(waiting, total), "reports come for 72 hours"),
            "</tbody></table>",
            _over_time(back.figures.over_time, campaign.created_at),
            f"<h2>Why texts were not delivered</h2><table><tbody>{reasons}</tbody></table>" if reasons else "",
        ]
    )


def _over_time(hours: Mapping[datetime, Mapping[DeliveryStatus, int]], begun: datetime) -> str:
    """Return the chart: a bar for each hour, or for several where there are too many; nothing where nothing is dated.

    A report may name any date: what lies before the campaign or days ahead is told of, and not drawn.
    """
    until = SYSTEM.now() + _AFTER
    drawn = {at: counts for at, counts in sorted(hours.items()) if begun - _BEFORE <= at <= until}
    outside = sum(sum(counts.values()) for at, counts in hours.items() if at not in drawn)
    note = f"<p>{number(outside)} reports name a date that cannot be, and are left out.</p>" if outside else ""
    if not drawn:
        return note
    first = next(iter(drawn))
    span = int((max(drawn) - first) / _HOUR) + 1
    step = -(-span // _BARS)
    bars: dict[int, dict[DeliveryStatus, int]] = {}
    for at, counts in drawn.items():
        bar = bars.setdefault(int((at - first) / _HOUR) // step, {})
        for status, count in counts.items():
            bar[status] = bar.get(status, 0) + count
    every = "hour" if step == 1 else f"{step} hours"
    states = [status for status in _STATES if any(bar.get(status) for bar in bars.values())]
    if not states:
        return note
    return f"<h2>Over time</h2><p>Texts that came into their state, every {every}.</p>{note}" + _chart(
        bars, states, -(-span // step), first, step * _HOUR
    )


def _chart(
    bars: Mapping[int, Mapping[DeliveryStatus, int]],
    states: Collection[DeliveryStatus],
    count: int,
    first: datetime,
    step: timedelta,
) -> str:
    """Return bars, each of which is divided by states.

    Args:
        bars: Counts by state, by the place of the bar.
        states: Those to draw, from below.
        count: Places.
        first: Where the first one begins.
        step: How long each is.
    """
    most = max(sum(bar.get(status, 0) for status in states) for bar in bars.values()) or 1
    wide = min((_WIDTH - _LEFT) / count, 60.0)
    bottom = _LEGEND + _HEIGHT
    drawn: list[str] = []
    for place, bar in bars.items():
        top, begins = float(bottom), _moment(first + place * step)
        for status in states:
            if not (texts := bar.get(status, 0)):
                continue
            high = max(_HEIGHT * texts / most, 1.0)
            top -= high
            drawn.append(
                f'<rect x="{_LEFT + place * wide:.1f}" y="{top:.1f}" width="{max(wide - 1, 1):.1f}" '
                f'height="{high:.1f}" fill="{_STATES[status][0]}"><title>{begins}: {escape(number(texts))} '
                f"{_named(status)}</title></rect>"
            )
    names: list[str] = []
    for place, status in enumerate(states):
        line, column = divmod(place, _NAMES_IN_A_LINE)
        x, y = _LEFT + column * (_WIDTH - _LEFT) // _NAMES_IN_A_LINE, 4 + 18 * line
        names.append(
            f'<rect x="{x}" y="{y}" width="10" height="10" fill="{_STATES[status][0]}"/>'
            f'<text x="{x + 15}" y="{y + 10}">{_named(status)}</text>'
        )
    end = _LEFT + count * wide
    begin, last = _moment(first), _moment(first + count * step)
    # Two dates need room between them.
    ends = f'<text x="{end:.1f}" y="{bottom + 18}" text-anchor="end">{last}</text>' if end - _LEFT > 260 else ""
    totals = {status: sum(bar.get(status, 0) for bar in bars.values()) for status in states}
    label = f"From {begin} to {last}: " + ", ".join(f"{texts} {_named(status)}" for status, texts in totals.items())
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {bottom + _BELOW}" width="{_WIDTH}" '
        f'height="{bottom + _BELOW}" font-size="13">{"".join(names)}'
        f'<path d="M{_LEFT} {_LEGEND}V{bottom}H{max(end, _LEFT + 60):.1f}" fill="none" stroke="#666"/>'
        f'<text x="{_LEFT - 8}" y="{_LEGEND + 12}" text-anchor="end">{escape(number(most))}</text>'
        f'<text x="{_LEFT - 8}" y="{bottom}" text-anchor="end">0</text>'
        f'{"".join(drawn)}<text x="{_LEFT}" y="{bottom + 18}">{begin}</text>{ends}</svg>'
    )


def _answers(back: CameBack, found: LastReplies | None) -> str:
    """Return answers and opt-outs."""
    figures, last = back.figures, found or LastReplies((), ())
    told = figures.opt_outs - figures.stops
    return "".join(
        [
            f"<h2>Opt-outs</h2><p>{number(figures.opt_outs)} opted out: {number(figures.stops)} by answering STOP, ",
            f"{number(told)} by what a report says.</p>",
            _listed(last.stops),
            f"<h2>Replies</h2><p>{number(figures.replies)} in all",
            f"; the last {number(len(last.replies))} of them are here, 'campaign replies' lists all"
            if figures.replies > len(last.replies)
            else "",
            f".</p>{_listed(last.replies)}",
        ]
    )


def _listed(replies: Iterable[Reply]) -> str:
    """Return some answers as a table, the latest first."""
    rows = "".join(
        f"<tr><td>{'' if reply.received_at is None else _moment(reply.received_at)}</td>"
        f'<td>{escape(mask(reply.phone))}</td><td class="said" dir="auto">{escape(_short(reply.text))}</td></tr>'
        for reply in reversed(list(replies))
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _mailed(errors: Mapping[str, int]) -> str:
    """Return the errors that were mailed back."""
    if not errors:
        return ""
    total = sum(errors.values())
    rows = "".join(table_row(code, number(count), share(count, total), meaning(code)) for code, count in errors.items())
    return f"<h2>Errors that were mailed back, of all campaigns</h2><table><tbody>{rows}</tbody></table>"


def _named(status: DeliveryStatus) -> str:
    """Return what a state is called in a chart."""
    return "reported otherwise" if status is DeliveryStatus.UNKNOWN else status.value.replace("_", " ")


def _short(text: str) -> str:
    """Return a text, or the beginning of a long one."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _moment(at: datetime) -> str:
    """Return a moment by the clock of this machine, to the minute."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
