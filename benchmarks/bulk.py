"""What does a recipient of a campaign cost, beside a loop written by hand and beside the plain way?

A CSV file goes to a minimal gateway, without parameters and with two, through ``SmsService.run`` over the default
transport and over ``AiohttpTransport``, through the floor and through the plain way of ``by_hand.py``, in turns. CPU
time counts, for each recipient. The floor writes to bare sockets: both transports are held against it.
"""

from __future__ import annotations

import asyncio
import pathlib
import tempfile

from by_hand import SIZE, TEXTS, floor, plain, write_list
from harness import Claim, Contender, DayClock, Measured, arguments, compare, finish, serving

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv
from allmysms_async.transports import HttpTransport
from allmysms_async.transports.aiohttp import AiohttpTransport

__all__ = ["main"]

_CONNECTIONS = 8


async def _library(path: pathlib.Path, params: int, address: str, transport: HttpTransport | None = None) -> int:
    """Send a list through the library, over its own transport or another; return how many were accepted."""
    source = read_csv(path, phone="mobile", params=("prenom", "code")[:params])
    message = SmsMessage(TEXTS[params], purpose="marketing")
    backend = RestBackend("demo", "k", base_url=address, transport=transport)
    # Quiet hours are kept as ever, by a clock that is never in them.
    async with SmsService(backend, concurrency=_CONNECTIONS, clock=DayClock()) as sms:
        result = await sms.run(Campaign("bulk", message, source), chunk_size=SIZE)
    if not result.all_accepted:
        msg = f"{result.accepted} of {result.rows} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return result.accepted


async def _over_aiohttp(path: pathlib.Path, params: int, address: str) -> int:
    """Do as ``_library`` does, over aiohttp."""
    transport = AiohttpTransport(max_connections=_CONNECTIONS)
    try:
        return await _library(path, params, address, transport)
    finally:
        await transport.aclose()


def _names(params: int) -> tuple[str, str, str, str]:
    """Return what the table calls the floor, the library, the same over aiohttp, and the plain way."""
    kind = f"{params} parameters" if params else "one text"
    ours = f"{kind}: allmysms_async"
    return f"{kind}: floor by hand", ours, f"{ours}, over aiohttp", f"{kind}: plain way"


def _contenders(path: pathlib.Path, params: int, address: str) -> list[Contender]:
    """Return the ways to send a list with so many parameters."""
    by_hand, ours, over_aiohttp, plainly = _names(params)
    return [
        Contender(by_hand, lambda: floor(path, params, address, _CONNECTIONS)),
        Contender(ours, lambda: _library(path, params, address)),
        Contender(over_aiohttp, lambda: _over_aiohttp(path, params, address)),
        Contender(plainly, lambda: plain(path, params, address, _CONNECTIONS)),
    ]


def _claims(params: int) -> list[Claim]:
    """Return what the library must reach with so many parameters."""
    by_hand, ours, over_aiohttp, plainly = _names(params)
    return [
        Claim(ours, by_hand, most=2.2),
        Claim(over_aiohttp, by_hand, most=1.8),
        Claim(ours, plainly, least=6.0),
    ]


async def _measure(path: pathlib.Path, address: str, rounds: int) -> Measured:
    """Measure all ways."""
    contenders = [each for params in TEXTS for each in _contenders(path, params, address)]
    return await compare(contenders, [each for params in TEXTS for each in _claims(params)], rounds)


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients of a campaign (50,000)")
    given = parser.parse_args()
    count, rounds = (2 * SIZE, 1) if given.quick else (given.recipients, given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving("server.py") as address:
        path = pathlib.Path(folder) / "clients.csv"
        write_list(path, count)
        measured = asyncio.run(_measure(path, address, rounds))
    finish("CPU for each recipient of a campaign from a CSV file", "recipients", measured, given)


if __name__ == "__main__":
    main()
