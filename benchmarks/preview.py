"""What does a preview cost beside reading and planning the same file?

A CSV file, at whose end numbers stand twice or are none, and some of whose names hold what GSM-7 lacks, is read and
planned, and previewed, in turns: one text for all, a text with two parameters, one that is Unicode for everybody. CPU
time counts, all threads included. The peak is that of a fresh process (``VmHWM``), Python and every library included.
What a run then reports, over a backend that takes everybody, is held against the preview: parts, rejections by reason.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from harness import arguments, compiled
from limits import Row, finish_rows, row
from memory import peak
from pyroaring import BitMap64

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv
from allmysms_async.backend import SendRequest
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Planner
from allmysms_async.model import AllAccepted, CampaignResult, MmsMessage, SendReceipt, TextPrice

__all__ = ["main"]

_COUNT = 1_000_000
_TIMES, _MOST_MB = 1.5, 100.0
_TEXTS = {
    "one text": ("Soldes demain, -20 % sur tout le magasin.", 0),
    "2 parameters": ("Bonjour #param_1#, -20 % demain avec le code #param_2#. " + "Venez vite ! " * 8, 2),
    "Unicode": ("Bonjour #param_1#, code #param_2# \N{EN DASH} l\N{RIGHT SINGLE QUOTATION MARK}offre finit demain", 2),
}
_NAMES = ("Marie", "Jean", "Zoé", "Lucas", "Anne-Charlotte", "Luc", "Nina", "Hugo", "François", "Benoît", "Chloé")


class _Taking:
    """Takes everybody, and has a price list."""

    name = "taking"
    identity = "taking"
    limits = RestBackend.limits

    def check(self, message: SmsMessage) -> None:
        """Take any."""

    async def send(self, request: SendRequest) -> SendReceipt:
        """Take everybody; how many parts that is, the library is to say."""
        return SendReceipt(campaign_id="1", results=AllAccepted(request.phones))

    async def prices(self) -> tuple[TextPrice, ...]:
        """Return two prices."""
        return (
            TextPrice(country="FR", prefix="33", part=Decimal("0.045")),
            TextPrice(country="BE", prefix="32", part=Decimal("0.06")),
        )

    def limits_of(self, message: SmsMessage | MmsMessage) -> object:
        """Return the limits."""
        return self.limits

    async def aclose(self) -> None:
        """Do nothing."""


def _write(path: pathlib.Path, count: int) -> None:
    """Write so many rows: of each hundred of the last tenth one repeats a number, one is a Belgian's, one nobody's."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("mobile;prenom;code\n")
        for number in range(count):
            phone = f"06{10_000_000 + number:08d}"
            match number % 100 if number > count * 9 // 10 else 0:
                case 17:
                    phone = "06" + f"{10_000_000 + number // 2:08d}"
                case 43:
                    phone = f"+32470{number % 1_000_000:06d}"
                case 71:
                    phone = "06 12"
                case _:
                    pass
            name = _NAMES[number % 8] if number % 50 else _NAMES[8 + number % 3]
            file.write(f"{phone};{name};C{number:07d}\n")


def _campaign(path: pathlib.Path, kind: str) -> Campaign:
    text, params = _TEXTS[kind]
    source = read_csv(path, phone="mobile", params=("prenom", "code")[:params])
    return Campaign("preview", SmsMessage(text, purpose="transactional"), source)


async def _plan(path: pathlib.Path, kind: str) -> int:
    """Read a file and plan it as a run does; return the parts."""
    campaign = _campaign(path, kind)
    message = campaign.message
    if not isinstance(message, SmsMessage):
        raise TypeError(message)
    planner = Planner(message, RestBackend.limits, chunk_size=1000, seen=BitMap64(), accounted=BitMap64())
    intake, stopping, parts = Intake(campaign.recipients), asyncio.Event(), 0
    while (rows := await intake.take(stopping)) is not None:
        left = planner.add_rows(rows, [])
        if left:
            intake.give_back(left)
        parts += sum(chunk.parts for chunk in planner.sealed())
    return parts + sum(chunk.parts for chunk in planner.flush())


async def _preview(path: pathlib.Path, kind: str) -> dict[str, int]:
    """Preview a campaign; return what a run reports as well."""
    async with SmsService(_Taking()) as sms:
        preview = await sms.preview(_campaign(path, kind))
    rejected = {reason.value: count for reason, count in preview.rejections.items()}
    return {"rows": preview.rows, "accepted": preview.recipients, "parts": preview.parts} | rejected


async def _run(path: pathlib.Path, kind: str) -> dict[str, int]:
    """Send a campaign to whoever takes everybody; return what it reports."""
    async with SmsService(_Taking()) as sms:
        result: CampaignResult = await sms.run(_campaign(path, kind))
    rejected = {reason.value: count for reason, count in result.rejections.items()}
    return {"rows": result.rows, "accepted": result.accepted, "parts": result.parts} | rejected


def _fresh(path: pathlib.Path, kind: str) -> tuple[float, dict[str, int]]:
    """Preview a campaign in a process of its own; return its peak in MB, and what it says."""
    command = [sys.executable, __file__, "--one", kind, "--file", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, env=compiled(path.parent))
    return msgspec.json.decode(done.stdout, type=tuple[float, dict[str, int]])


def _spent(path: pathlib.Path, kind: str, rounds: int) -> tuple[list[float], list[float]]:
    """Plan and preview in turns, a round to warm up first; return the microseconds of CPU a row of both."""
    cpu: tuple[list[float], list[float]] = ([], [])
    with path.open(encoding="utf-8") as file:
        count = sum(1 for _ in file) - 1
    for number in range(rounds + 1):
        for spent, work in zip(cpu, (_plan, _preview), strict=True):
            gc.collect()
            before = time.process_time()
            asyncio.run(work(path, kind))
            if number:
                spent.append(1e6 * (time.process_time() - before) / count)
    return cpu


def _measure(path: pathlib.Path, rounds: int) -> list[Row]:
    """Measure each kind of text."""
    ratios: list[Row] = []
    figures: list[Row] = []
    for kind in _TEXTS:
        plans, previews = _spent(path, kind, rounds)
        peaks, said = _fresh(path, kind)
        run = asyncio.run(_run(path, kind))
        differing = sum(said.get(name) != run.get(name) for name in said.keys() | run.keys())
        ratio = [preview / plan for plan, preview in zip(plans, previews, strict=True)]
        ratios.append(row(f"{kind}: a preview beside planning", ratio, "times", _TIMES))
        figures += [
            row(f"{kind}: a preview, a row", previews, "us"),
            row(f"{kind}: reading and planning, a row", plans, "us"),
            row(f"{kind}: peak memory of a preview", [peaks], "MB", _MOST_MB),
            row(f"{kind}: figures other than the run's, of {len(run)}", [float(differing)], "", 0.0),
        ]
    return [*ratios, *figures]


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=1)
    parser.add_argument("--recipients", type=int, default=_COUNT, help=f"rows of the file ({_COUNT:,})")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.one is not None:
        said = asyncio.run(_preview(options.file, options.one))
        print(msgspec.json.encode((peak(), said)).decode())
        return
    count, rounds = (20_000, 1) if options.quick else (options.recipients, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "clients.csv"
        _write(path, count)
        _fresh(path, "one text")  # to warm up: compiling what is imported takes memory
        rows = _measure(path, rounds)
    finish_rows(f"A preview of {count:,} rows", rows, options)


if __name__ == "__main__":
    main()
