"""The sandbox of a test session: in an event loop and a thread of its own, for tests of any kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from allmysms_async.sandbox import Clock, Sandbox

__all__ = ["Server"]

T = TypeVar("T")


class Server:
    """A sandbox that runs beside whatever the tests run.

    Attributes:
        sandbox: To be used within ``call`` alone, but for its addresses.
    """

    def __init__(self) -> None:
        # Nothing happens by the machine's time: a test that is held up sees what one that is not held up sees.
        self.sandbox = Sandbox(clock=Clock(tick=lambda: 0.0))
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name="allmysms sandbox", daemon=True)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait for the end."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001, RUF100  # told where it is waited for
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        async with self.sandbox:
            self._ready.set_result(None)
            await self._over.wait()

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function of the sandbox returns, called in the sandbox's own thread."""

        async def work() -> T:
            return function()

        return self.wait(work())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns that runs in the sandbox's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
