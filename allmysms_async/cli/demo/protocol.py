"""What the demo does over each protocol, and what each protocol makes of the sample's rows."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from allmysms_async.backend import Backend
from allmysms_async.cli.demo.sample import TEXT, SampleRow
from allmysms_async.law import STOP
from allmysms_async.model import MmsMessage, SmsMessage
from allmysms_async.sandbox import Sandbox
from allmysms_async.sandbox.alphabet import deliverable

__all__ = ["PROTOCOLS", "DemoProtocol", "expected_rows"]

Faults = list[dict[str, object]]

_SMS = SmsMessage(TEXT, sender="MAGASIN", purpose="marketing")
# Its provider has words of its own by which people opt out.
_WITHOUT_STOP = msgspec.structs.replace(_SMS, text=TEXT.removesuffix(f" {STOP}"), add_stop=True)
_OWN_STOP = "\nSTOP SMS au 36111"
_LATE: dict[str, object] = {"fault": "latency", "seconds": 0.12}


def _itself(text: str) -> str:
    return text


def _with_own_stop(text: str) -> str:
    return text.removesuffix(f" {STOP}") + _OWN_STOP


class DemoProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """One protocol as the demo uses it.

    Attributes:
        open: Opens its backend on a sandbox.
        message: What is sent.
        bad_day: The faults that it meets, and survives.
        chunk: Recipients in a request at most.
        refused: Why it cannot carry a text to a number, or None; from its manual, without the library's own reading.
        received: What a handset shows of a row's text.
        told: What it says of numbers that the gateway does not text; None if it says nothing, and they count as
            accepted. ``None`` as a whole if it says everything.
    """

    open: Callable[[Sandbox], AbstractAsyncContextManager[Backend]]
    message: SmsMessage | MmsMessage = _SMS
    bad_day: Faults = msgspec.field(default_factory=lambda: [_LATE])
    chunk: int = 100
    refused: Callable[[str, str], str | None]
    received: Callable[[str], str] = _itself
    told: Mapping[str, str | None] | None = None


# -- what a protocol can carry ----------------------------------------------------------------------------------------


def _nothing(text: str, phone: str) -> str | None:
    """The sample itself says what the HTTPS API v9 cannot carry."""
    return None


def _gsm_only(most: int) -> Callable[[str, str], str | None]:
    """Return the rule of a protocol without Unicode."""

    def refused(text: str, phone: str) -> str | None:
        if deliverable(text, unicode=False) != text:
            return "needs_unicode"
        return "text_too_long" if len(text) > most else None

    return refused


def _metropolitan(text: str, phone: str) -> str | None:
    """The MMS module knows the mobiles of metropolitan France alone, and 1000 characters."""
    if not phone.startswith(("336", "337")):
        return "outside_france"
    return "text_too_long" if len(text) > 1000 else None


# -- how it is reached ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _rest(sandbox: Sandbox) -> AsyncGenerator[Backend, None]:
    from allmysms_async.protocols.rest import RestBackend

    yield RestBackend("demo", "demo-key", base_url=sandbox.http_url)


@asynccontextmanager
async def _soap(sandbox: Sandbox) -> AsyncGenerator[Backend, None]:
    from allmysms_async.protocols.soap import SoapBackend

    yield SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php")


@asynccontextmanager
async def _mail2sms(sandbox: Sandbox) -> AsyncGenerator[Backend, None]:
    from allmysms_async.protocols.mail2sms import Mail2SmsBackend
    from allmysms_async.transports.smtp import SmtpTransport

    trust = ssl.create_default_context(cadata=sandbox.certificate)
    async with SmtpTransport("localhost", sandbox.smtp_port, ssl_context=trust) as transport:
        yield Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=transport)


@asynccontextmanager
async def _mms(sandbox: Sandbox) -> AsyncGenerator[Backend, None]:
    from allmysms_async.protocols.mms import MmsBackend

    yield MmsBackend("demo", "demo-pass", base_url=sandbox.http_url)


@asynccontextmanager
async def _envoyersmspro(sandbox: Sandbox) -> AsyncGenerator[Backend, None]:
    from allmysms_async.protocols.envoyersmspro import EnvoyerSmsProBackend

    yield EnvoyerSmsProBackend("demo", "demo-pass", base_url=sandbox.http_url)


_SILENT: dict[str, str | None] = dict.fromkeys(("opted_out", "unassigned", "manual_blacklist", "invalid_at_gateway"))
_WITHOUT_REASON: dict[str, str | None] = dict.fromkeys(_SILENT, "invalid_at_gateway")

PROTOCOLS: Mapping[str, DemoProtocol] = {
    "rest": DemoProtocol(
        open=_rest,
        refused=_nothing,
        # Answers are slow, two of them are lost after the texts went out, and twice the server is not there.
        bad_day=[
            _LATE,
            {"fault": "reset_after", "times": 2},
            {"fault": "http_503", "times": 1},
            {"fault": "reset_before", "times": 1},
        ],
    ),
    "soap": DemoProtocol(open=_soap, refused=_gsm_only(640), told=_WITHOUT_REASON),
    "mail2sms": DemoProtocol(
        open=_mail2sms,
        refused=_gsm_only(1224),
        told=_SILENT,
        bad_day=[{"fault": "http_451", "path": "/smtp/DATA", "times": 2}],
    ),
    "mms": DemoProtocol(
        open=_mms, message=MmsMessage(text=TEXT, purpose="marketing"), refused=_metropolitan, told=_WITHOUT_REASON
    ),
    "envoyersmspro": DemoProtocol(
        open=_envoyersmspro,
        message=_WITHOUT_STOP,
        received=_with_own_stop,
        refused=_gsm_only(459),
        told={**_SILENT, "invalid_at_gateway": "invalid_at_gateway"},
        bad_day=[{"fault": "http_503", "times": 2}],
        chunk=1000,
    ),
}


def expected_rows(rows: Sequence[SampleRow], protocol: DemoProtocol) -> list[SampleRow]:
    """Return the sample's rows with the outcome that each must have over a protocol."""
    texted: set[str] = set()
    return [_expected(row, protocol, texted) for row in rows]


def _expected(row: SampleRow, protocol: DemoProtocol, texted: set[str]) -> SampleRow:
    """Return a row with the outcome that it must have; of two rows with one number the first that can be sent wins."""
    reason = row.expected.partition(":")[2]
    if protocol.told is None or not row.phone or reason == "wrong_width":
        return row
    row = msgspec.structs.replace(row, text=protocol.received(row.text))
    refusal = protocol.refused(row.text, row.phone)
    if row.phone in texted and refusal != "outside_france":
        refusal = "duplicate"
    if refusal is not None:
        return msgspec.structs.replace(row, expected=f"rejected:{refusal}")
    texted.add(row.phone)
    if reason not in protocol.told:
        return msgspec.structs.replace(row, expected="accepted")
    told = protocol.told[reason]
    return msgspec.structs.replace(row, expected=f"rejected:{told}" if told else "accepted", received=False)
