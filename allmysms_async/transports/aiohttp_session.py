"""A session of aiohttp for each event loop: with connections of its own, or over the connector of a user's."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import socket
import ssl
import weakref
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import aiohttp
import yarl

from allmysms_async.transports.address import Origin
from allmysms_async.transports.attempt import IDLE_SECONDS
from allmysms_async.transports.room import Watch

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

__all__ = ["MAX_FIELD_BYTES", "Held", "own_session", "shared_session"]

_Watches: TypeAlias = "weakref.WeakKeyDictionary[ResponseHandler, Watch]"

_GOODBYE_SECONDS = 5.0
_MANY_SERVERS = 32
MAX_FIELD_BYTES = 64 * 1024

# One connector may be several transports': what one of them used is not new to another.
_watches: weakref.WeakKeyDictionary[aiohttp.BaseConnector, _Watches] = weakref.WeakKeyDictionary()


class _Connector(aiohttp.TCPConnector):
    """A connector that is left alone in a process that was forked off."""

    def __init__(self, **options: Any) -> None:
        self._pid = os.getpid()
        cast("Any", super()).__init__(**options)  # whose types are not all known

    def __del__(self, *_: Any) -> None:
        if self._pid == os.getpid():
            super().__del__()


class Held:
    """A session of aiohttp, in one event loop.

    Args:
        session: The session.
        sockets: Those of its connections; none of another's connector.

    Attributes:
        direct: Whether its connector may be asked without it: nobody looks on, and there is no proxy.
        watches: What looks at the connections of its connector that carried a request without a session.
        users: Requests that go over it now.
        over: Whether it is closed once they ended.
    """

    def __init__(self, session: aiohttp.ClientSession, sockets: weakref.WeakSet[socket.socket]) -> None:
        self.session = session
        self.sockets = sockets
        self.direct = _is_direct(session)
        self.watches = _watches_of(session.connector)
        self.users = 0
        self.over = False
        self._asked: dict[tuple[Origin, ssl.SSLContext | bool], aiohttp.ClientRequest] = {}

    def asked(self, url: yarl.URL, origin: Origin, trusted: ssl.SSLContext | bool) -> aiohttp.ClientRequest:
        """Return what the connector is to know of a request: which server it goes to, and whom to trust."""
        asked = self._asked.get((origin, trusted))
        if asked is None:
            if len(self._asked) >= _MANY_SERVERS:
                self._asked.clear()
            asked = self._asked[origin, trusted] = aiohttp.ClientRequest(
                "POST", url.origin(), loop=asyncio.get_running_loop(), session=self.session, ssl=trusted
            )
        return asked

    async def leave(self) -> None:
        """Close the session, now or after the last request that uses it."""
        self.over = True
        if not self.users:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self.session.close()

    def forget(self, inherited: bool) -> None:
        """Let go of the session where its event loop does nothing for it any more."""
        if inherited:
            self.session.detach()
            return
        with contextlib.suppress(StopIteration, RuntimeError):  # the event loop is closed: nothing is waited for
            self.session.close().send(None)


def _is_direct(session: aiohttp.ClientSession) -> bool:
    """Tell whether a session does nothing that its connector does not do without it."""
    connector = session.connector
    if type(connector) not in {_Connector, aiohttp.TCPConnector} or not aiohttp.__version__.startswith("3."):
        return False
    if connector is None or connector.force_close or session.trace_configs or session.trust_env:
        return False
    return _is_as_known(connector)


_INNER = {
    "connector.Connection": ("protocol", "transport", "release", "close"),
    "http.RawResponseMessage": ("code", "headers"),
    "streams.StreamReader": ("is_eof", "at_eof", "read_nowait", "readchunk"),
}
"""What is used of aiohttp beside its session, by class."""


def _is_as_known(connector: aiohttp.BaseConnector) -> bool:
    """Tell whether aiohttp has inside what is used of it, called as it is called; another version may not."""
    try:
        for place, names in _INNER.items():
            module, _, kind = place.rpartition(".")
            one = getattr(importlib.import_module(f"aiohttp.{module}"), kind)
            if not all(hasattr(one, name) for name in names):
                return False
        protocol = importlib.import_module("aiohttp.client_proto").ResponseHandler(asyncio.get_running_loop())
        inspect.signature(protocol.set_response_params).bind(
            read_until_eof=True, auto_decompress=False, max_line_size=0, max_field_size=0
        )
        inspect.signature(protocol.read).bind()
        inspect.signature(aiohttp.ClientRequest).bind("POST", None, loop=None, session=None, ssl=None)
        known = list(inspect.signature(connector.connect).parameters) == ["req", "traces", "timeout"]
        new = protocol._parser is None and protocol.transport is None and protocol.exception() is None
        return known and new and not protocol.should_close and not protocol.is_connected()
    except Exception:  # whatever is another than it was
        return False


def _watches_of(connector: aiohttp.BaseConnector | None) -> _Watches:
    """Return what looks at the connections of a connector."""
    none: _Watches = weakref.WeakKeyDictionary()
    return none if connector is None else _watches.setdefault(connector, none)


def own_session(most: int) -> Held:
    """Return a session with connections of its own."""
    sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def made(info: Any) -> socket.socket:
        one = socket.socket(info[0], info[1], info[2])
        sockets.add(one)
        return one

    connector = _Connector(
        limit=most, keepalive_timeout=IDLE_SECONDS, resolver=aiohttp.ThreadedResolver(), socket_factory=made
    )
    return Held(_plain_session(connector, connector_owner=True), sockets)


def shared_session(session: aiohttp.ClientSession) -> Held:
    """Return a session over another one's connector."""
    shared = _plain_session(
        session.connector,
        connector_owner=False,
        trust_env=session.trust_env,
        trace_configs=session.trace_configs,
    )
    return Held(shared, weakref.WeakSet())


def _plain_session(connector: aiohttp.BaseConnector | None, **options: Any) -> aiohttp.ClientSession:
    """Return a session that adds nothing to a request, and keeps nothing of an answer."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Content-Type", "User-Agent"),
        max_line_size=MAX_FIELD_BYTES,
        max_field_size=MAX_FIELD_BYTES,
        **options,
    )
