"""What the sandbox's page asks, without a browser."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from allmysms_async import RestBackend, SmsService, SoapBackend
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.sandbox.inbox import Live, look

PHONE = "33612345678"
SECRETS = ("demo-key", "demo-pass", "another-key", "typed<wrong")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
async def sms(sandbox: Sandbox) -> AsyncIterator[SmsService]:
    """A service that sends to it."""
    async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as service:
        yield service


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its control API."""
    async with httpx.AsyncClient(base_url=sandbox.http_url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/_sandbox/inbox.css", "text/css"),
        ("/_sandbox/inbox.js", "text/javascript"),
        ("/_sandbox/panels.js", "text/javascript"),
        ("/_sandbox/tools.js", "text/javascript"),
        ("/_sandbox/words.js", "text/javascript"),
        ("/_sandbox/icon.svg", "image/svg+xml"),
    ],
)
async def test_page_comes_from_here_alone(http: httpx.AsyncClient, path: str, kind: str) -> None:
    """Every file is served with a policy that lets nothing in from another host, and names none itself."""
    answer = await http.get(path)
    assert answer.headers["content-type"].startswith(kind)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")


async def test_handsets_come_a_page_at_a_time(http: httpx.AsyncClient, sms: SmsService) -> None:
    """The list is given in pages, the newest first, and by number or by text."""
    await sms.send("Bonjour", [f"06{number:08d}" for number in range(10_000_000, 10_000_120)])
    await sms.send("Votre code est 4821", PHONE)
    told = (await http.get("/_sandbox/handsets", params={"limit": 2})).json()
    assert (told["total"], [each["phone"] for each in told["handsets"]]) == (121, [PHONE, "33610000119"])
    told = (await http.get("/_sandbox/handsets", params={"offset": 120, "limit": 50})).json()
    assert [each["phone"] for each in told["handsets"]] == ["33610000000"]
    for search, count in (
        ("06 12 34", 1),
        ("+33610000", 120),
        ("CODE EST", 1),
        ("bonjour", 120),
        ("nothing", 0),
        ("4821", 1),
    ):
        assert (await http.get("/_sandbox/handsets", params={"search": search})).json()["total"] == count
    assert (await http.get("/_sandbox/handsets", params={"search": "0033 612"})).json()["total"] == 1
    for wrong in ("-1", "x", "99999999999"):
        assert (await http.get("/_sandbox/handsets", params={"offset": wrong})).status_code == 400


async def test_conversation_shows_both_sides(http: httpx.AsyncClient, sms: SmsService, sandbox: Sandbox) -> None:
    """Texts and answers stand in order, with parts, what costs, and what became of them."""
    await sms.send("Bientôt l\u2019été", PHONE)
    sandbox.advance(60)
    sandbox.reply(PHONE, "STOP")
    told = (await http.get("/_sandbox/conversation", params={"phone": "0612345678"})).json()
    text, reply = told["lines"]
    assert told["opted_out"]
    assert (text["own"], text["text"], text["parts"], text["state"]) == (False, "Bientôt l\u2019été", 1, "delivered")
    assert text["costly"] == ["ô", "\u2019"]
    assert (reply["own"], reply["text"]) == (True, "STOP")
    assert (await http.get("/_sandbox/conversation", params={"phone": "12"})).status_code == 400


async def test_long_conversation_shows_its_end(
    http: httpx.AsyncClient, sms: SmsService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load test may send everything to one handset: the last lines are shown, and how many there were before."""
    monkeypatch.setattr(look, "_MOST_LINES", 3)
    for number in range(5):
        await sms.send(f"numéro {number}", PHONE)
        sandbox.advance(60)
    sandbox.reply(PHONE, "Assez")
    told = (await http.get("/_sandbox/conversation", params={"phone": PHONE})).json()
    assert [line["text"] for line in told["lines"]] == ["numéro 3", "numéro 4", "Assez"]
    assert told["earlier"] == 3


async def test_requests_are_shown_without_keys(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """What came in and what was answered can be read; no key is in it, also not one that is none of the sandbox's."""
    async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
        await sms.send("Bonjour", PHONE)
        await sms.account()
    async with SmsService(SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php")) as sms:
        await sms.send("Bonsoir", PHONE)
    sandbox.faults([{"fault": "http_503", "times": 1}])
    await http.post("/http/9.0/getInfo", data={"login": "demo", "apiKey": "another-key"})
    await http.post("/http/9.0/getInfo", data={"login": "demo", "apiKey": "typed<wrong"})
    await http.post("/rest/", content='{"login": "demo", "PASSWORD" : "another-key"}')
    told = (await http.get("/_sandbox/requests")).json()
    assert told["count"] == 6
    assert [each["status"] for each in told["requests"]] == [404, 200, 503, 200, 200, 200]
    assert "Bonjour" in told["requests"][-1]["body"]
    assert told["requests"][2]["fault"] == "http_503"
    shown = json.dumps(told)
    assert not any(secret in shown for secret in (*SECRETS, "typed%3Cwrong"))


async def test_faults_in_force_are_told(http: httpx.AsyncClient, sandbox: Sandbox, sms: SmsService) -> None:
    """A rule is there until it has struck as often as it may."""
    await http.post(
        "/_sandbox/faults", json=[{"fault": "latency", "times": 1, "seconds": 0}, {"fault": "html", "path": "x"}]
    )
    told = (await http.get("/_sandbox/faults")).json()
    assert [rule["fault"] for rule in told["faults"]] == ["latency", "html"]
    assert told["kinds"]["html"]
    await sms.send("Bonjour", PHONE)
    assert [rule["fault"] for rule in (await http.get("/_sandbox/faults")).json()["faults"]] == ["html"]


async def test_events_tell_what_happens(http: httpx.AsyncClient, sandbox: Sandbox, sms: SmsService) -> None:
    """An open page hears of texts, answers, the clock and a new start; the stream ends with the sandbox."""
    async with http.stream("GET", "/_sandbox/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        await sms.send("Bonjour", PHONE)
        sandbox.reply(PHONE, "Merci")
        sandbox.advance(1)
        sandbox.reset()
        told = []
        async for line in lines:
            if line.startswith("data: "):
                told.append(json.loads(line.removeprefix("data: ")))
            if len(told) == 4:
                break
        assert told == [
            {"kind": "texts", "count": 1, "phone": PHONE},
            {"kind": "reply", "phone": PHONE},
            {"kind": "state"},
            {"kind": "reset"},
        ]


async def test_page_that_reads_slowly_is_told_to_look_again(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    """What waits for a page is bounded."""
    async with http.stream("GET", "/_sandbox/events") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        for _ in range(5000):
            sandbox.advance(0)
        await asyncio.sleep(0)
        told = [line async for line in _first(lines, 2)]
        assert "reset" in told[0]


async def test_slow_page_is_no_other_pages_concern() -> None:
    """One that reads what it is told goes on being told it, whoever else does not."""
    live = Live()
    slow, *quick = [live.events() for _ in range(8)]
    for page in (slow, *quick):
        await anext(page)
    for number in range(500):
        live.tell({"kind": "texts", "count": number})
        for page in quick:
            assert await anext(page) == f'data: {{"kind":"texts","count":{number}}}\n\n'.encode()
    assert b"reset" in await anext(slow)
    live.end()
    for page in quick:
        assert [line async for line in page] == []
    await slow.aclose()


async def _first(lines: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data: "):
            yield line
            count -= 1
        if not count:
            return


async def test_page_is_for_this_machine_alone(http: httpx.AsyncClient) -> None:
    """Whoever comes by another name, or from a page of another origin, is refused, also at the root."""
    assert (await http.get("/", headers={"host": "evil.example"})).status_code == 421
    assert (await http.get("/_sandbox/requests", headers={"origin": "https://evil.example"})).status_code == 403
