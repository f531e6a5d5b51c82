"""How many calls does one ``send`` make inside of the library, and in how many of its files?

One text to one number, on a connection that is open already, over the default transport to a minimal gateway and over a
transport in memory. Counted is each function of the package that is entered; a coroutine that goes on after a wait was
counted when it began, and list comprehensions are no calls of anybody's. ``--each`` lists them.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import inspect
import pathlib
import sys
from types import CodeType, FrameType

from harness import serving
from send import Memory

import allmysms_async
from allmysms_async import RestBackend, SmsService
from allmysms_async.transports import H11Transport

__all__ = ["main"]

_PACKAGE = str(pathlib.Path(allmysms_async.__file__).parent)
_PHONE = "06 12 34 56 78"
_INLINE = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})
_SUSPENDS = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class _Calls:
    """Counts calls, as a profile function."""

    def __init__(self) -> None:
        self.counts: collections.Counter[CodeType] = collections.Counter()
        self._begun: dict[int, FrameType] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Take note of a call."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(_PACKAGE) or code.co_name in _INLINE:
            return
        if code.co_flags & _SUSPENDS:
            if id(frame) in self._begun:
                return
            self._begun[id(frame)] = frame  # which keeps its identity from being another's
        self.counts[code] += 1


async def _trace(sms: SmsService) -> collections.Counter[CodeType]:
    """Return the calls of one send, the first few of which opened and filled whatever is kept."""
    for number in range(3):
        await sms.send(f"Votre code est {number:09d}", to=_PHONE)
    calls = _Calls()
    sys.setprofile(calls)
    try:
        await sms.send("Votre code est 987654321", to=_PHONE)
    finally:
        sys.setprofile(None)
    return calls.counts


async def _both(address: str) -> dict[str, collections.Counter[CodeType]]:
    """Return the calls of one send over each transport."""
    found: dict[str, collections.Counter[CodeType]] = {}
    async with H11Transport() as transport:
        for name, carrier in {"default transport": transport, "transport in memory": Memory()}.items():
            async with SmsService(RestBackend("demo", "demo-key", base_url=address, transport=carrier)) as sms:
                found[name] = await _trace(sms)
    return found


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description="Print how many calls one send makes, and in how many files.")
    parser.add_argument("--each", action="store_true", help="list every call")
    given = parser.parse_args()
    with serving("server.py") as address:
        found = asyncio.run(_both(address))
    for name, counts in found.items():
        files = {code.co_filename for code in counts}
        print(f"{name}: {counts.total()} calls in {len(files)} files")
        if given.each:
            for code, count in counts.items():
                print(f"  {count:3} {code.co_filename.removeprefix(_PACKAGE)[1:]}:{code.co_qualname}")


if __name__ == "__main__":
    main()
