"""Every backend with secrets that can be recognised, servers that quote all they are told, and who looks closely."""

import asyncio
import base64
import contextlib
import io
import os
import pprint
import re
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import rich.console
import rich.pretty
import rich.traceback
import trustme

from allmysms_async import (
    EnvoyerSmsProBackend,
    Mail2SmsBackend,
    MmsBackend,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
    SoapBackend,
)

LOGIN, KEY, PASSWORD = "33699887766", "k3ySecretOfTheAccount", "s3cretOfTheMailServer"
NUMBER, NAME = "06 12 34 56 78", "Eulalie"
TEXT = "Votre code est 482159, #param_1#"
SECRETS = (
    LOGIN,
    KEY,
    PASSWORD,
    NUMBER,
    "612345678",
    NAME,
    "482159",
    base64.b64encode(f"{LOGIN}:{KEY}".encode()).decode(),
)
PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")

Answer = Callable[[bytes], bytes]
"""What a server answers to the whole of a request."""


def http(status: int, body: bytes) -> bytes:
    """Return an HTTP answer."""
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def fault(code: str) -> bytes:
    """Return a SOAP Fault that quotes."""
    words = f"<faultcode>SOAP-ENV:{code}</faultcode><faultstring>{KEY} {NAME} 33612345678</faultstring>"
    return (
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault>'
        f"{words}</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


REFUSED = {
    "rest": b'{"status": 114, "statusText": "no 33612345678", "invalidNumbers": "33612345678|"}',
    "soap": fault("Client"),
    "mms": b"Status=123\nStatusText=Eulalie 33612345678\nInvalidNums=+33612345678\n",
    "envoyersmspro": b"<result><status>fail</status><error><error_id>4</error_id><message>Wrong numbers - 33612345678"
    b"</message><request>Eulalie</request></error></result>",
}


@dataclass
class Server:
    """One listening socket that speaks HTTP or SMTP, and answers what a test says.

    Attributes:
        answer: For HTTP, made of the whole request; None never answers.
        steps: For SMTP, what is answered to a command other than the usual; ``%s`` is all that was said so far.
        asked: Set once a whole request, or a whole mail, was read.
    """

    answer: Answer | None = lambda _: http(200, b"{}")
    steps: dict[bytes, bytes] = field(default_factory=dict)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one HTTP connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        body = await reader.readexactly(int(found[1]) if found else 0)
        self.asked.set()
        if self.answer is None:
            await reader.read()
            return
        writer.write(self.answer(head + body))
        await writer.drain()

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one SMTP connection."""
        said = b""
        usual = {b"EHLO": b"250-localhost\r\n250 AUTH PLAIN", b"AUTH": b"235 hello", b"DATA": b"354 go ahead"}
        writer.write(b"220 localhost\r\n")
        while line := await reader.readline():
            command = line[:4].strip().upper()
            if command == b"DATA" and command not in self.steps:
                writer.write(b"354 go ahead\r\n")
                said += await reader.readuntil(b"\r\n.\r\n")
                command = b"DOT"
                self.asked.set()
            said += line
            answer = self.steps.get(command, usual.get(command, b"250 fine"))
            if not answer:
                await reader.read()
                return
            quoted = said.decode("latin-1").replace("\r\n", " ").encode("latin-1")[:400]
            writer.write(answer.replace(b"%s", quoted) + b"\r\n")
            await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, mail: bool) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            await (self.smtp if mail else self.http)(reader, writer)
        writer.transport.abort()


@contextlib.asynccontextmanager
async def listening(protocol: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Start a server for a protocol."""
    one = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append((task, writer))
        await one.serve(reader, writer, mail=protocol == "mail2sms")

    served: list[tuple[asyncio.Task[Any], asyncio.StreamWriter]] = []
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listener:
        one.port = listener.sockets[0].getsockname()[1]
        yield one
        for task, writer in served:
            writer.transport.abort()
            await asyncio.wait({task})


def untrusted() -> ssl.SSLContext:
    """Return what a server shows whose certificate nobody trusts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def backend(
    protocol: str, port: int, *, tls: bool = False, timeout: float = 20.0, transport: Any = None, key: str = KEY
) -> Any:
    """Return a backend for a server on loopback."""
    url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
    match protocol:
        case "rest":
            return RestBackend(LOGIN, key, base_url=url, timeout=timeout, transport=transport)
        case "soap":
            return SoapBackend(LOGIN, key, endpoint=f"{url}/soap/server.php", timeout=timeout, transport=transport)
        case "mms":
            return MmsBackend(LOGIN, key, base_url=url, timeout=timeout, transport=transport)
        case "envoyersmspro":
            return EnvoyerSmsProBackend(
                LOGIN, key, default_sender="MAGASIN", base_url=url, timeout=timeout, transport=transport
            )
    server: dict[str, Any] = {"transport": transport} if transport else {
        "hostname": "127.0.0.1", "port": port, "security": "tls" if tls else "plain",
        "username": "shop", "password": PASSWORD,
    }  # fmt: skip
    return Mail2SmsBackend(LOGIN, key, mail_from="shop@example.com", timeout=timeout, **server)


def service(opened: Any) -> SmsService:
    """Return a service that makes one attempt."""
    once = RetryPolicy(attempts=1)
    return SmsService(opened, policy=once, send_policy=once)


async def send(opened: Any) -> BaseException | None:
    """Send through a backend, and return what went wrong; no variable of this function is a secret."""
    one = service(opened)
    try:
        await one.send(SmsMessage(TEXT), Recipient(NUMBER, (NAME,)))
    except BaseException as error:  # whatever it is, it is looked at
        return error
    finally:
        await one.aclose()
    return None


# -- looking ----------------------------------------------------------------------------------------------------------


def check(shown: str, where: str = "") -> None:
    """Check that what is shown holds no secret."""
    for secret in SECRETS:
        at = shown.find(secret)
        assert at < 0, f"{where}: {secret} in …{shown[max(0, at - 300) : at + 60]}…"


def on_a_console(value: object) -> str:
    """Return what rich prints."""
    console = rich.console.Console(file=io.StringIO(), width=200, color_system=None)
    console.print(value)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


PRINTED: Mapping[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "ascii": ascii,
    "in a container": lambda value: f"{[value]} {(value,)} { {'a': value} }",
    "pprint": lambda value: pprint.pformat([value], width=40),
    "rich.print": on_a_console,
    "rich.pretty": lambda value: rich.pretty.pretty_repr([value], expand_all=True),
}
"""Every way to print a value."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and whatever led to it."""
    seen: dict[int, BaseException] = {}
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen[id(one)] = one
        yield one
        waiting += [one.__cause__, one.__context__, *vars(one).values()]


def parts(value: object) -> Iterable[object]:
    """Return what a value is made of, as a serialiser finds it."""
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, str | bytes | int | float | type) or value is None or callable(value):
        return []
    slots = (name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()))
    return [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in slots)]


def serialised(value: object, depth: int) -> Iterator[str]:
    """Yield what a serialiser of errors shows of a value, so many levels deep."""
    yield repr(value)
    if depth:
        for part in parts(value):
            yield from serialised(part, depth - 1)


def variables(error: BaseException) -> Iterator[str]:
    """Yield the variables of every frame, but for this file's own, and of what they are made of."""
    for one in chain(error):
        for frame, line in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename.startswith(os.path.dirname(__file__)):
                continue
            place = f"{frame.f_code.co_filename}:{line}"
            for name, value in frame.f_locals.items():
                for text in serialised(value, 3):
                    yield f"{place} {name}={text}"


def with_locals(error: BaseException) -> str:
    """Return an error as ``traceback`` prints it with variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def rich_with_locals(error: BaseException) -> str:
    """Return the variables that rich prints with an error: drawing them takes seconds."""
    trace = rich.traceback.Traceback.extract(type(error), error, error.__traceback__, show_locals=True)
    frames = [frame for stack in trace.stacks for frame in stack.frames]
    return "\n".join(f"{name}={node}" for frame in frames for name, node in (frame.locals or {}).items())


ERRORS: Mapping[str, Callable[[BaseException], str]] = PRINTED | {
    "traceback": lambda error: "".join(traceback.format_exception(error)),
    "capture_locals": with_locals,
    "rich traceback": rich_with_locals,
    "notes": lambda error: "".join(str(getattr(one, "__notes__", "")) for one in chain(error)),
    "arguments": lambda error: "".join(f"{one.args!r} {vars(one)!r}" for one in chain(error)),
    "serialiser": lambda error: "\n".join(variables(error)),
}
"""Every way to show an error."""


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    """Each protocol."""
    name: str = request.param
    return name
