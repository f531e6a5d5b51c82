"""Network namespaces, each with one way to the machine that the tests run on: what a cable is to a real one."""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable

_CLONE_NEWNET = 0x40000000


def enter(name: str) -> None:
    """Move this process, which has no thread yet, into a namespace.

    Raises:
        OSError: It cannot be entered.
    """
    library = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}", "rb") as file:
        if library.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["/sbin/ip", *words], check=check, timeout=60, capture_output=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Callable[[], None] | None = None
) -> None:
    """Carry bytes one way, to their end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            if hear is not None:
                hear()
            writer.write(data)
            await writer.drain()
    writer.close()


async def relay(host: str, port: int, far: str, hear: Callable[[], None] | None = None) -> asyncio.Server:
    """Listen somewhere, and join whoever comes with the same port elsewhere; tell of whatever they say."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(far, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, back, hear), _carry(there, writer))

    return await asyncio.start_server(join, host, port)


class Cable:
    """A namespace, and what can be reached from it.

    Args:
        number: Tells it from others, 1 to 120.
        ports: Ports of this machine's loopback that can be reached at its own, until it is cut.
        kept: Likewise, over a second way that is never cut.

    Attributes:
        address: This machine's, as it is reached without a relay until it is cut.
        inside: The namespace's own, likewise.
        said_at: Monotonic time at which something came last over the second way.
    """

    def __init__(self, number: int, ports: tuple[int, ...], kept: tuple[int, ...] = ()) -> None:
        """Know what it will be called."""
        self.name = f"sms{os.getpid() % 10_000}n{number}"
        self.address, self.inside = (f"10.213.{number}.{last}" for last in (1, 2))
        self.said_at = 0.0
        self._link = f"smsv{number}"
        ways = ((self._link, number, ports), (f"smsk{number}", number + 120, kept))
        self._ways = [way for way in ways if way[2] or way[0] == self._link]
        self._servers: list[asyncio.Server] = []

    def _hear(self) -> None:
        self.said_at = time.monotonic()

    async def __aenter__(self) -> "Cable":
        """Lay it."""
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        places = []
        for link, net, ports in self._ways:
            _ip("link", "del", link, check=False)
            _ip("link", "add", link, "type", "veth", "peer", "name", f"{link}p")
            _ip("link", "set", f"{link}p", "netns", self.name)
            _ip("addr", "add", f"10.213.{net}.1/30", "dev", link)
            _ip("link", "set", link, "up")
            _ip("-n", self.name, "addr", "add", f"10.213.{net}.2/30", "dev", f"{link}p")
            _ip("-n", self.name, "link", "set", f"{link}p", "up")
            hear = None if link == self._link else self._hear
            for port in ports:
                self._servers.append(await relay(f"10.213.{net}.1", port, "127.0.0.1", hear))
                places.append(f"10.213.{net}.1:{port}")
        words = ("/sbin/ip", "netns", "exec", self.name, sys.executable, __file__, *places)
        self._relay = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
        assert self._relay.stdout is not None
        await self._relay.stdout.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Remove it."""
        for server in self._servers:
            server.close()
        self._relay.kill()
        await self._relay.communicate()
        _ip("netns", "del", self.name, check=False)
        for link, _, _ in self._ways:
            _ip("link", "del", link, check=False)

    def cut(self) -> None:
        """Cut it: nothing gets through, and nobody is told."""
        _ip("link", "set", self._link, "down")

    def mend(self) -> None:
        """Mend it."""
        _ip("link", "set", self._link, "up")


async def _serve(places: list[str]) -> None:
    """Relay ports of loopback, for as long as it takes."""
    for place in places:
        far, port = place.split(":")
        await relay("127.0.0.1", int(port), far)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
