"""A token, a clock that tests move, and a place for events that outlives receivers."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from allmysms_async.inbox import Received
from allmysms_async.model import Event, identity
from allmysms_async.webhooks import Kept, Receiver

TOKEN = "tOkEn-0123456789_abcdef"
START = datetime(2027, 1, 5, 10, tzinfo=UTC)


class MovedClock:
    """Time that passes when a test says so.

    Attributes:
        waits: How long each sleep is.
    """

    def __init__(self) -> None:
        """Begin on a Tuesday morning."""
        self.waits: list[float] = []
        self.elapsed = 0.0
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the present moment."""
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return the seconds of a clock that began elsewhere."""
        return 5000.0 + self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until a test has let as much time pass."""
        self.waits.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.elapsed + seconds, woken))
        await woken

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += seconds
        for until, woken in self._sleeping:
            if until <= self.elapsed and not woken.done():
                woken.set_result(None)


class Books:
    """An ``EventStore`` whose rows outlive receivers, as a file would.

    Attributes:
        rows: Events by their identities: number, event, attempts, when it may be tried, whether it was handled.
        groups: How many events each call of ``store`` brought.
        fails: Whether it fails now.
        lost: Events that another process got after they were taken.
        gate: Calls of ``store`` wait here.
    """

    def __init__(self) -> None:
        """Begin without events."""
        self.rows: dict[bytes, dict[str, Any]] = {}
        self.groups: list[int] = []
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.opened = self.closed = 0
        self.clock = MovedClock()
        self.together = 0
        self.lost: set[int] = set()

    async def open(self) -> None:
        """Count it."""
        self.opened += 1

    async def aclose(self) -> None:
        """Count it."""
        self.closed += 1

    async def store(self, events: Sequence[Event]) -> int:
        """Keep events that are not kept yet."""
        self.together += 1
        assert self.together == 1, "one call at a time"
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            if self.fails:
                raise OSError("no space, and 33612345678 is a number")
            self.groups.append(len(events))
            new = 0
            for event in events:
                if identity(event) not in self.rows:
                    new += 1
                    row = {"id": len(self.rows), "event": event, "attempts": 0, "at": START, "done": False}
                    self.rows[identity(event)] = row
            return new
        finally:
            self.together -= 1

    async def receive(self, events: Sequence[Event], unheard: Callable[[Event], bool]) -> Received:
        """Keep events, all of them to be handed out."""
        return Received(await self.store(events), 0)

    async def take(self, most: int, busy: Collection[str]) -> Sequence[Kept]:
        """Return the oldest of each number."""
        if self.fails:
            raise OSError("no space")
        found: list[Kept] = []
        seen = set(busy)
        for name, row in self.rows.items():
            key = getattr(row["event"], "phone", f"?{name.hex()}")
            if row["done"] or key in seen:
                continue
            seen.add(key)
            if row["at"] <= self.clock.now() and len(found) < most:
                found.append(Kept(id=row["id"], event=row["event"], attempts=row["attempts"]))
        return found

    def holds(self, kept: Kept) -> bool:
        """Tell whether another process did not get it."""
        return kept.id not in self.lost

    async def done(self, kept: Sequence[Kept]) -> None:
        """Note that events were handled, once each."""
        for one in kept:
            row = self.rows[identity(one.event)]
            assert not row["done"]
            row["done"] = True

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Note when it is tried again."""
        self.rows[identity(kept.event)].update(attempts=kept.attempts + 1, at=at)

    async def waiting(self) -> int:
        """Return how many are not handled."""
        return sum(not row["done"] for row in self.rows.values())


@pytest.fixture
def clock() -> MovedClock:
    """A clock that tests move."""
    return MovedClock()


@pytest.fixture
async def books(clock: MovedClock) -> Books:
    """A durable place for events."""
    made = Books()
    made.clock = clock
    return made


@pytest.fixture
def journaled(books: Books, clock: MovedClock) -> Callable[..., Receiver]:
    """Make receivers whose events are kept in the books."""

    def make(**options: Any) -> Receiver:
        receiver = Receiver(TOKEN, clock=clock, **options)
        receiver._make_store = lambda: books
        return receiver

    return make


def query(number: int = 0, **fields: str) -> str:
    """Return the query string of a report, each number another text of another person."""
    known = {
        "smsId": f"s{number}",
        "status": "1",
        "statusText": "D%C3%A9livr%C3%A9",
        "receptionDate": "2027-01-05+11%3A40%3A35",
        "phoneNumber": f"336{number:08d}",
        "campaignId": "ap_1",
    } | fields
    return "&".join(f"{name}={value}" for name, value in known.items())


def reply_query(number: int = 0, message: str = "Oui", **fields: str) -> str:
    """Return the query string of an answer."""
    known = {
        "smsId": f"s{number}",
        "smsMoId": f"m{number}",
        "receptionDate": "2027-01-05+11%3A45%3A00",
        "phoneNumber": f"336{number:08d}",
        "campaignId": "ap_1",
        "message": message,
    } | fields
    return "&".join(f"{name}={value}" for name, value in known.items())


async def ask(
    app: Any,
    target: str,
    *,
    method: str = "GET",
    body: bytes | None = b"",
    headers: Sequence[tuple[str, str]] = (),
    client: tuple[str, int] | None = ("192.0.2.7", 4000),
) -> tuple[int, bytes, dict[str, str]]:
    """Ask an ASGI application without a socket; a body of None never ends."""
    path, _, query_string = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query_string.encode("utf-8", "surrogateescape"),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": client,
        "server": ("127.0.0.1", 80),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]), fields
