"""`campaign report` and `campaign replies`: what came back to a campaign, for people, machines and spreadsheets."""

import asyncio
import csv
import io
import json
import os
import re
import sqlite3
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from allmysms_async import DeliveryReport, DeliveryStatus, Outcome, OutcomeState, Reply
from allmysms_async.cli.campaign_report import write_rows
from allmysms_async.cli.outlet import Outlet, read_along
from allmysms_async.cli.writer import Writer
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_report import EventReport
from allmysms_async.journal.mail_errors import MailErrors
from allmysms_async.mailbox import MailError
from allmysms_async.sandbox import Sandbox
from allmysms_async.webhooks import Receiver

from .conftest import Ended, Run

Clients = Callable[[list[str]], Path]
GOOD = [f"06 12 34 50 {number:02d}" for number in range(6, 30)]
PHONES = [f"336123450{number:02d}" for number in range(6, 30)]
HOSTILE = "<script src=\"//evil.example/x.js\"></script>\x1b]0;owned\x07\u202e\n=cmd|' /C calc'!A0,-1"
TOKEN = "u7Qe3nVtY0kD5sXbRz2mJw8aPcLh6fGo"
STATES = ["delivered", "handed_to_operator", "opted_out", "pending", "rejected", "undelivered", "unknown"]
STATES.append("unknown_number")


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """Where the journal is."""
    return str(tmp_path / "soldes.db")


@pytest.fixture
async def sends(run: Run, clients: Clients, journal: str, tmp_path: Path) -> dict[str, str]:
    """The gateway's identifier of the send that each number is of, of a campaign that was just sent."""
    words = ["campaign", "run", str(clients([*GOOD, "néant"])), "--text", "Bonjour", "--phone", "mobile"]
    ended = await run(*words, "--purpose", "transactional", "--journal", journal, "--chunk-size", "5")
    assert ended.code == 1, ended.err
    path = tmp_path / "before.csv"
    await run("campaign", "report", journal, "--csv", str(path))
    return {row["number"]: row["campaign_id"] for row in rows(path) if row["state"] == "accepted"}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the lines of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dated(hours: float) -> datetime:
    """Return a moment after the present one, to the second."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


async def come(journal: str, sends: dict[str, str], replies: dict[str, str] | None = None) -> None:
    """Let reports come, one of each final kind and two delivered, and replies."""
    texts = list(sends.items())
    kinds = ["delivered", "delivered", "undelivered", "rejected", "unknown_number", "opted_out", "handed_to_operator"]
    events = [
        DeliveryReport(phone=phone, status=DeliveryStatus(kind), code=kind, received_at=dated(-place), campaign_id=send)
        for place, (kind, (phone, send)) in enumerate(zip(kinds, texts, strict=False))
    ]
    answers = [
        Reply(phone=phone, text=text, received_at=dated(0), campaign_id=sends[phone], sms_id="s1", reply_id="r1")
        for phone, text in (replies or {}).items()
    ]
    other = Reply(phone=texts[0][0], text="to another campaign", received_at=dated(0), campaign_id="other")
    async with EventJournal(journal) as kept:
        await kept.store([*events, *answers, other])


def figures(ended: Ended) -> dict[str, str]:
    """Return the lines of a table, by their labels."""
    lines = (re.split(r"\s{2,}", line.strip()) for line in ended.out.splitlines())
    return {line[0]: line[1] for line in lines if len(line) > 1}


async def test_json_counts_what_came_back(run: Run, sends: dict[str, str], journal: str) -> None:
    """Every state is there; what was accepted and has no report is pending; the exit code stays."""
    before = json.loads((await run("campaign", "report", journal, "--json")).out)
    assert before["delivery"] == dict.fromkeys(STATES, 0) | {"pending": 24}
    assert (before["replies"], before["opt_outs"]) == (0, 0)
    await come(journal, sends, {PHONES[0]: "Oui", PHONES[1]: "stop", PHONES[5]: "STOP"})
    ended = await run("campaign", "report", journal, "--json")
    assert ended.code == 1, ended.err
    told = json.loads(ended.out)
    counts = dict.fromkeys(STATES, 1) | {"delivered": 2, "unknown": 0, "pending": 17}
    assert told["delivery"] == counts
    assert (told["replies"], told["opt_outs"]) == (3, 2)
    assert "mail_errors" not in told
    assert (told["total"], told["accepted"]) == (25, 24)


async def test_table_has_lines_for_what_came_back_once_something_did(
    run: Run, sends: dict[str, str], journal: str
) -> None:
    """Before, one line says how to receive it; then the table tells it, also on a narrow terminal."""
    before = await run("campaign", "report", journal)
    assert "allmysms webhooks listen" in before.out
    assert "Delivered" not in before.out
    await come(journal, sends, {PHONES[1]: "STOP"})
    for width in ("40", "80", "120"):
        ended = await run("campaign", "report", journal, COLUMNS=width)
        told = figures(ended)
        assert "webhooks listen" not in ended.out
        assert (told["Delivered"], told["Handed to operator"], told["Undelivered"]) == ("2", "1", "4")
        assert (told["not received"], told["unknown number"], told["opted out"]) == ("1", "1", "1")
        assert (told["Awaiting a report"], told["Replies"], told["Opt-outs"]) == ("17", "1", "2")
        assert max(map(len, ended.out.splitlines())) <= int(width)


async def test_csv_says_how_far_each_text_came(run: Run, sends: dict[str, str], journal: str, tmp_path: Path) -> None:
    """Once something came back the CSV has two columns more, right for each recipient."""
    await come(journal, sends)
    path = tmp_path / "report.csv"
    await run("campaign", "report", journal, "--csv", str(path))
    lines = rows(path)
    assert list(lines[0])[-2:] == ["delivery", "delivery_at"]
    by_number = {line["number"]: (line["delivery"], line["delivery_at"]) for line in lines}
    phones = list(sends)
    assert by_number[phones[2]][0] == "undelivered"
    assert datetime.fromisoformat(by_number[phones[2]][1]).tzinfo is not None
    assert by_number[phones[5]][0] == "opted_out"
    assert by_number[phones[10]] == ("pending", "")
    assert [(line["delivery"], line["delivery_at"]) for line in lines if line["state"] == "rejected"] == [("", "")]


class Page(HTMLParser):
    """The elements and texts that a browser sees in a page."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.text += data


async def test_html_shows_what_came_back_and_nothing_that_runs(
    run: Run, sends: dict[str, str], journal: str, tmp_path: Path
) -> None:
    """Hostile replies stay texts, numbers are masked, the chart is drawn over time, nothing is fetched or run."""
    await come(journal, sends, {PHONES[0]: HOSTILE, PHONES[1]: "STOP <b>", PHONES[2]: "x" * 5000})
    path = tmp_path / "report.html"
    await run("campaign", "report", journal, "--html", str(path))
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert {"script", "img", "iframe", "link", "b"} & set(page.tags) == set()
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href"}]
    assert not set("\x1b\x07\u202e") & set(html)
    assert '<script src="//evil.example/x.js"></script>\\x1b]0;owned\\x07\\u202e\\n=cmd' in page.text
    assert "x" * 1000 + "…" in page.text
    assert "x" * 1001 not in page.text
    assert not any(phone in html for phone in PHONES)
    assert "336****06" in page.text
    assert "to another campaign" not in page.text
    assert "2 opted out: 1 by answering STOP, 1 by what a report says." in page.text
    chart = html[html.rindex("<svg") : html.rindex("</svg>") + 6]
    drawn = ET.fromstring(chart)  # noqa: S314  # written by the command
    bars = [bar for bar in drawn.iter("rect") if bar.find("title") is not None]
    assert len(bars) == 7
    assert all(float(bar.get("height", "")) > 0 and float(bar.get("width", "")) > 0 for bar in bars)
    assert all(0 <= float(bar.get("x", "")) + float(bar.get("width", "")) <= 760 for bar in bars)
    assert all(float(bar.get("y", "")) >= 0 for bar in bars)
    assert "2 delivered, 1 handed to operator" in drawn.get("aria-label", "")


def delivered(text: tuple[str, str], at: datetime | None) -> DeliveryReport:
    """Return a report on a text."""
    phone, send = text
    return DeliveryReport(phone=phone, status=DeliveryStatus.DELIVERED, code="1", received_at=at, campaign_id=send)


async def test_html_of_any_dates_has_a_chart_that_can_be_read(
    run: Run, sends: dict[str, str], journal: str, tmp_path: Path
) -> None:
    """Dates that cannot be are told of and not drawn, and weeks are drawn as few bars."""
    dates = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC), None, dated(-2), dated(90)]
    reports = [delivered(text, at) for at, text in zip(dates, sends.items(), strict=False)]
    with closing(sqlite3.connect(journal)) as raw, raw:
        raw.execute("update campaign set created_at = created_at - 20 * 86400")
    async with EventJournal(journal) as kept:
        await kept.store([*reports, delivered(list(sends.items())[6], dated(-450))])
    path = tmp_path / "report.html"
    ended = await run("campaign", "report", journal, "--html", str(path))
    assert ended.code == 1, ended.err
    html = path.read_text(encoding="utf-8")
    assert "2 reports name a date that cannot be" in html
    assert "every 6 hours" in html
    assert html.count("<title>") - 1 == 3


async def test_html_shows_the_last_replies_of_many(
    run: Run, sends: dict[str, str], journal: str, tmp_path: Path
) -> None:
    """A page holds the last 500 replies, and says that there are more."""
    phone = PHONES[0]
    async with EventJournal(journal) as kept:
        await kept.store(
            [
                Reply(phone=phone, text=f"no {each}.", received_at=dated(each / 3600), campaign_id=sends[phone])
                for each in range(1200)
            ]
        )
    path = tmp_path / "report.html"
    await run("campaign", "report", journal, "--html", str(path))
    html = path.read_text(encoding="utf-8")
    assert "the last 500 of them are here" in html
    assert ("no 1199." in html, "no 700." in html, "no 699." in html) == (True, True, False)
    assert html.index("no 1199.") < html.index("no 1198.")


async def test_replies_are_listed(run: Run, sends: dict[str, str], journal: str) -> None:
    """A line for each, masked and harmless on a screen; whole for machines; none of another campaign."""
    none = await run("campaign", "replies", journal)
    assert (none.code, none.out, "webhooks listen" in none.err) == (0, "", True)
    assert (await run("campaign", "replies", journal, "--json")).out == "[]\n"
    await come(journal, sends, {PHONES[0]: HOSTILE, PHONES[1]: "Oui"})
    ended = await run("campaign", "replies", journal, "--name", "clients")
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 2
    assert not set("\x1b\x07\u202e") & set(ended.out)
    assert "336****06" in ended.out
    assert not any(phone in ended.out for phone in PHONES)
    told = json.loads((await run("campaign", "replies", journal, "--json")).out)
    assert [(each["phone"], each["text"]) for each in told] == [(PHONES[0], HOSTILE), (PHONES[1], "Oui")]
    assert set(told[0]) == {"received_at", "phone", "text", "reply_id", "sms_id", "campaign_id"}
    wrong = await run("campaign", "replies", journal, "--json", "--csv", "x.csv")
    assert (wrong.code, wrong.out) == (2, "")


async def test_replies_in_a_file_are_no_formulas(run: Run, sends: dict[str, str], journal: str, tmp_path: Path) -> None:
    """The CSV has whole numbers, and no cell that a spreadsheet runs or a terminal obeys; a file of its owner alone."""
    await come(journal, sends, {PHONES[0]: HOSTILE, PHONES[1]: "=1+1", PHONES[2]: "\uff1dA1", PHONES[3]: "@x;-1"})
    path = tmp_path / "replies.csv"
    ended = await run("campaign", "replies", journal, "--csv", str(path))
    assert (ended.code, ended.out) == (0, ""), ended.err
    lines = rows(path)
    assert list(lines[0]) == ["received_at", "number", "text", "reply_id", "sms_id", "campaign_id"]
    assert [line["number"] for line in lines] == PHONES[:4]
    assert [line["text"] for line in lines[1:]] == ["'=1+1", "'\uff1dA1", "'@x;'-1"]
    text = path.read_text(encoding="utf-8")
    assert not set("\x1b\x07\u202e") & set(text)
    assert len(text.splitlines()) == 5
    assert path.stat().st_mode & 0o777 == 0o600
    full = await run("campaign", "replies", journal, "--csv", "/dev/full")
    assert (full.code, "was not written" in full.err) == (4, True), full.err
    itself = await run("campaign", "replies", journal, "--csv", journal)
    assert (itself.code, "itself" in itself.err) == (2, True), itself.err


async def test_who_prints_without_end_waits_for_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has read yet does not fill the memory; where nobody reads any more there is nothing to wait for."""
    reads, writes = os.pipe()
    with open(writes, "wb", buffering=0) as raw, io.StringIO() as stream:  # noqa: ASYNC230  # a pipe's end
        outlet = Outlet(stream, Writer(raw), keep=True)
        monkeypatch.setattr("sys.stdout", outlet)
        assert await read_along()
        for _ in range(100):
            outlet.write("x" * 50_000)
        waiting = asyncio.ensure_future(read_along())
        await asyncio.sleep(0)
        assert not waiting.done()
        while outlet.writer.waiting > 4_000_000:
            await asyncio.to_thread(os.read, reads, 65536)
        assert await waiting
        assert outlet.writer.waiting
        os.close(reads)
        await asyncio.to_thread(outlet.writer.drain, 60.0)
        assert not await read_along()


async def test_what_the_gateway_pushes_is_in_the_report(
    run: Run, sends: dict[str, str], journal: str, sandbox: Sandbox
) -> None:
    """Reports and replies that a receiver took in through its webhook are in the report of the campaign."""
    async with Receiver(TOKEN, journal=journal) as receiver:
        sandbox.push_into(receiver.asgi, f"/{TOKEN}")
        sandbox.reply(PHONES[0], "Merci")
        sandbox.reply(PHONES[1], "STOP")
        sandbox.advance(72 * 3600)
        await sandbox.webhooks.settled()
    told = json.loads((await run("campaign", "report", journal, "--json")).out)
    assert sum(told["delivery"].values()) == len(sends)
    assert (told["replies"], told["opt_outs"]) == (2, 1 + told["delivery"]["opted_out"])
    known = {"delivered", "undelivered", "rejected", "unknown_number", "opted_out"}
    assert sum(told["delivery"][state] for state in known) > 0
    assert "Merci" in (await run("campaign", "replies", journal)).out


async def test_journal_that_may_only_be_read_is_reported_on(
    run: Run, sends: dict[str, str], journal: str, tmp_path: Path
) -> None:
    """Looking writes nothing: a report on a journal opened for reading alone has all that came back."""
    await come(journal, sends, {PHONES[0]: "Oui"})
    url = f"sqlite:///file:{journal}?mode=ro&uri=true"
    ended = await run("campaign", "report", url, "--json")
    assert json.loads(ended.out)["replies"] == 1, ended.err
    assert "Oui" in (await run("campaign", "replies", url)).out


async def test_mailed_errors_are_in_the_report(run: Run, sends: dict[str, str], journal: str, tmp_path: Path) -> None:
    """Errors that were mailed back are counted by status, said to be of all campaigns."""
    async with MailErrors(journal, create=True) as kept:
        await kept.keep(MailError(code=code, problem="", identity=bytes([place])) for place, code in
                        enumerate(("104", "102", "104")))  # fmt: skip
    told = json.loads((await run("campaign", "report", journal, "--json")).out)
    assert told["mail_errors"] == {"102": 1, "104": 2}
    told = figures(await run("campaign", "report", journal))
    assert (told["Mailed errors"], told["status 104"]) == ("3", "2")
    assert "Delivered" not in told
    path = tmp_path / "report.html"
    await run("campaign", "report", journal, "--html", str(path))
    assert "mailed back, of all campaigns" in path.read_text(encoding="utf-8")


async def test_protocol_without_identifiers_is_said(
    run: Run, sends: dict[str, str], journal: str, tmp_path: Path
) -> None:
    """Where sends have no identifiers nothing can be told to be the campaign's, and that is what is said."""
    await come(journal, sends, {PHONES[0]: "Oui"})
    with closing(sqlite3.connect(journal)) as raw, raw:
        raw.execute("update chunk set gateway_id = null")
    ended = await run("campaign", "report", journal, "--json")
    assert json.loads(ended.out)["delivery"]["pending"] == 24
    assert "no identifiers" in ended.err
    for command in ("report", "replies"):
        ended = await run("campaign", command, journal)
        assert ("no identifiers" in ended.err, "webhooks listen" in ended.out + ended.err) == (True, False)
    await run("campaign", "report", journal, "--html", str(tmp_path / "report.html"))
    assert "no identifiers" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
async def test_many_outcomes_are_joined_in_bounded_memory(tmp_path: Path) -> None:
    """The report of 20,000 people with as many reports takes as little memory as that of a few."""
    count, size = 20_000, 500
    journal, path = str(tmp_path / "events.db"), tmp_path / "report.csv"

    def phone(person: int) -> str:
        return f"336{person:08d}"

    async with EventJournal(journal) as kept:
        for start in range(0, count, 5000):
            await kept.store(
                [
                    DeliveryReport(
                        phone=phone(person),
                        status=DeliveryStatus.DELIVERED if person % 10 else DeliveryStatus.UNDELIVERED,
                        code="1",
                        campaign_id=f"c{person // size}",
                    )
                    for person in range(start, start + 5000)
                    if person % 7
                ]
            )

    async def outcomes() -> AsyncIterator[Outcome]:
        for person in range(count):
            yield Outcome(
                person + 1, person + 2, phone(person), OutcomeState.ACCEPTED, campaign_id=f"c{person // size}"
            )

    async with EventReport(journal) as events:

        async def states_of(some):
            return await events.states_of((outcome.campaign_id, outcome.phone) for outcome in some)

        tracemalloc.start()
        try:
            await write_rows(path, outcomes(), states_of)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 3 * 1024 * 1024
    counted = dict.fromkeys(("delivered", "undelivered", "pending"), 0)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counted[row["delivery"]] += 1
            person = int(row["row"]) - 1
            assert (row["delivery"] == "pending") == (person % 7 == 0)
    assert sum(counted.values()) == count
