"""A receiver as routes of aiohttp.web. It needs the extra ``aiohttp``."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from allmysms_async.webhooks.arrival import METHODS, Arrival
from allmysms_async.webhooks.door import Door

__all__ = ["make_routes"]

# aiohttp looks for paths without variables first, and then for those with the longest prefix that is without.
_PATH = "/{any:(?:.*/)?}{token:[A-Za-z0-9._~-]{16,200}}{end:/?}"


def make_routes(door: Door, prefix: str) -> list[web.RouteDef]:
    """Return the routes.

    Args:
        door: Answers requests.
        prefix: What the path begins with.
    """

    async def receive_event(request: web.Request) -> web.Response:
        # As it came over the wire: `rel_url` has it escaped anew.
        query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        arrival = Arrival(
            method=request.method,
            token=request.match_info["token"],
            query=query,
            peer=request.remote or None,
            forwarded=request.headers.getall("X-Forwarded-For", ()),
            content_type=request.headers.get("Content-Type", ""),
            length=request.headers.get("Content-Length", ""),
        )
        found = await door.answer(arrival, request.content.iter_any())
        if found.status == HTTPStatus.NOT_FOUND:
            raise web.HTTPNotFound  # as of any path that there is not
        fields = dict(found.headers)
        closing = fields.pop("connection", None) is not None
        response = web.Response(status=found.status, body=found.body, headers=fields)
        if closing:
            response.force_close()
        return response

    # aiohttp adds HEAD to a GET.
    return [web.route(method, prefix + _PATH, receive_event) for method in METHODS if method != "HEAD"]
