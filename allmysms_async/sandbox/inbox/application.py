"""Serves the page and what it asks. Nothing of it comes from another host, and no answer holds a key."""

from collections.abc import Sequence
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from allmysms_async.sandbox.fault import FAULTS, ControlError, FaultBook
from allmysms_async.sandbox.numbering import canonical
from allmysms_async.sandbox.state import World, wall

from .live import Live
from .look import conversation, handsets
from .traffic import RequestLog

__all__ = ["routes"]

_FILES = {
    "index.html": "text/html",
    "inbox.css": "text/css",
    "inbox.js": "text/javascript",
    "panels.js": "text/javascript",
    "tools.js": "text/javascript",
    "words.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_HERE = __name__.rpartition(".")[0]
_MOST = 10_000_000


def routes(world: World, faults: FaultBook, log: RequestLog, live: Live) -> Sequence[BaseRoute]:
    """Return what the page is served and asked by."""

    async def events(_: Request) -> Response:
        return StreamingResponse(live.events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def list_handsets(request: Request) -> Response:
        asked = request.query_params
        offset, limit = _count(asked.get("offset", "0")), _count(asked.get("limit", "50"))
        return _json(handsets(world, asked.get("search", "").strip()[:200], offset, limit))

    async def one(request: Request) -> Response:
        phone = canonical(request.query_params.get("phone", "").strip())
        if phone is None:
            raise ControlError("The number is not a mobile number.")
        return _json(conversation(world, phone))

    async def requests(_: Request) -> Response:
        secrets = [secret for account in world.accounts.values() for secret in (account.api_key, account.pass_code)]
        shown = [{**each, "at": wall(each["at"])} for each in log.latest(secrets)]
        return _json({"count": log.count, "requests": shown})

    async def rules(_: Request) -> Response:
        return _json({"faults": faults.rules(), "kinds": FAULTS})

    def asset(name: str) -> Route:
        body = files(_HERE).joinpath(name).read_bytes()

        async def serve(_: Request) -> Response:
            return Response(body, media_type=_FILES[name], headers=_HEADERS)

        return Route("/" if name == "index.html" else f"/_sandbox/{name}", serve, methods=["GET"])

    asked = {
        "events": events,
        "handsets": list_handsets,
        "conversation": one,
        "requests": requests,
        "faults": rules,
    }
    return [*map(asset, _FILES), *(Route(f"/_sandbox/{name}", look, methods=["GET"]) for name, look in asked.items())]


def _count(text: str) -> int:
    """Return a count of an address.

    Raises:
        ControlError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= _MOST):
        raise ControlError("The offset and the limit must be whole numbers from 0 up.")
    return int(text)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers={"cache-control": "no-store"})
