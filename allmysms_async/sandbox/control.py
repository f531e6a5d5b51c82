"""The control API, under `/_sandbox/`: what tests and developers ask of the sandbox itself.

Every refusal is HTTP 400 with `{"error": "a sentence"}`; who may ask at all is up to the guard. No answer carries a
key or a pass code.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from .fault import ControlError, Fault
from .mail2sms import Mail
from .overview import State
from .push import Pushed, Webhooks
from .state import HandsetMessage, Stats

__all__ = ["Control", "control_application"]

_LINES_AT_ONCE = 1000
_JSON_LINES = "application/x-ndjson"
T = TypeVar("T")


class Control(Protocol):
    """What the control API can have done."""

    def stats(self) -> Stats:
        """Return the totals."""
        ...

    def state(self) -> State:
        """Return everything at a glance."""
        ...

    def messages(self, phone: str) -> list[HandsetMessage]:
        """Return a handset's messages."""
        ...

    def all_messages(self) -> Iterator[HandsetMessage]:
        """Return every message, one at a time."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Return what there is to ask of and tell the webhooks."""
        ...

    @property
    def certificate(self) -> str:
        """Return the authority to trust for encrypted mail."""
        ...

    def mails(self, address: str | None = None) -> list[Mail]:
        """Return what the gateway mailed back."""
        ...

    def reset(self) -> None:
        """Start over."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        ...

    def faults(self, faults: list[Fault], *, seed: int | None = None) -> None:
        """Put faults in force."""
        ...

    def set_credits(self, login: str, credits: float) -> None:
        """Set an account's credits."""
        ...

    def opt_out(self, phone: str, reason: str = "blacklist_stop", *, login: str | None = None) -> None:
        """Note an opt-out."""
        ...

    def reply(self, phone: str, text: str) -> None:
        """Let a handset answer its last text."""
        ...

    def record(self, code: str, sound: bytes) -> None:
        """Record a voice message under a code."""
        ...


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST clock`."""

    advance: float


class _Credits(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST credits`."""

    login: str
    credits: float


class _OptOut(msgspec.Struct, forbid_unknown_fields=True):
    """One item of the body of `POST optouts`."""

    phone: str
    reason: str = "blacklist_stop"
    login: str | None = None


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """One item of the body of `POST replies`."""

    phone: str
    text: str


class _Push(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST push`."""

    reports: int = 0
    replies: int = 0
    rate: float | None = None
    of_sent_texts: bool = False
    login: str = "demo"


class _Sound(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST recordings`; the sound travels in base64."""

    code: str
    sound: bytes


class _Faults(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST faults`, where it gives a seed; a bare list does without."""

    faults: list[Fault]
    seed: int | None = None


class _ControlFace:
    """What each path of the control API answers.

    Args:
        control: Does what is asked.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    async def stats(self, _: Request) -> Response:
        return _json(self._control.stats())

    async def state(self, _: Request) -> Response:
        return _json(self._control.state())

    async def messages(self, request: Request) -> Response:
        phone = request.query_params.get("phone")
        if phone is None:
            return StreamingResponse(_lines(self._control.all_messages()), media_type=_JSON_LINES)
        return _json(self._control.messages(phone))

    async def mails(self, request: Request) -> Response:
        return _json(self._control.mails(request.query_params.get("to")))

    async def webhooks(self, _: Request) -> Response:
        return _json(self._control.webhooks.counts())

    async def certificate(self, _: Request) -> Response:
        return Response(self._control.certificate, media_type="application/x-pem-file")

    async def reset(self, _: Request) -> Response:
        self._control.reset()
        return _done()

    async def clock(self, request: Request) -> Response:
        self._control.advance((await _read(request, _Advance)).advance)
        return _done()

    async def faults(self, request: Request) -> Response:
        listed = (await request.body()).lstrip()[:1] == b"["
        wanted = _Faults(await _read(request, list[Fault])) if listed else await _read(request, _Faults)
        self._control.faults(wanted.faults, seed=wanted.seed)
        return _done()

    async def set_credits(self, request: Request) -> Response:
        body = await _read(request, _Credits)
        self._control.set_credits(body.login, body.credits)
        return _done()

    async def opt_outs(self, request: Request) -> Response:
        for entry in await _read(request, list[_OptOut]):
            self._control.opt_out(entry.phone, entry.reason, login=entry.login)
        return _done()

    async def replies(self, request: Request) -> Response:
        for answer in await _read(request, list[_Answer]):
            self._control.reply(answer.phone, answer.text)
        return _done()

    async def push(self, request: Request) -> Response:
        body = await _read(request, _Push)
        return StreamingResponse(
            _encoded(self._control.webhooks.push(**msgspec.structs.asdict(body))), media_type=_JSON_LINES
        )

    async def recordings(self, request: Request) -> Response:
        body = await _read(request, _Sound)
        self._control.record(body.code, body.sound)
        return _done()


def control_application(control: Control, page: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Return the control API as an application.

    Args:
        control: Does what is asked.
        page: What the sandbox's own page is served and asked by.
    """
    face = _ControlFace(control)
    looks: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "stats": face.stats,
        "state": face.state,
        "messages": face.messages,
        "mails": face.mails,
        "certificate": face.certificate,
        "webhooks": face.webhooks,
    }
    acts: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "reset": face.reset,
        "clock": face.clock,
        "faults": face.faults,
        "credits": face.set_credits,
        "optouts": face.opt_outs,
        "replies": face.replies,
        "push": face.push,
        "recordings": face.recordings,
    }
    routes = [Route(f"/{name}", look, methods=["GET"]) for name, look in looks.items()]
    routes += [Route(f"/{name}", act, methods=["POST"]) for name, act in acts.items()]
    return Starlette(routes=[*page, Mount("/_sandbox", routes=routes)], exception_handlers={ControlError: _refusal})


def _refusal(_: Request, error: Exception) -> Response:
    """Answer an instruction that makes no sense."""
    return _json({"error": str(error)}, 400)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _done() -> Response:
    """Answer an instruction that was carried out."""
    return _json({"ok": True})


async def _read(request: Request, kind: type[T]) -> T:
    """Read an instruction.

    Raises:
        ControlError: It is not what it should be.
    """
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ControlError(f"The body cannot be used: {str(error).rstrip('.')}.") from error


async def _lines(messages: Iterator[HandsetMessage]) -> AsyncIterator[bytes]:
    """Write messages as JSON lines, some at a time so that other requests get their turn."""
    encoder = msgspec.json.Encoder()
    while batch := list(islice(messages, _LINES_AT_ONCE)):
        yield encoder.encode_lines(batch)
        await asyncio.sleep(0)


async def _encoded(outcomes: AsyncIterator[Pushed]) -> AsyncIterator[bytes]:
    """Write what became of webhooks as JSON lines, as it becomes known."""
    encoder = msgspec.json.Encoder()
    async for outcome in outcomes:
        yield encoder.encode(outcome) + b"\n"
