"""How long does it take to start: the README's imports beside ``import httpx``, ``allmysms --help`` beside those?

Each is a Python process of its own, in turns, with everything compiled, as it is after an installation. The CPU time of
the whole process counts; ``python alone`` shows what of that is the interpreter's.
"""

from __future__ import annotations

import asyncio
import pathlib
import resource
import subprocess
import sys
import tempfile

from harness import Claim, Contender, Measured, arguments, compare, compiled, finish

__all__ = ["main"]

_PLAIN = "python alone"
_HTTPX = "import httpx"
_OURS = "the names of the README's example, of allmysms_async"
_HELP = "allmysms_async: allmysms --help"
_WAYS = {
    _PLAIN: ("-c", "pass"),
    _HTTPX: ("-c", "import httpx"),
    _OURS: ("-c", "from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv"),
    _HELP: ("-c", "import sys; sys.argv[0] = 'allmysms'; from allmysms_async.cli import console; console()", "--help"),
}


def _started(command: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run a command to its end."""
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=environment)
    return 1


async def _measure(rounds: int, folder: pathlib.Path) -> Measured:
    """Measure all of them."""
    environment = compiled(folder)

    def contender(name: str) -> Contender:
        async def work() -> int:
            return _started(_WAYS[name], environment)

        return Contender(name, work)

    claims = [Claim(_OURS, _HTTPX, most=1.1), Claim(_HELP, _OURS, most=1.1)]
    return await compare([contender(name) for name in _WAYS], claims, rounds, clock=_children)


def _children() -> float:
    """Return the seconds of CPU that the processes took which this one started and which ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # finer than os.times, which counts in hundredths
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=11)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(_measure(1 if given.quick else given.rounds, pathlib.Path(folder)))
    finish("CPU to start a process", "starts", measured, given)


if __name__ == "__main__":
    main()
