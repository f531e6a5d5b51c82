"""Servers to test the SOAP client against: PHP's own, and one that answers whatever it is told."""

import asyncio
import contextlib
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import SoapBackend

SERVER = Path(__file__).with_name("server.php")


class PhpServer:
    """A PHP SoapServer on loopback."""

    def __init__(self, url: str, record: Path) -> None:
        """Know where it is and where it notes."""
        self.url = url
        self._record = record

    def calls(self) -> list[Any]:
        """Return what arrived: a name and the arguments with their PHP types, for each call."""
        return [json.loads(line) for line in self._record.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def php_server(php: str, tmp_path: Path, reserve: Callable[[], int]) -> Iterator[Callable[..., PhpServer]]:
    """Start PHP servers, and end them with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(wsdl: str = "", answers: str = "objects") -> PhpServer:
        port = reserve()
        record = tmp_path / f"record-{port}"
        record.touch()
        environment = {"SOAP_WSDL": wsdl, "SOAP_ANSWERS": answers, "SOAP_RECORD": str(record), "PATH": "/usr/bin:/bin"}
        log = (tmp_path / f"log-{port}").open("wb")
        with log:
            process = subprocess.Popen(
                [php, "-S", f"127.0.0.1:{port}", str(SERVER)], env=environment, stdout=log, stderr=log
            )
        started.append(process)
        deadline = time.monotonic() + 250.0
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return PhpServer(f"http://127.0.0.1:{port}/soap/server.php", record)
            time.sleep(0.01)
        raise AssertionError("the PHP server did not start")

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(10)


class Told:
    """A server that answers every request with the same bytes."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.port = 0
        self.head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml"
        self.body = b""
        self.pieces: list[bytes] | None = None
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        with contextlib.suppress(OSError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self.requests.append(await reader.readexactly(length))
            pieces = [self.body] if self.pieces is None else self.pieces
            size = sum(map(len, pieces))
            writer.write(self.head + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        writer.close()

    def backend(self, **options: Any) -> SoapBackend:
        """Return a backend that asks it."""
        return SoapBackend("demo", "demo-pass", endpoint=f"http://127.0.0.1:{self.port}/soap/server.php", **options)


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """A running server."""
    one = Told()
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as listener:
        one.port = listener.sockets[0].getsockname()[1]
        yield one
