"""A receiver as a router of FastAPI, which its documentation shows. It needs the extra ``fastapi``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from allmysms_async.webhooks.admission import last_segment
from allmysms_async.webhooks.asgi import arrival_of
from allmysms_async.webhooks.door import Door

__all__ = ["make_router"]

_FIELDS = {
    "smsId": "Identifier of the text.",
    "status": "Of a report: 1 delivered, 2 undelivered, 3 handed to the operator, 4 rejected, 5 unknown number.",
    "statusText": "Of a report: the status in words.",
    "smsMoId": "Of an answer: its identifier.",
    "message": "Of an answer: its text.",
    "receptionDate": "When the operator reported, or the answer came: YYYY-MM-DD HH:MM:SS, of Paris.",
    "phoneNumber": "The number, in international form.",
    "campaignId": "Identifier of the send.",
}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "The secret part of the address.",
    "schema": {"type": "string", "format": "password"},
}
_PARAMETERS = [
    _TOKEN,
    *(
        {"name": name, "in": "query", "required": False, "description": words, **_TEXT}
        for name, words in _FIELDS.items()
    ),
]
_FORM = {
    "type": "object",
    "properties": {name: {"type": "string", "description": words} for name, words in _FIELDS.items()},
}
_BODY = {"content": {"application/x-www-form-urlencoded": {"schema": _FORM}, "application/json": {"schema": _FORM}}}
_WORDS = {
    200: "The event is taken in, or there was none.",
    404: "There is no such address.",
    413: "The body is too large.",
    414: "The query string is too long.",
    503: "The event cannot be taken in now: send it again.",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"text/plain": _TEXT}} for status, words in _WORDS.items()
}


def make_router(
    door: Door, lifespan: Callable[[Any], AbstractAsyncContextManager[None]], prefix: str, tags: list[str]
) -> APIRouter:
    """Return the router.

    Args:
        door: Answers requests.
        lifespan: Starts the receiver with the application that includes the router, and ends it with it.
        prefix: What the path begins with.
        tags: The heading that the documentation has it under.
    """

    class EventRoute(APIRoute):
        """Matches a path that ends in a valid token, and leaves every other path to the rest of the application."""

        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            match, child = super().matches(scope)
            if match is not Match.NONE and last_segment(child["path_params"]["token"]) not in door.tokens:
                return Match.NONE, {}
            return match, child

    async def receive_event(request: Request) -> Response:
        arrival = arrival_of(request.scope, addresses=bool(door.allow))
        answer = await door.answer(arrival, request.stream() if arrival.method == "POST" else None)
        return Response(answer.body, answer.status, dict(answer.headers))

    router = APIRouter(
        prefix=prefix, tags=[*tags], route_class=EventRoute, lifespan=lifespan, default_response_class=Response
    )
    for method, body in (("GET", {}), ("POST", {"requestBody": _BODY})):
        router.add_api_route(
            "/{token:path}",
            receive_event,
            methods=[method],
            summary=f"Receive a delivery report or an answer ({method})",
            description="Called by AllMySMS, which the answer OK satisfies.",
            responses=_RESPONSES,
            name=f"allmysms_event_{method.lower()}",
            openapi_extra={"parameters": _PARAMETERS, **body},
        )
    router.add_api_route(
        "/{token:path}", receive_event, methods=["HEAD"], include_in_schema=False, name="allmysms_event_head"
    )
    return router
