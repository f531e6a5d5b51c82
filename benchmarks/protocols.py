"""What does a recipient of a campaign cost over the other protocols, beside a loop written by hand?

A CSV file goes by MMS, Mail2SMS and Envoyer SMS Pro to a server that accepts everybody, through ``SmsService.run`` and
through the loops of ``protocols_by_hand.py``, in turns. Replaying the bytes of the same campaign over bare sockets
shows what of that is the network's: it reads no list, writes no request and reads no answer. SOAP is measured without a
server: a request written and its answer read, beside zeep's and lxml's own part of that.
CPU time counts, for each recipient.
"""

from __future__ import annotations

import asyncio
import pathlib
import tempfile
from collections.abc import Awaitable, Callable

import msgspec
from by_hand import write_list
from floor import run_floor, wire_bytes
from harness import Claim, Contender, Measured, arguments, compare, finish, serving
from load import Recorder
from mail_floor import hand_over, mail_steps
from protocols_by_hand import TEXT, by_envoyersmspro, by_mail, by_mms
from soap_parts import SIZE, ByLibrary, ByZeep, people

from allmysms_async import Campaign, SmsMessage, SmsService, read_csv
from allmysms_async.backend import Sends
from allmysms_async.exchange import MailEnvelope, MailReceipt
from allmysms_async.protocols.envoyersmspro import EnvoyerSmsProBackend
from allmysms_async.protocols.mail2sms import Mail2SmsBackend
from allmysms_async.protocols.mms import MmsBackend
from allmysms_async.transports import H11Transport, HttpTransport, SmtpTransport

__all__ = ["main"]

_CONNECTIONS = 4


class _Where(msgspec.Struct, frozen=True):
    """Where the server listens.

    Attributes:
        http: Its address.
        mail: Its port for mail.
    """

    http: str
    mail: int


class _MailRecorder:
    """A ``MailTransport`` that keeps what passes through it."""

    def __init__(self, inner: SmtpTransport) -> None:
        self._inner = inner
        self.envelopes: list[MailEnvelope] = []

    async def send(self, envelope: MailEnvelope) -> MailReceipt:
        """Pass a mail on, and keep it."""
        self.envelopes.append(envelope)
        return await self._inner.send(envelope)

    async def aclose(self) -> None:
        """Close the transport behind."""
        await self._inner.aclose()


def _mms(where: str, transport: HttpTransport) -> Sends:
    return MmsBackend("demo", "k", base_url=where, transport=transport)


def _envoyersmspro(where: str, transport: HttpTransport) -> Sends:
    return EnvoyerSmsProBackend("0612345678", "k", request_limit=1_000_000, base_url=where, transport=transport)


def _mail2sms(transport: SmtpTransport | _MailRecorder) -> Sends:
    return Mail2SmsBackend("demo", "k", mail_from="shop@example.com", transport=transport)


def _smtp(where: _Where) -> SmtpTransport:
    return SmtpTransport("127.0.0.1", where.mail, security="plain", local_hostname="bench.example")


async def _run(backend: Sends, path: pathlib.Path) -> int:
    """Send a campaign; return how many were accepted."""
    message = SmsMessage(TEXT, sender=None if backend.name == "mms" else "MAGASIN", purpose="transactional")
    async with SmsService(backend, concurrency=_CONNECTIONS) as sms:
        result = await sms.run(Campaign("bench", message, read_csv(path, phone="mobile"), quiet_hours="ignore"))
    if not result.all_accepted:
        msg = f"{result.accepted} of {result.rows} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return result.accepted


async def _over_http(
    name: str,
    by_hand: Callable[[pathlib.Path, str, int], Awaitable[int]],
    open_backend: Callable[[str, HttpTransport], Sends],
    where: str,
    path: pathlib.Path,
) -> list[Contender]:
    """Return the ways to send by a protocol over HTTP."""
    recorder = Recorder(H11Transport())
    count = await _run(open_backend(where, recorder), path)
    await recorder.aclose()
    wires = [wire_bytes(request) for request in recorder.requests]

    async def replay() -> int:
        await run_floor(where, wires, _CONNECTIONS, passes=1)
        return count

    async def ours() -> int:
        transport = H11Transport()
        try:
            return await _run(open_backend(where, transport), path)
        finally:
            await transport.aclose()

    return _ways(name, replay, lambda: by_hand(path, where, _CONNECTIONS), ours)


async def _by_mail(where: _Where, path: pathlib.Path) -> list[Contender]:
    """Return the ways to send by mail."""
    recorder = _MailRecorder(_smtp(where))
    count = await _run(_mail2sms(recorder), path)
    await recorder.aclose()
    mails = [mail_steps(envelope) for envelope in recorder.envelopes]

    async def replay() -> int:
        await hand_over(where.mail, mails, _CONNECTIONS)
        return count

    async def ours() -> int:
        transport = _smtp(where)
        try:
            return await _run(_mail2sms(transport), path)
        finally:
            await transport.aclose()

    return _ways("Mail2SMS", replay, lambda: by_mail(path, where.mail, _CONNECTIONS), ours)


def _ways(name: str, *works: Callable[[], Awaitable[int]]) -> list[Contender]:
    """Return the three ways to send by a protocol."""
    kinds = ("bytes replayed", "floor by hand", "allmysms_async")
    return [Contender(f"{name}: {kind}", work) for kind, work in zip(kinds, works, strict=True)]


def _soap(count: int) -> list[Contender]:
    """Return zeep and lxml alone, and the library's codec."""
    recipients = people(SIZE)
    alone, library = ByZeep(recipients), ByLibrary(recipients)

    async def repeated(work: Callable[[], int]) -> int:
        done = sum(work() for _ in range(max(1, count // SIZE)))
        if done % SIZE:
            msg = f"{done} recipients were read as accepted."
            raise RuntimeError(msg)
        return done

    return [
        Contender("SOAP: zeep and lxml alone", lambda: repeated(alone.work)),
        Contender("SOAP: allmysms_async", lambda: repeated(library.work)),
    ]


async def _measure(where: _Where, path: pathlib.Path, count: int, rounds: int) -> Measured:
    """Measure all protocols."""
    contenders = [
        await _over_http("MMS", by_mms, _mms, where.http, path),
        await _by_mail(where, path),
        await _over_http("Envoyer SMS Pro", by_envoyersmspro, _envoyersmspro, where.http, path),
    ]
    claims = [Claim(ours.name, floor.name, most=3.0) for _, floor, ours in contenders]
    soap = _soap(count // 4)
    claims.append(Claim(soap[1].name, soap[0].name, most=1.2))
    return await compare([each for ways in [*contenders, soap] for each in ways], claims, rounds)


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients of a campaign (50,000)")
    given = parser.parse_args()
    count, rounds = (2000, 1) if given.quick else (given.recipients, given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving("protocol_server.py") as printed:
        path = pathlib.Path(folder) / "clients.csv"
        write_list(path, count)
        http, _, mail = printed.partition(" ")
        measured = asyncio.run(_measure(_Where(http, int(mail)), path, count, rounds))
    finish("CPU for each recipient of a campaign over the other protocols", "recipients", measured, given)


if __name__ == "__main__":
    main()
