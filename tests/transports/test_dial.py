"""Whoever has several addresses is reached by one that answers, and nothing is left open."""

import asyncio
import socket
from typing import Any

import pytest

from allmysms_async.transports.dial import dial


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a name some addresses of loopback."""

    def name(*addresses: tuple[str, int]) -> None:
        async def found(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", one) for one in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)

    return name


@pytest.fixture
def full(reserve: Any) -> Any:
    """A server that takes no more connections: whoever connects waits."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(0)
        with socket.socket() as first, socket.socket() as second:
            for each in (first, second):
                each.setblocking(False)
                each.connect_ex(one.getsockname())
            yield one.getsockname()


async def test_the_next_address_is_tried_where_one_refuses(server: Any, named: Any, reserve: Any) -> None:
    """An address where nobody listens costs no connection."""
    named(("127.0.0.1", reserve()), ("127.0.0.1", server.port))
    with await dial("gateway.example", 443) as reached:
        assert reached.getpeername()[1] == server.port


async def test_the_next_address_is_tried_where_one_says_nothing(named: Any, full: Any, until: Any) -> None:
    """An address that does not answer is not waited for where another one does, and is let go of."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        named(full, listening.getsockname())
        before = asyncio.all_tasks()
        with await dial("gateway.example", 443) as reached:
            assert reached.getpeername() == listening.getsockname()
        await until(lambda: asyncio.all_tasks() <= before)


async def test_the_first_error_is_told_where_nobody_answers(named: Any, reserve: Any) -> None:
    """Where no address can be reached, the error is that of the first."""
    named(("127.0.0.1", reserve()), ("127.0.0.1", reserve()))
    with pytest.raises(ConnectionRefusedError):
        await dial("gateway.example", 443)


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_is_interrupted_leaves_nothing_open(server: Any, named: Any, until: Any, turns: int) -> None:
    """After whichever turn of the event loop it is cancelled, no socket and no task is left."""
    named(("127.0.0.1", server.port), ("127.0.0.1", server.port))
    before = asyncio.all_tasks()
    dialling = asyncio.create_task(dial("gateway.example", 443))
    for _ in range(turns):
        await asyncio.sleep(0)
    dialling.cancel()
    done, _ = await asyncio.wait({dialling})
    for one in done:
        if not one.cancelled():
            one.result().close()
    await until(lambda: server.open == 0)
    await until(lambda: asyncio.all_tasks() <= before | {task for task in asyncio.all_tasks() if _serves(task)})


def _serves(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task is the server's, in this process too."""
    return "serve" in repr(task.get_coro())
