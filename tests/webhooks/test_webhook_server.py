"""A receiver in real servers, over real sockets: FastAPI under uvicorn, uvicorn alone, aiohttp.web."""

import asyncio
import logging
from collections import Counter
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from allmysms_async.model import DeliveryReport, DeliveryStatus, OptOut, Reply
from allmysms_async.webhooks import Receiver

from .conftest import TOKEN, query, reply_query
from .servers import SERVERS, raw, status_of

pytestmark = pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
PATH = f"/hooks/{TOKEN}"


def _get(target: str | bytes) -> bytes:
    target = target if isinstance(target, bytes) else target.encode()
    return b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_report_and_answers_reach_their_handlers(server: Any, until: Any) -> None:
    """A report, an answer, a STOP and a START are OK at once and reach the handlers of their kind, typed."""
    receiver = Receiver(TOKEN)
    seen: list[object] = []
    for register in (receiver.on_report, receiver.on_reply, receiver.on_opt_out):

        @register
        async def handle(one: object) -> None:
            seen.append(one)

    async with server(receiver) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answers = [
            await client.get(f"{PATH}?{query(1)}"),
            await client.get(f"{PATH}?{reply_query(2, 'R%C3%A9ponse')}"),
            await client.post(PATH, content=reply_query(3, "stop+svp"), headers={"Content-Type": FORM}),
            await client.post(PATH, json={"phoneNumber": "33600000003", "smsMoId": 7, "message": "START"}),
            await client.head(PATH),
            await client.get(PATH),
        ]
        await until(lambda: receiver.stats.handled == 4)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert [answer.text for answer in answers] == ["OK", "OK", "OK", "OK", "", "OK"]
    assert answers[0].headers["content-type"].startswith("text/plain")
    assert answers[4].headers["content-length"] == "2"
    report = next(one for one in seen if isinstance(one, DeliveryReport))
    assert (report.phone, report.status, report.comment) == ("33600000001", DeliveryStatus.DELIVERED, "Délivré")
    assert {one.text for one in seen if isinstance(one, Reply)} == {"Réponse", "stop svp", "START"}
    assert [one.ended_at is not None for one in seen if isinstance(one, OptOut)] == [False, True]
    assert (receiver.stats.received, receiver.stats.checks, receiver.stats.refused) == (4, 2, 0)


FORM = "application/x-www-form-urlencoded"


async def test_what_is_wrong_is_refused(server: Any) -> None:
    """A wrong token is 404 like any other path, a wrong method 405, a body that is too large 413; no other path is
    taken from the application."""
    receiver = Receiver(TOKEN)
    async with server(receiver) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        wrong = [
            await client.get(f"/hooks/{TOKEN[:-1]}x?{query()}"),
            await client.get(f"/hooks/{TOKEN.upper()}?{query()}"),
            await client.get("/hooks/short"),
            await client.get(f"/{TOKEN}/more"),
            await client.get("/"),
        ]
        other = await client.get("/else/abcdefghijklmnopq")
        method = await client.put(PATH)
        large = await client.post(PATH, content=b"x" * 20_000)
        chunked = b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n" + b"y" * 20_000
        flowing = await raw(port, b"POST " + PATH.encode() + chunked)
        nothing = await client.get(f"/nothing/{'n' * 20}")
    assert [answer.status_code for answer in wrong] == [404] * 5
    assert other.status_code == (404 if server is SERVERS["uvicorn"] else 200)
    assert wrong[0].content == nothing.content
    assert method.status_code == 405
    assert (large.status_code, status_of(flowing)) == (413, 413)
    assert receiver.stats.received == 0


@pytest.mark.parametrize(
    "hostile",
    [
        "?" + "a" * 1_000_000,
        "?message=" + "%" * 5000,
        "?" + "&".join(f"a{number}=b" for number in range(2000)),
        b"?phoneNumber=33600000009&smsMoId=1&message=caf\xe9",
        b"?phoneNumber=33600000009&smsMoId=2&message=\xff\xfe\x80\x81\x8d",
        "?phoneNumber=33600000009&smsMoId=3&message=caf%E9%00%C3",
        "?phoneNumber=33600000009&status=999999&status=1&STATUS=2",
        "?%00=%00&=&==&&?&status",
        "?phoneNumber=%ED%A0%80&status=1",
    ],
    ids=range(9),
)
async def test_hostile_query_is_refused_or_kept(
    server: Any, hostile: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a query string holds, the answer is OK or a refusal, never an error of the server's."""
    receiver = Receiver(TOKEN)
    hostile = hostile if isinstance(hostile, bytes) else hostile.encode()
    with caplog.at_level(logging.INFO):
        async with server(receiver) as port:
            answer = await raw(port, _get(PATH.encode() + hostile))
            assert status_of(await raw(port, _get(PATH))) == 200
    assert status_of(answer) in {200, 400, 414}, answer
    # aiohttp itself logs what it could not read of a request.
    assert not [record for record in caplog.records if record.exc_info and record.name != "aiohttp.server"]


@pytest.mark.slow
async def test_three_thousand_at_once_are_all_handled_once(server: Any, until: Any) -> None:
    """Three thousand events over two hundred connections: each is OK, and handled once, in order for each number."""
    receiver = Receiver(TOKEN, queue=20_000)
    seen: dict[str, list[str]] = {}

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.setdefault(reply.phone, []).append(reply.text)

    statuses: Counter[int] = Counter()

    async def one_client(port: int, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in range(15):
            writer.write(_get(f"{PATH}?{reply_query(number, str(turn))}"))
            statuses[int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])] += 1
            await reader.readexactly(2)
        writer.close()
        await writer.wait_closed()

    async with server(receiver, access_log=False) as port:
        await asyncio.gather(*(one_client(port, number) for number in range(200)))
        await until(lambda: receiver.stats.handled == 3000)
    assert statuses == {200: 3000}
    assert seen == {f"336{number:08d}": [str(turn) for turn in range(15)] for number in range(200)}


async def test_body_that_never_ends_is_dropped(server: Any, pass_time: Any, until: Any) -> None:
    """A client that never ends its request is answered 408 after ten seconds, and its connection closed."""
    receiver = Receiver(TOKEN)
    async with server(receiver) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nphoneNumber="
        writer.write(head.encode())
        await asyncio.sleep(0.05)
        pass_time(9.0)
        await asyncio.sleep(0.05)
        assert receiver.stats.refused == 0
        pass_time(2.0)
        answer = await reader.readuntil(b"\r\n\r\n")
        pass_time(11.0)  # for as long some servers still read what nobody wants, so that the answer is not lost
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert status_of(answer) == 408
    assert receiver.stats.refused == 1


async def test_client_that_goes_is_no_error(server: Any, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes before its body has come leaves nothing behind."""
    receiver = Receiver(TOKEN)
    async with server(receiver) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nphone".encode())
        await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        assert status_of(await raw(port, _get(PATH))) == 200
    assert receiver.stats.received == 0
    assert not [record for record in caplog.records if record.exc_info]


async def test_escaped_path_is_the_same_path(server: Any) -> None:
    """A token that is escaped needlessly, or followed by a slash, is the token."""
    receiver = Receiver(TOKEN)
    async with server(receiver) as port:
        escaped = await raw(port, _get(f"/hooks/%{ord(TOKEN[0]):02x}{quote(TOKEN[1:])}"))
        slashed = await raw(port, _get(f"{PATH}/?{query()}"))
    assert (status_of(escaped), status_of(slashed)) == (200, 200)
    assert receiver.stats.received == 1
