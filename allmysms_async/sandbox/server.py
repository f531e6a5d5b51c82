"""The sandbox as one object: start it, stop it, look into it, tell it what to do."""

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp

from . import instruction
from .application import Application
from .control import control_application
from .envoyersmspro import EnvoyerSmsProFace
from .exchange import Traffic
from .fault import ControlError, Fault, FaultBook
from .guard import guarded
from .inbox import Live, RequestLog
from .inbox import routes as page_routes
from .listener import HOST, Listener, SandboxError, bind
from .mail2sms import Certificate, Mail, Mailbox, MailGateway, MailServer
from .mms import MmsFace
from .overview import State, overview
from .push import Webhooks
from .soap import SoapFace
from .state import Clock, HandsetMessage, Observer, Stats, World
from .v9 import V9Face

__all__ = ["Sandbox"]


class Sandbox:
    """A local stand-in for the provider, on loopback.

    .. code-block:: python

        from allmysms_async import RestBackend, SmsService
        from allmysms_async.sandbox import Sandbox

        async with Sandbox() as sandbox:
            async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
                await sms.send("Bonjour", to="0612345678")
            assert sandbox.stats()["messages"] == 1

    It serves in the caller's event loop and installs no signal handlers. Each `async with` starts with a fresh state.

    Attributes:
        http_url: Where it listens, without a final slash; empty while it does not.
        http_port: The port; the one asked for, or while listening the one that was free.
        smtp_port: The port for mail; the one asked for, or while listening the one that was free.
        envoyersmspro: What there is to ask of and tell Envoyer SMS Pro alone: request limits, answers of people.
        webhooks: What there is to ask of and tell the webhooks: counts, events for load tests, ends of waiting.
    """

    def __init__(self, *, http_port: int = 0, smtp_port: int = 0, clock: Clock | None = None, seed: int = 0) -> None:
        """Prepare a sandbox.

        Args:
            http_port: Where to listen; 0 for any free port.
            smtp_port: Where to listen for mail; 0 for any free port.
            clock: The sandbox's own clock; by default one that starts on 2027-03-02 at 10:00 in Paris.
            seed: For the chances of faults, so that runs can be repeated.
        """
        self.http_url = ""
        self.http_port = http_port
        self.smtp_port = smtp_port
        self._wanted_ports = http_port, smtp_port
        self._world = World(clock or Clock())
        self.envoyersmspro = EnvoyerSmsProFace(self._world)
        self._faults = FaultBook(seed)
        self.webhooks = Webhooks(self._world, self._faults)
        self._traffic = Traffic()
        self._log = RequestLog()
        self._live = Live()
        self.observe(self._live)
        self._listener: Listener | None = None
        self._mailbox = Mailbox()
        self._certificate = Certificate()
        self._mail_server: MailServer | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            SandboxError: A port is taken.
        """
        bound = bind(self._wanted_ports[0])
        try:
            mail_bound = bind(self._wanted_ports[1])
        except SandboxError:
            bound.close()
            raise
        self._closing = asyncio.Event()
        self.reset()
        application = Application(
            [V9Face(self._world), SoapFace(self._world), MmsFace(self._world), self.envoyersmspro],
            guarded(control_application(self, page_routes(self._world, self._faults, self._log, self._live)), {HOST}),
            self._faults,
            self._traffic,
            self._log,
            self.clock,
            self._closing,
        )
        self.http_port = bound.getsockname()[1]
        self.http_url = f"http://{HOST}:{self.http_port}"
        self._listener = Listener(application, bound)
        await self._listener.start()
        gateway = MailGateway(self._world, self._mailbox)
        self._mail_server = MailServer(mail_bound, self._world, gateway, self._faults, self._traffic, self._certificate)
        self.smtp_port = mail_bound.getsockname()[1]
        await self._mail_server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: whoever still waits for an answer is cut off."""
        self._closing.set()
        self._live.end()
        await self.webhooks.stop()
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        if self._mail_server is not None:
            await self._mail_server.stop()
            self._mail_server = None
        self.http_url = ""

    @property
    def clock(self) -> Clock:
        """The sandbox's clock."""
        return self._world.clock

    @property
    def certificate(self) -> str:
        """The authority to trust for encrypted mail, in PEM."""
        return self._certificate.pem

    @property
    def requests(self) -> dict[str, int]:
        """Requests received since the last reset, by operation: `{"v9.sendSms": 3}`."""
        return dict(self._traffic.requests)

    @property
    def in_flight(self) -> int:
        """Requests that have no answer yet."""
        return self._traffic.in_flight

    @property
    def max_in_flight(self) -> int:
        """The most requests that were in flight at once since the last reset."""
        return self._traffic.max_in_flight

    def stats(self) -> Stats:
        """Count what reached handsets."""
        self._world.settle()
        return self._world.handsets.stats()

    def messages(self, phone: str | None = None) -> list[HandsetMessage]:
        """Return what a handset received, or all of them.

        Raises:
            ControlError: It is not a number that the gateway takes.
        """
        if phone is None:
            return list(self.all_messages())
        number = instruction.number_of(phone)
        self._world.settle()
        return self._world.handsets.inbox(number)

    def all_messages(self) -> Iterator[HandsetMessage]:
        """Return everything that reached handsets, one message at a time."""
        self._world.settle()
        return self._world.handsets.everything()

    def mails(self, address: str | None = None) -> list[Mail]:
        """Return what the gateway mailed back to an address, or to anybody."""
        return self._mailbox.mails(address)

    def reset(self) -> None:
        """Start over: state, counters, mails, faults and clock."""
        self._world.reset()
        self._mailbox.reset()
        self.envoyersmspro.reset()
        self.webhooks.reset()
        self._faults.replace([])
        self._traffic.reset()
        self._log.reset()
        self._live.tell({"kind": "reset"})

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ControlError: The seconds are not a number from 0 up.
        """
        # Ten years: beyond, dates leave the range of calendars long before floats do.
        if not (math.isfinite(seconds) and 0 <= seconds <= 315_360_000):
            raise ControlError("The clock can be advanced by 0 to 315360000 seconds (ten years).")
        self._world.clock.advance(seconds)
        self._world.settle()
        self.webhooks.wake()
        self._live.tell({"kind": "state"})

    def faults(self, faults: Iterable[Fault | Mapping[str, object]], *, seed: int | None = None) -> None:
        """Put these faults in force instead of the ones before; an empty list clears them.

        Raises:
            ControlError: One of them makes no sense.
        """
        self._faults.replace(faults, seed)

    def set_credits(self, login: str, credits: float) -> None:
        """Set an account's credits.

        Raises:
            ControlError: There is no such account, or the credits are not a number from 0 up.
        """
        instruction.set_credits(self._world, login, credits)

    def top_up(self, login: str, credits: float) -> None:
        """Let an account hold this many credits; the same as `set_credits`."""
        self.set_credits(login, credits)

    def opt_out(self, phone: str, reason: str = "blacklist_stop", *, login: str | None = None) -> None:
        """Put a number on the opt-out list of one account, or of all.

        Args:
            phone: In any form the gateway takes.
            reason: `blacklist_stop`, `blacklist_unassigned` or `blacklist_manual`.
            login: The account; all of them without it.

        Raises:
            ControlError: The number, the reason or the account does not exist.
        """
        instruction.opt_out(self._world, phone, reason, login)

    def reply(self, phone: str, text: str) -> None:
        """Let a handset answer its last text; STOP puts it on the sender's opt-out list, START takes it off.

        Raises:
            ControlError: It is not a number that the gateway takes, or nothing was ever sent to it.
        """
        instruction.reply(self._world, phone, text)

    def push_into(self, application: ASGIApp, path: str = "/", *, login: str = "demo") -> None:
        """Give an account's reports and replies to an ASGI application of this process, as its webhooks would.

        The application gets the very requests, without a socket, and no lifespan events. A reset forgets it.

        Args:
            application: Any ASGI application.
            path: What is asked of it, with a query if it needs one.
            login: The account.

        Raises:
            ControlError: There is no such account, or the path does not begin with a slash.
        """
        self.webhooks.push_into(application, path, login)

    def observe(self, observer: Observer) -> None:
        """Tell somebody, from now on, of texts that reach handsets, of replies, and of webhooks that are set.

        Args:
            observer: Called at once, in this event loop, before the request that caused it is answered.
        """
        self._world.observers.append(observer)

    def forget(self, observer: Observer) -> None:
        """Tell that one no more; one who was never told changes nothing."""
        self._world.observers[:] = [each for each in self._world.observers if each is not observer]

    def record(self, code: str, sound: bytes) -> None:
        """Record a voice message under a code of `createCode`, as somebody would by telephone.

        Raises:
            ControlError: There is no such code.
        """
        instruction.record(self._world, code, sound)

    def state(self) -> State:
        """Return everything at a glance, without secrets."""
        return overview(self._world, self._traffic)
