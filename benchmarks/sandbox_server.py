"""The library's sandbox in a process of its own; prints its address, and ends by itself after ``--seconds``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from allmysms_async.sandbox import Sandbox

__all__ = ["main"]


async def _serve(seconds: float) -> None:
    """Serve for so long, after printing the address."""
    async with Sandbox() as sandbox:
        print(sandbox.http_url, flush=True)
        await asyncio.sleep(seconds)


def main() -> None:
    """Serve until told to end, or until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="end by itself after so long")
    seconds = parser.parse_args().seconds
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(seconds))


if __name__ == "__main__":
    main()
