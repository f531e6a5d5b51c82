"""What a test has of the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from allmysms_async.backend import Backend
from allmysms_async.loop import running_loop
from allmysms_async.numbers import canonical_number
from allmysms_async.protocols.envoyersmspro import EnvoyerSmsProBackend
from allmysms_async.protocols.mail2sms import Mail2SmsBackend
from allmysms_async.protocols.mms import MmsBackend
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.protocols.soap import SoapBackend
from allmysms_async.sandbox import Fault, HandsetMessage, State, Stats
from allmysms_async.service import SmsService
from allmysms_async.testing.arrival import Arrivals, Wish
from allmysms_async.testing.expectation import Expected
from allmysms_async.testing.setting import Setting

if TYPE_CHECKING:
    from allmysms_async.testing.server import Server

__all__ = ["SandboxHandle"]


class SandboxHandle:
    """The sandbox of one test, which may run in any thread or event loop, or in none.

    Attributes:
        http_url: Where it listens for v9, SOAP, MMS and Envoyer SMS Pro, without a final slash.
        smtp_port: Where it listens for mail, on 127.0.0.1.
        login: The account's login, for every protocol.
        api_key: Its key, for v9 and Mail2SMS.
        password: Its pass code, for SOAP, MMS and Envoyer SMS Pro.
    """

    login = "demo"
    api_key = "demo-key"
    password = "demo-pass"  # noqa: S105  # of a gateway that reaches nobody

    def __init__(self, server: Server) -> None:
        self.http_url = server.sandbox.http_url
        self.smtp_port = server.sandbox.smtp_port
        self._server = server
        self._arrivals = Arrivals(server)
        self._setting = Setting()
        self._expected: list[Expected] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ``SmsService.from_env`` and the command line read."""
        return {
            "ALLMYSMS_LOGIN": self.login,
            "ALLMYSMS_API_KEY": self.api_key,
            "ALLMYSMS_BASE_URL": self.http_url,
        }

    # -- looking ------------------------------------------------------------------------------------------------------

    def expect(self, phone: str, *, contains: str = "", sender: str | None = None, within: float = 2.0) -> Expected:
        """Wait for a text, which no later ``expect`` finds again.

        Outside of an event loop it waits until the text has come. Inside of one it takes what has come already; what
        has not is waited for by ``await sandbox.expect(…)``, and a test that does not fails.

        Args:
            phone: Whose handset, in any usual form.
            contains: What is in the text; anything by default.
            sender: What the handset shows as the sender; anything by default.
            within: Seconds of the machine's own time; the wait ends as soon as the text is there.

        Raises:
            AssertionError: No such text came; it tells what did, with numbers and figures masked.
            InvalidNumber: It is not a mobile number.
        """
        __tracebackhide__ = True
        expected = Expected(self._arrivals, Wish(canonical_number(phone), contains, sender), within)
        self._expected.append(expected)
        if running_loop() is None:
            expected.wait()
        return expected

    def messages(self, phone: str | None = None) -> list[HandsetMessage]:
        """Return what a handset received, or all of them, in order.

        Raises:
            ControlError: It is not a number that the gateway takes.
        """
        return self._server.call(lambda: self._server.sandbox.messages(phone))

    def stats(self) -> Stats:
        """Count what reached handsets."""
        return self._server.call(self._server.sandbox.stats)

    def state(self) -> State:
        """Return accounts, campaigns and counters at a glance."""
        return self._server.call(self._server.sandbox.state)

    @property
    def requests(self) -> dict[str, int]:
        """Requests received, by operation: ``{"v9.sendSms": 3}``."""
        return self._server.call(lambda: self._server.sandbox.requests)

    # -- acting -------------------------------------------------------------------------------------------------------

    def reply(self, phone: str, text: str) -> None:
        """Let a handset answer its last text; STOP puts it on the sender's opt-out list, START takes it off.

        Raises:
            ControlError: It is not a number that the gateway takes, or nothing was sent to it.
        """
        self._server.call(lambda: self._server.sandbox.reply(phone, text))

    def faults(self, faults: Iterable[Fault | Mapping[str, object]], *, seed: int | None = None) -> None:
        """Put these faults in force instead of the ones before; an empty list clears them.

        Raises:
            ControlError: One of them makes no sense; those before stay in force.
        """
        kept = list(faults)
        self._server.call(lambda: self._server.sandbox.faults(kept, seed=seed))

    def advance(self, seconds: float) -> None:
        """Move the clock forward, by which scheduled texts leave and reports come.

        Raises:
            ControlError: The seconds are not a number from 0 up.
        """
        self._server.call(lambda: self._server.sandbox.advance(seconds))

    def opt_out(self, phone: str, reason: str = "blacklist_stop") -> None:
        """Put a number on every account's opt-out list, as ``Sandbox.opt_out``.

        Raises:
            ControlError: The number or the reason does not exist.
        """
        self._server.call(lambda: self._server.sandbox.opt_out(phone, reason))

    def set_credits(self, credits: float) -> None:
        """Let the account have so many credits.

        Raises:
            ControlError: They are not a number from 0 up.
        """
        self._server.call(lambda: self._server.sandbox.set_credits(self.login, credits))

    # -- sending to it ------------------------------------------------------------------------------------------------

    def backend(self, protocol: str | None = None) -> Backend:
        """Return a backend that reaches this sandbox, over the marker's protocol by default; the caller closes it."""
        match protocol or self._setting.protocol:
            case "soap":
                return SoapBackend(self.login, self.password, endpoint=f"{self.http_url}/soap/server.php")
            case "mms":
                return MmsBackend(self.login, self.password, base_url=self.http_url)
            case "envoyersmspro":
                return EnvoyerSmsProBackend(self.login, self.password, default_sender="SANDBOX", base_url=self.http_url)
            case "mail2sms":
                return Mail2SmsBackend(
                    self.login,
                    self.api_key,
                    mail_from="test@example.com",
                    hostname="127.0.0.1",
                    port=self.smtp_port,
                    security="plain",
                )
            case _:
                return RestBackend(self.login, self.api_key, base_url=self.http_url)

    def service(self, protocol: str | None = None) -> SmsService:
        """Return a service that sends to this sandbox and has its clock, so that no retry takes real time.

        Args:
            protocol: ``rest``, ``soap``, ``mail2sms``, ``mms`` or ``envoyersmspro``; the marker's by default.
        """
        return SmsService(self.backend(protocol), clock=SandboxClock(self._server))

    # -- the plugin's -------------------------------------------------------------------------------------------------

    def begin(self, setting: Setting) -> None:
        """Start with a sandbox that has seen nothing."""
        self._setting = setting
        self._server.call(self._server.sandbox.reset)
        self.faults(setting.faults)
        self._server.call(lambda: self._server.sandbox.observe(self._arrivals))

    def verdict(self) -> str:
        """Return why the test fails for what it did or did not expect; nothing where it does not."""
        for expected in self._expected:
            if not expected.is_settled:
                return (
                    f"{expected.wish.words} was expected in a running event loop, where only 'await sandbox.expect(…)' "
                    "waits; it had not come, and nothing waited for it."
                )
        return self._arrivals.unexpected() if self._setting.strict else ""

    def end(self) -> None:
        """Leave the sandbox to the next test."""
        self._server.call(lambda: self._server.sandbox.forget(self._arrivals))

    def close(self, service: SmsService) -> None:
        """Close a service whose test is over, whatever event loop it had."""
        self._server.wait(service.aclose())


class SandboxClock:
    """The sandbox's time for a client; waiting moves it on."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def now(self) -> datetime:
        """Return the present moment, aware."""
        return datetime.fromtimestamp(self._server.sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._server.sandbox.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Let others run, then let the time have passed."""
        until = self.monotonic() + seconds
        await asyncio.sleep(0.001)
        self._server.call(lambda: self._server.sandbox.advance(max(0.0, until - self.monotonic())))
