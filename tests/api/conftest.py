"""The real sandbox, with a clock that stands still, and the client opened on it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from allmysms_async import RestBackend, SmsService
from allmysms_async.sandbox import Clock, Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock only moves when told."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
async def opened(sandbox: Sandbox) -> AsyncIterator[Callable[..., RestBackend]]:
    """Opens backends on the sandbox, and closes them at the end."""
    backends: list[RestBackend] = []

    def open_one(**options: Any) -> RestBackend:
        options = {"login": "demo", "api_key": "demo-key", "base_url": sandbox.http_url} | options
        backends.append(RestBackend(**options))
        return backends[-1]

    yield open_one
    for backend in backends:
        await backend.aclose()


FORMATS = {
    "json": {},
    "xml answers": {"return_format": "xml"},
    "xml flows": {"flow_format": "xml"},
    "xml": {"flow_format": "xml", "return_format": "xml"},
}


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def backend(request: pytest.FixtureRequest, opened: Callable[..., RestBackend]) -> RestBackend:
    """A backend on the sandbox, in each combination of formats."""
    return opened(**request.param)


@pytest.fixture
def service(opened: Callable[..., RestBackend]) -> SmsService:
    """A service on the sandbox; its backend is closed with the others."""
    return SmsService(opened())
