"""What does one ``send`` cost, beside plain aiohttp with the same body, with few and with many in flight?

One text to one number, each with a text of its own, to a minimal gateway on open connections: through
``SmsService.send``, over the default transport and over ``AiohttpTransport``, and through an ``aiohttp.ClientSession``
that posts the same bytes and reads the JSON of the answer, in turns. ``in memory`` is the library's own part: its
transport answers at once. CPU time counts, for each send.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from harness import Claim, Contender, Measured, arguments, compare, finish, serving
from server import answer

from allmysms_async import RestBackend, SmsService
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports import AiohttpTransport, H11Transport, HttpTransport

__all__ = ["Memory", "main"]

_PHONE = "06 12 34 56 78"
_IN_FLIGHT = (1, 20, 200, 500)
_numbers = itertools.count(100_000_000)


class Memory:
    """A transport that answers at once, and keeps the last request."""

    def __init__(self) -> None:
        self.last: HttpRequest | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Accept every number."""
        self.last = request
        body = answer(request.body).partition(b"\r\n\r\n")[2]
        return HttpResponse(status=200, headers={"content-type": "application/json"}, body=body)

    async def aclose(self) -> None:
        """Close nothing."""


def _text() -> str:
    """Return a text that no other number has: a gateway takes the same text twice within seconds for a mistake."""
    return f"Votre code est {next(_numbers):09d}"


async def _many(sms: SmsService, count: int, in_flight: int) -> int:
    """Send so many texts, so many at a time."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await sms.send(_text(), to=_PHONE)

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return count


async def _by_aiohttp(session: aiohttp.ClientSession, request: HttpRequest, count: int, in_flight: int) -> int:
    """Post a request so many times, so many at a time."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            async with session.post(request.url, data=request.body, headers=dict(request.headers)) as response:
                status = (await response.json())["status"]
            if status != 100:
                msg = f"The gateway answered {status}."
                raise RuntimeError(msg)

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return count


@contextlib.asynccontextmanager
async def _service(transport: HttpTransport, address: str) -> AsyncIterator[SmsService]:
    """Give a service over a transport."""
    async with SmsService(RestBackend("demo", "demo-key", base_url=address, transport=transport)) as sms:
        yield sms
    await transport.aclose()


def _ready(name: str, send: Callable[[int], Awaitable[int]], count: int, in_flight: int) -> Contender:
    """Return a contender whose connections are open before it sends; both sides give up idle ones after seconds."""
    return Contender(name, lambda: send(count), lambda: send(in_flight))


async def _measure(address: str, count: int, rounds: int) -> Measured:
    """Measure all ways."""
    memory = Memory()
    contenders: list[Contender] = []
    claims: list[Claim] = []
    async with contextlib.AsyncExitStack() as stack:
        own = await stack.enter_async_context(_service(memory, address))
        await own.send(_text(), to=_PHONE)
        request = memory.last
        if request is None:  # the send asked the transport
            raise RuntimeError
        contenders.append(Contender("allmysms_async, in memory", lambda: _many(own, count, 1)))
        for in_flight in _IN_FLIGHT:
            connector = aiohttp.TCPConnector(limit=in_flight)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            plain, ours = f"plain aiohttp, {in_flight} in flight", f"allmysms_async, {in_flight} in flight"

            by_hand = functools.partial(_by_aiohttp, session, request, in_flight=in_flight)
            contenders.append(_ready(plain, by_hand, count, in_flight))
            carriers = {
                ours: (H11Transport(max_connections=in_flight), 0.55),
                f"{ours}, over aiohttp": (AiohttpTransport(max_connections=in_flight), 0.9),
            }
            for name, (carrier, least) in carriers.items():
                sms = await stack.enter_async_context(_service(carrier, address))
                by_library = functools.partial(_many, sms, in_flight=in_flight)
                contenders.append(_ready(name, by_library, count, in_flight))
                claims.append(Claim(name, plain, least=least))
        claims.append(Claim("allmysms_async, 500 in flight", "allmysms_async, 20 in flight", least=0.9))
        return await compare(contenders, claims, rounds)


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=9)
    parser.add_argument("--sends", type=int, default=2000, help="sends of a round at each level (2,000)")
    given = parser.parse_args()
    count, rounds = (500, 1) if given.quick else (given.sends, given.rounds)
    with serving("server.py") as address:
        measured = asyncio.run(_measure(address, count, rounds))
    finish("CPU for each send of one text to one number", "sends", measured, given)


if __name__ == "__main__":
    main()
