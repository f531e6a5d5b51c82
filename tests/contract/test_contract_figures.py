"""Absurd figures in answers, over every protocol: they count as none, and nothing that keeps figures is broken."""

import json
import logging
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from allmysms_async import (
    Campaign,
    CampaignStopped,
    EnvoyerSmsProBackend,
    LimitReached,
    MmsBackend,
    Recipient,
    RestBackend,
    RetryPolicy,
    SendReceipt,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.cli import html
from allmysms_async.cli.report import Examples, as_json, closing_table
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.journal import Journal
from allmysms_async.protocols.mail2sms.reply import parse_error_reply
from allmysms_async.protocols.rest.codec import decode
from allmysms_async.protocols.rest.receipt import receipt
from allmysms_async.protocols.rest.sms import SendSms

ABSURD = ["9223372036854775808", "-40", "-1", "9e29", "NaN", "Infinity", "1e309", "1e400", "1" + "0" * 30]
# As JSON writes them: bare, and as texts; of a million digits only as a text.
WRITTEN = [*ABSURD, *(f'"{figure}"' for figure in ABSURD), '"deux"', '"' + "9" * 1_000_000 + '"']
# One of each kind. How each of the others is read, the first test below says of every protocol.
KINDS = ["9223372036854775808", "-1", '"9e29"', "NaN", "1e309", '"deux"', WRITTEN[-1]]
IDS = [figure if len(figure) < 20 else f"{figure[:6]}… of {len(figure)}" for figure in WRITTEN]
REST = ("nbSms", "cost", "creditsUsed", "credits", "balance")


class Answering:
    """A transport whose gateway takes everything, and writes what it is told where figures are."""

    def __init__(self, write: Callable[[str, list[str]], str]) -> None:
        """Answer by a function of the request and its numbers."""
        self.write = write
        self.sent: list[str] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Take a request."""
        body = request.body.decode()
        numbers = re.findall(r"\b33[67]\d{8}\b", " ".join(value for one in parse_qs(body).values() for value in one))
        numbers = numbers or re.findall(r"\b33[67]\d{8}\b", body)
        if request.name != "simulateCampaign":
            self.sent += numbers
        return HttpResponse(status=200, headers={}, body=self.write(request.name, numbers).encode())

    async def aclose(self) -> None:
        """Do nothing."""


def in_json(figures: dict[str, str]) -> Callable[[str, list[str]], str]:
    """Answer as v9 does in JSON, with some figures as they are written here."""

    def write(_: str, numbers: list[str]) -> str:
        usual = {"status": "100", "campaignId": '"c-1"', "nbContacts": str(len(numbers)), "nbSms": str(len(numbers))}
        usual["smsIds"] = json.dumps([{"phoneNumber": number, "smsId": f"s-{number}"} for number in numbers])
        return "{" + ", ".join(f'"{name}": {value}' for name, value in (usual | figures).items()) + "}"

    return write


def in_xml(figures: dict[str, str]) -> Callable[[str, list[str]], str]:
    """Answer as v9 does in XML."""

    def write(_: str, numbers: list[str]) -> str:
        usual = {"status": "100", "campaignId": "c-1", "nbContacts": str(len(numbers)), "nbSms": str(len(numbers))}
        fields = usual | {name: value.strip('"') for name, value in figures.items()}
        ids = "".join(f"<sms><phoneNumber>{one}</phoneNumber><smsId>s-{one}</smsId></sms>" for one in numbers)
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        return f"<sendSms>{inner}<smsIds>{ids}</smsIds></sendSms>"

    return write


def in_soap(figure: str) -> Callable[[str, list[str]], str]:
    """Answer as the SOAP API does."""

    def write(name: str, numbers: list[str]) -> str:
        ids = "".join(f"<item><mobilePhone>{one}</mobilePhone><id>s-{one}</id></item>" for one in numbers)
        told = f"<status>100</status><credits>{figure}</credits><campaignId>c-1</campaignId><ids>{ids}</ids>"
        head = '<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body>'
        return f"{head}<{name}Response><return>{told}</return></{name}Response></E:Body></E:Envelope>"

    return write


def in_lines(figure: str) -> Callable[[str, list[str]], str]:
    """Answer as the MMS module does."""
    return lambda _, __: f"Status=100\nStatusText=OK\nCredits={figure}\nInvalidNums=\nCampaignID=c-1\n"


def in_pro(figure: str) -> Callable[[str, list[str]], str]:
    """Answer as Envoyer SMS Pro does."""
    told = f"<message_id>7</message_id><sms_sent>{figure}</sms_sent><sms_remaing>{figure}</sms_remaing>"
    return lambda _, __: f"<envoyersmspro><status>success</status><message>{told}</message></envoyersmspro>"


def rest(transport: Answering) -> RestBackend:
    """Return a backend over a transport."""
    return RestBackend("demo", "demo-key", transport=transport)


def backends(written: str) -> dict[str, tuple[Any, Answering, str]]:
    """Return each protocol that answers with figures, its transport, and one field's name."""
    bare = written.strip('"')
    found: dict[str, tuple[Any, Answering, str]] = {}
    for form, name in ((in_json, "json"), (in_xml, "xml")):
        transport = Answering(form(dict.fromkeys(REST, written)))
        found[name] = (rest(transport), transport, "nbSms")
    transport = Answering(in_soap(bare))
    found["soap"] = (SoapBackend("demo", "demo-pass", transport=transport), transport, "credits")
    transport = Answering(in_lines(bare))
    found["mms"] = (MmsBackend("demo", "demo-pass", transport=transport), transport, "Credits")
    transport = Answering(in_pro(bare))
    pro = EnvoyerSmsProBackend("0698765432", "demo-pass", default_sender="MAGASIN", transport=transport)
    found["envoyersmspro"] = (pro, transport, "sms_sent")
    return found


@pytest.mark.parametrize("protocol", ["json", "xml", "soap", "mms", "envoyersmspro"])
@pytest.mark.parametrize("written", WRITTEN, ids=IDS)
async def test_absurd_figure_counts_as_none(protocol: str, written: str, caplog: pytest.LogCaptureFixture) -> None:
    """A send that was taken is accepted; its figures are none, what was measured stands in, and one warning says so."""
    backend, transport, field = backends(written)[protocol]
    async with SmsService(backend) as sms:
        with caplog.at_level(logging.WARNING):
            found = await sms.send("Bonjour", ["0612345678", "0612345679"])
    assert len(transport.sent) == len(found.accepted) == found.parts == 2
    assert (found.cost, found.credits_used, found.credits_left, found.balance) == (None,) * 4
    assert written.strip('"')[:2].lower() in json.dumps(found.raw, default=str).lower()
    told = [entry.getMessage() for entry in caplog.records if "cannot be right" in entry.getMessage()]
    assert told == [found.warning]
    assert field in told[0]
    assert len(told[0]) < 300
    assert "12345" not in told[0]


@pytest.mark.slow
@pytest.mark.parametrize("form", [in_json, in_xml])
@pytest.mark.parametrize("field", ["nbSms", "cost"])
@pytest.mark.parametrize("written", KINDS, ids=[IDS[WRITTEN.index(written)] for written in KINDS])
async def test_campaign_settles_and_its_ceiling_holds(form: Any, field: str, written: str, tmp_path: Path) -> None:
    """With a journal the campaign settles, max_parts counts what was measured, and status and report work."""
    journal = tmp_path / "j.db"
    transport = Answering(form({field: written}))
    people = [Recipient(f"06123456{number:02d}") for number in range(10, 16)]

    def campaign() -> Campaign:
        return Campaign(
            "soldes", SmsMessage("Bonjour", purpose="marketing"), people, exclude_opt_outs=False, quiet_hours="ignore"
        )

    async with SmsService(rest(transport), policy=RetryPolicy(attempts=1)) as sms:
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(campaign(), journal=journal, chunk_size=2, concurrency=1, max_parts=4)
        assert isinstance(stopped.value.reason, LimitReached)
        assert len(transport.sent) == 4
        result = await sms.run(campaign(), journal=journal, chunk_size=2, concurrency=1)
    assert (result.accepted, result.parts, result.cost, result.all_accepted) == (6, 6, Decimal(0), True)
    async with Journal(journal) as opened:
        shown = await opened.campaign()
    assert (shown.result.parts, shown.result.cost) == (6, Decimal(0))
    assert json.loads(as_json(shown.result))["cost"] == 0
    assert "6 text parts" in html.render(shown)
    Console(quiet=True).print(closing_table(shown.result, Examples(), width=80))


@pytest.mark.parametrize("written", ["-1", "-0.05", "9e29", '"NaN"', "1e309"])
async def test_cost_that_cannot_be_right_does_not_defeat_its_ceiling(written: str, tmp_path: Path) -> None:
    """Where neither an answer nor a simulation tells a cost that can be right, max_cost stops after one request."""
    transport = Answering(in_json({"cost": written}))
    people = [Recipient(f"06123456{number:02d}") for number in range(10, 16)]
    campaign = Campaign(
        "soldes", SmsMessage("Bonjour", purpose="marketing"), people, exclude_opt_outs=False, quiet_hours="ignore"
    )
    async with SmsService(rest(transport)) as sms:
        with pytest.raises(CampaignStopped, match="tells no cost, or none that can be right") as stopped:
            await sms.run(campaign, journal=tmp_path / "j.db", chunk_size=2, concurrency=1, max_cost=Decimal(1))
    assert stopped.value.result.accepted == len(transport.sent) == 2  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cost", "parts"),
    [("9E+29", 2**62), ("-1", -40), ("-0.05", 17), ("NaN", 2**62), ("deux", -40)],
)
async def test_journal_that_holds_such_figures_is_read(cost: str, parts: int, tmp_path: Path) -> None:
    """Figures that were recorded before they were looked at break neither sums nor ceilings."""
    import sqlite3

    journal = tmp_path / "j.db"
    transport = Answering(in_json({"cost": "0.10"}))
    people = [Recipient(f"06123456{number:02d}") for number in range(10, 14)]

    def campaign(more: int = 0) -> Campaign:
        return Campaign(
            "soldes",
            SmsMessage("Bonjour", purpose="marketing"),
            people[: 2 + more],
            exclude_opt_outs=False,
            quiet_hours="ignore",
        )

    async with SmsService(rest(transport)) as sms:
        await sms.run(campaign(), journal=journal)
        raw = sqlite3.connect(journal)
        raw.execute("update chunk set cost = ?, parts = ?", (cost, parts))
        raw.commit()
        raw.close()
        async with Journal(journal) as opened:
            result = (await opened.campaign()).result
        assert (result.parts, result.cost) == (2, Decimal(0))
        assert as_json(result)
        with pytest.raises(CampaignStopped):
            await sms.run(campaign(2), journal=journal, max_parts=3)
        result = await sms.run(campaign(2), journal=journal, max_parts=4)
    assert (result.accepted, result.parts, result.cost) == (4, 4, Decimal("0.10"))


@pytest.mark.parametrize("moment", ["0000-01-01 00:00:00", "9999-12-31 23:59:59", "1970-01-01 00:00:00", "soon"])
async def test_date_that_cannot_be_right_is_none(moment: str, caplog: pytest.LogCaptureFixture) -> None:
    """A report without a date that can be right is kept, without it; a warning names the field once."""
    ack = {"phoneNumber": "33612345678", "status": 1, "receptionDate": moment}
    async with SmsService(rest(Answering(lambda _, __: json.dumps({"acks": [ack, ack]})))) as sms:
        reports = await sms.delivery_reports("c-1")
    assert [report.received_at for report in reports] == [None, None]
    told = [entry.getMessage() for entry in caplog.records if "receptionDate" in entry.getMessage()]
    assert len(told) == (0 if moment.startswith("0000-00") else 1)


@pytest.mark.parametrize("written", WRITTEN, ids=IDS)
async def test_account_is_read_whatever_its_figures_are(written: str) -> None:
    """What an account has left is none where it cannot be right."""
    async with SmsService(
        rest(Answering(lambda _, __: f'{{"status": "Active", "credits": {written}, "nbSms": {written}}}'))
    ) as sms:
        account = await sms.account()
    assert (account.credits, account.texts) == (None, None)


@pytest.mark.parametrize("number", ["c" * 129, "a\\u0000b", "a\\nb"])
async def test_identifier_that_cannot_be_one_is_none(number: str, tmp_path: Path) -> None:
    """An identifier that no database holds does not keep a campaign from settling."""
    transport = Answering(in_json({"campaignId": f'"{number}"'}))
    campaign = Campaign(
        "soldes",
        SmsMessage("Bonjour", purpose="marketing"),
        [Recipient("0612345678")],
        exclude_opt_outs=False,
        quiet_hours="ignore",
    )
    async with SmsService(rest(transport)) as sms:
        result = await sms.run(campaign, journal=tmp_path / "j.db")
    assert (result.accepted, result.campaign_ids) == (1, ())


def test_mail_that_reports_absurd_credits_is_read() -> None:
    """The mail of a refusal for lack of credit is that error, without figures that cannot be right."""
    words = f"A utiliser: {'9' * 200} Credits, Disponibles: 12 Credits"
    error = parse_error_reply(f"Subject: Erreur\n\nStatus=104\nStatusText={words}\n".encode())
    assert (error.needed, error.available) == (None, None)  # type: ignore[union-attr]
    assert "99999" not in str(error)


def test_list_longer_than_any_text_says_nothing_of_parts() -> None:
    """SOAP's list of parts counts only if nobody has more than 8 of them."""
    from allmysms_async.protocols.soap.receipt import receipt as soap_receipt
    from allmysms_async.protocols.soap.sms import PushId, SendSmsResult

    ids = tuple(PushId(mobile_phone="33612345678", id=f"s-{part}") for part in range(9))
    result = SendSmsResult(status="100", campaign_id="c-1", ids=ids)
    found: SendReceipt = soap_receipt(result, [Recipient("33612345678")], 2, scheduled=False)
    assert (found.parts, len(found.accepted)) == (2, 1)
    assert "ids" in (found.warning or "")


FIGURE = st.integers() | st.floats() | st.decimals().map(str) | st.sampled_from(ABSURD) | st.just("")


@given(figures=st.dictionaries(st.sampled_from(REST), FIGURE))
def test_both_readers_keep_the_same_outcome(figures: dict[str, object]) -> None:
    """Whatever the figures are, JSON and XML give the same receipt, and everybody is accepted."""
    written = {name: json.dumps(str(value)) for name, value in figures.items()}
    numbers = ["33612345678", "33612345679"]
    found = []
    for form in (in_json, in_xml):
        answer = HttpResponse(status=200, headers={}, body=form(written)("sendSms", numbers).encode())
        result = receipt(decode(SendSms, answer), [Recipient(number) for number in numbers], 2, None)
        found.append(msgspec.structs.replace(result, raw={}))
    assert found[0] == found[1]
    assert len(found[0].accepted) == 2
