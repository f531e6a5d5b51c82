"""One client's connection: HTTP/1.1 read by httptools, answered by an ASGI application.

A fault has to reach the connection itself, to reset it or to cut an answer in the middle, and no ASGI server hands
its transport out. The sandbox therefore speaks HTTP itself; each request finds its transport in its state.
"""

import asyncio
from collections import deque
from typing import cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Scope

from .asgi import CLOSE, Exchange, head

__all__ = ["Connection"]

_KEEP_ALIVE = 75.0
_FAREWELL = 2.0
_READ_AHEAD = 64 * 1024
_MAX_HEAD = 1024 * 1024
_BAD_REQUEST = b"This is no HTTP request that can be read."
_BAD_REQUEST_HEADERS = ((b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BAD_REQUEST)), CLOSE)


class Connection(asyncio.Protocol):
    """Serves the requests of one connection, one after the other."""

    def __init__(self, application: ASGIApp, connections: set["Connection"], tasks: set[asyncio.Task[None]]) -> None:
        """Note itself among the connections while it is open, and each request at work among the tasks."""
        self._application = application
        self._connections = connections
        self._tasks = tasks
        self._parser = httptools.HttpRequestParser(self)
        # Clients that asked for the connection's end may still have sent something, which is of no interest.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._transport: asyncio.Transport
        self._waiting: deque[Exchange] = deque()
        self._serving: Exchange | None = None
        self._reading: Exchange | None = None
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = self._untold = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._last = False
        self._timer: asyncio.TimerHandle | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._last and self._reading is None:
            # The answer that ends the connection is out or under way: nobody wants what still comes.
            return
        self._stop_timer()
        # The parser holds a header back until it is whole, however long it is.
        self._untold += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing but HTTP/1.1 is spoken here; what follows the request would be in the other protocol.
            self._last = True
        except httptools.HttpParserError:
            self._refuse()
        else:
            if self._untold > _MAX_HEAD:
                self._refuse()
        self._throttle()

    def eof_received(self) -> None:
        """The client left: whoever waits for that is told when the connection is gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the requests that nobody waits for them any more."""
        self._connections.discard(self)
        self._stop_timer()
        self._writable.set()
        for exchange in (self._serving, *self._waiting):
            if exchange is not None:
                exchange.leave()
        self._waiting.clear()

    def pause_writing(self) -> None:
        """Hold answers back: the client reads slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let answers go on."""
        self._writable.set()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._target = b""
        self._headers = []
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._target += url
        self._weigh(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._untold = 0
        self._headers.append((name.lower(), value))
        self._weigh(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._untold = 0
        exchange = Exchange(self, self._scope(), lasting=self._parser.should_keep_alive())
        self._reading = exchange
        if self._serving is None:
            self._serve(exchange)
        else:
            self._waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the request's body."""
        self._untold = 0
        if self._reading is not None:
            self._reading.take(body)

    def on_message_complete(self) -> None:
        """The request was read to its end."""
        if self._reading is not None:
            self._reading.end()
            self._reading = None

    # What the listener and the requests ask for.

    def shutdown(self) -> None:
        """Leave: at once if nothing is under way, else after the answer."""
        self._last = True
        if self._serving is None:
            self._transport.close()

    def abort(self) -> None:
        """Leave at once, whatever is under way."""
        self._transport.abort()

    async def write(self, data: bytes) -> None:
        """Write a piece of an answer, as fast as the client takes it."""
        if self._transport.is_closing():
            await asyncio.sleep(0)  # whoever writes on and on must not keep the others from their turn
        else:
            self._transport.write(data)
            await self._writable.wait()

    def drained(self) -> None:
        """Read on: the request took what had come."""
        self._throttle()

    def done(self, exchange: Exchange) -> None:
        """An answer is complete: go on with the next request, or end the connection."""
        self._serving = None
        unread = self._reading is exchange
        if self._transport.is_closing():
            return
        if self._last or unread or not exchange.lasting:
            self._last = True
            self._reading = None
            self._part(unread=unread)
        elif self._waiting:
            self._serve(self._waiting.popleft())
            self._throttle()
        else:
            self._transport.resume_reading()
            self._timer = asyncio.get_running_loop().call_later(_KEEP_ALIVE, self._transport.close)

    def closes(self, exchange: Exchange) -> bool:
        """Whether an answer that starts now is the connection's last."""
        return self._last or not exchange.lasting or self._reading is exchange

    def _part(self, *, unread: bool) -> None:
        """End the connection; a client that is still writing gets the time to read the answer.

        A socket closed with bytes unread resets the connection, and the client may lose the answer over it.
        """
        if not unread:
            self._transport.close()
            return
        self._transport.write_eof()
        self._transport.resume_reading()
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(_FAREWELL, self._transport.abort)

    def _stop_timer(self) -> None:
        """Stop waiting for the client."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _throttle(self) -> None:
        """Read no further than requests can be answered."""
        if self._transport.is_closing():
            return
        held = self._reading.held if self._reading is not None else 0
        if self._waiting or held > _READ_AHEAD:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _weigh(self, *pieces: bytes) -> None:
        """Bound the head of a request: it is held whole.

        Raises:
            ValueError: It is larger than anything a client has to say there.
        """
        self._head_bytes += sum(map(len, pieces))
        if self._head_bytes > _MAX_HEAD:
            raise ValueError("the head of the request is too large")

    def _refuse(self) -> None:
        """Answer what is no request, and leave."""
        self._last = True
        broken, self._reading = self._reading, None
        if broken is not None:
            broken.leave()  # the rest of its body never comes
            if broken in self._waiting:
                self._waiting.remove(broken)
        if broken is not None and broken is self._serving and broken.started:
            self._transport.abort()
        elif self._serving in {None, broken} and not self._transport.is_closing():
            self._transport.write(head(400, _BAD_REQUEST_HEADERS))
            self._transport.write(_BAD_REQUEST)
            self._part(unread=True)

    def _serve(self, exchange: Exchange) -> None:
        self._serving = exchange
        task = asyncio.get_running_loop().create_task(exchange.run(self._application))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _scope(self) -> Scope:
        """Describe the request whose head was read.

        Raises:
            HttpParserInvalidURLError: Its target is no address.
        """
        target = httptools.parse_url(self._target)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self._parser.get_http_version(),
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(target.path.decode("latin-1")),
            "raw_path": target.path,
            "query_string": target.query or b"",
            "root_path": "",
            "headers": self._headers,
            "state": {"transport": self._transport},
        }
