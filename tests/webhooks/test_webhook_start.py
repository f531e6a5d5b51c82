"""How a receiver is made, starts and ends, without sockets."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from allmysms_async.errors import InvalidRequest
from allmysms_async.model import DeliveryReport
from allmysms_async.webhooks import Receiver
from tests.cases import each

from .conftest import TOKEN, ask, query

PATH = f"/hooks/{TOKEN}"


async def test_not_started_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """Before the start and after the end requests are 503, to be sent again, and the log says so once."""
    receiver = Receiver(TOKEN)
    before = [await ask(receiver.asgi, f"{PATH}?{query()}") for _ in range(3)]
    async with receiver:
        within = await ask(receiver.asgi, f"{PATH}?{query()}")
    after = await ask(receiver.asgi, PATH)
    wrong = await ask(receiver.asgi, f"{PATH}x")
    assert [status for status, _, _ in (*before, within, after, wrong)] == [503, 503, 503, 200, 503, 404]
    assert before[0][2]["retry-after"] == "5"
    assert sum("not started" in message for message in caplog.messages) == 1
    assert TOKEN not in caplog.text
    assert receiver.stats.unavailable == 4


async def test_mounted_application_is_started_by_its_host() -> None:
    """Mounted in Starlette it gets no lifespan: it is 503 until the host's own lifespan enters it."""
    receiver = Receiver(TOKEN)
    bare = Starlette(routes=[Mount("/hooks", app=receiver.asgi)])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with receiver:
            yield

    hosted = Starlette(routes=[Mount("/hooks", app=receiver.asgi)], lifespan=lifespan)
    assert (await ask(bare, f"{PATH}?{query()}"))[0] == 503
    async with hosted.router.lifespan_context(hosted):
        assert (await ask(hosted, f"{PATH}?{query()}"))[:2] == (200, b"OK")
    assert receiver.stats.received == 1


async def test_lifespan_starts_and_ends_it() -> None:
    """Served alone, it starts and ends with the server; entered elsewhere too, it ends when both have ended."""
    receiver = Receiver(TOKEN)
    heard: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    serving = asyncio.create_task(receiver.asgi({"type": "lifespan"}, heard.get, said.put))
    heard.put_nowait({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    async with receiver:
        heard.put_nowait({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await serving
        assert (await ask(receiver.asgi, PATH))[0] == 200
    assert (await ask(receiver.asgi, PATH))[0] == 503


async def test_start_that_fails_is_told_to_the_server(journaled: Any, books: Any) -> None:
    """A journal that cannot be opened keeps the server from starting."""
    receiver = journaled()

    async def fail() -> None:
        raise OSError("no")

    books.open = fail
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        said.append(message)

    await receiver.asgi({"type": "lifespan"}, receive, send)
    assert said == [{"type": "lifespan.startup.failed", "message": "OSError"}]


def test_another_event_loop_is_unavailable() -> None:
    """A receiver belongs to the event loop it was started in; when that is over it may be started in another."""
    receiver = Receiver(TOKEN)

    async def abandon() -> None:
        await receiver.start()

    async def use() -> int:
        assert (await ask(receiver.asgi, PATH))[0] == 503
        async with receiver:
            return (await ask(receiver.asgi, PATH))[0]

    asyncio.run(abandon())
    assert asyncio.run(use()) == 200


async def test_end_waits_for_all_that_is_in_memory() -> None:
    """Without a journal the end waits until everything is handled."""
    receiver = Receiver(TOKEN, workers=2)
    seen: list[str] = []

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        await asyncio.sleep(0)
        seen.append(report.phone)

    async with receiver:
        for number in range(100):
            await ask(receiver.asgi, f"{PATH}?{query(number)}")
    assert len(seen) == 100


async def test_what_the_grace_does_not_suffice_for_is_told(
    caplog: pytest.LogCaptureFixture, pass_time: Any, turns: Any
) -> None:
    """Handlers that go on past the grace are cancelled, and the log says loudly how many events are lost."""
    receiver = Receiver(TOKEN, workers=2, grace=5.0)

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        await asyncio.Event().wait()

    await receiver.start()
    for number in range(3):
        await ask(receiver.asgi, f"{PATH}?{query(number)}")
    ending = asyncio.create_task(receiver.aclose())
    await turns()
    assert (await ask(receiver.asgi, f"{PATH}?{query(9)}"))[0] == 503
    assert not ending.done()
    pass_time(6.0)
    await ending
    assert [record.levelno for record in caplog.records if "3 events were answered OK" in record.message] == [
        logging.ERROR
    ]


async def test_two_tokens_are_valid_while_they_change() -> None:
    """Both the old and the new token are valid while the address changes; nothing near them is."""
    receiver = Receiver([TOKEN, "another-token-0123456789"])
    async with receiver:
        for token, status in (
            (TOKEN, 200),
            ("another-token-0123456789", 200),
            (TOKEN[:-1], 404),
            (TOKEN + "0", 404),
            (TOKEN.lower(), 404),
            ("", 404),
            ("x" * 5000, 404),
            ("é" * 20, 404),
        ):
            assert (await ask(receiver.asgi, f"/hooks/{token}"))[0] == status


@each(
    "wrong",
    ["", "short", "x" * 15, "x" * 201, "with a blank in it..", "slash/slash/slash/", "é" * 16, [], [TOKEN, "x"], 7],
)
def test_token_that_can_be_guessed_is_refused(wrong: Any) -> None:
    """A token has at least 16 characters that fit an address; the error holds none of them."""
    with pytest.raises(InvalidRequest) as refused:
        Receiver(wrong)
    assert not wrong or not isinstance(wrong, str) or wrong not in str(refused.value)


@each(
    "options", [{"queue": 0}, {"workers": 0}, {"grace": -1}, {"max_query": 1}, {"allow": ["no net"]}, {"journal": 7}]
)  # fmt: skip
def test_options_that_cannot_be_right_are_refused(options: dict[str, Any]) -> None:
    """An option that cannot be right is refused when the receiver is made."""
    with pytest.raises(InvalidRequest):
        Receiver(TOKEN, **options)


def test_handler_must_be_asynchronous() -> None:
    """A function that is not asynchronous would block the server: it is refused where it is given."""
    with pytest.raises(InvalidRequest, match="asynchronous"):
        Receiver(TOKEN).on_report(lambda report: None)  # type: ignore[arg-type,return-value]


async def test_websocket_is_closed() -> None:
    """A WebSocket is no webhook."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await Receiver(TOKEN).asgi({"type": "websocket"}, receive, send)
    assert [one["type"] for one in said] == ["websocket.close"]
