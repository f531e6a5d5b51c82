"""Network namespaces, each with one way to the machine that the tests run on: what a cable is to a real one."""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import sys

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


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way, to their end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def relay(host: str, port: int, far: str) -> asyncio.Server:
    """Listen somewhere, and join whoever comes with the same port elsewhere."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(far, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    return await asyncio.start_server(join, host, port)


class Cable:
    """A namespace, and what can be reached from it.

    Args:
        number: Tells it from others, 1 to 250.
        ports: Ports of this machine's loopback that can be reached at its own.
    """

    def __init__(self, number: int, ports: tuple[int, ...]) -> None:
        """Know what it will be called."""
        self.name = f"sms{os.getpid() % 10_000}n{number}"
        self.address = f"10.213.{number}.1"
        self._inside = f"10.213.{number}.2/30"
        self._link = f"smsv{number}"
        self._ports = ports
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "Cable":
        """Lay it."""
        _ip("link", "del", self._link, check=False)
        _ip("netns", "add", self.name)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", f"{self._link}p")
        _ip("link", "set", f"{self._link}p", "netns", self.name)
        _ip("addr", "add", f"{self.address}/30", "dev", self._link)
        _ip("link", "set", self._link, "up")
        for words in (("link", "set", "lo", "up"), ("addr", "add", self._inside, "dev", f"{self._link}p"),
                      ("link", "set", f"{self._link}p", "up")):  # fmt: skip
            _ip("-n", self.name, *words)
        for port in self._ports:
            self._servers.append(await relay(self.address, port, "127.0.0.1"))
        words = ("/sbin/ip", "netns", "exec", self.name, sys.executable, __file__, self.address, *map(str, self._ports))
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
        _ip("link", "del", self._link, check=False)

    def cut(self) -> None:
        """Cut it: nothing gets through, and nobody is told."""
        _ip("link", "set", self._link, "down")

    def mend(self) -> None:
        """Mend it."""
        _ip("link", "set", self._link, "up")


async def _serve(far: str, ports: list[int]) -> None:
    """Relay the ports of loopback, for as long as it takes."""
    for port in ports:
        await relay("127.0.0.1", port, far)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], [int(port) for port in sys.argv[2:]]))
