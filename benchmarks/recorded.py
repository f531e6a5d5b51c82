"""What does a journal cost a recipient, with one text for all and with two parameters each?

A CSV file goes to a minimal gateway through ``SmsService.run``, without a journal and with a new one of SQLite, in
turns; the difference of a round is the journal's. CPU time counts, all threads included, for each recipient.
"""

from __future__ import annotations

import asyncio
import gc
import pathlib
import tempfile
import time

from by_hand import SIZE, TEXTS, write_list
from harness import arguments, serving
from limits import Row, finish_rows, row

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv

__all__ = ["main"]

_LIMITS = {0: 1.5, 2: 4.0}
_NAMES = {0: "one text", 2: "2 parameters"}


async def _send(path: pathlib.Path, params: int, address: str, journal: pathlib.Path | None) -> float:
    """Send a list; return the microseconds of CPU for each recipient."""
    source = read_csv(path, phone="mobile", params=("prenom", "code")[:params])
    message = SmsMessage(TEXTS[params], purpose="marketing")
    gc.collect()
    before = time.process_time()
    async with SmsService(RestBackend("demo", "k", base_url=address)) as sms:
        result = await sms.run(Campaign("recorded", message, source), journal=journal, chunk_size=SIZE)
    spent = time.process_time() - before
    if not result.all_accepted:
        msg = f"{result.accepted} of {result.rows} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return 1e6 * spent / result.accepted


async def _measure(path: pathlib.Path, address: str, rounds: int) -> list[Row]:
    """Measure both kinds of text in turns, a round to warm up first."""
    cost: dict[int, list[float]] = {params: [] for params in TEXTS}
    without: dict[int, list[float]] = {params: [] for params in TEXTS}
    for number in range(rounds + 1):
        for params in TEXTS:
            journal = path.with_name(f"{params}-{number}.db")
            plain = await _send(path, params, address, None)
            recorded = await _send(path, params, address, journal)
            for left in path.parent.glob(f"{journal.name}*"):
                left.unlink()
            if number:
                without[params].append(plain)
                cost[params].append(recorded - plain)
    rows = [row(f"{_NAMES[params]}: the journal", cost[params], "us", _LIMITS[params]) for params in TEXTS]
    return rows + [row(f"{_NAMES[params]}: without one", without[params], "us") for params in TEXTS]


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients of a campaign (50,000)")
    given = parser.parse_args()
    count, rounds = (2 * SIZE, 1) if given.quick else (given.recipients, given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving("server.py") as address:
        path = pathlib.Path(folder) / "clients.csv"
        write_list(path, count)
        rows = asyncio.run(_measure(path, address, rounds))
    finish_rows("CPU of a journal for each recipient", rows, given)


if __name__ == "__main__":
    main()
