"""The plugin of pytest: fixtures and a marker. It imports nothing but pytest until a test asks for a fixture."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from allmysms_async.service import SmsService
    from allmysms_async.testing.handle import SandboxHandle
    from allmysms_async.testing.server import Server

__all__ = ["allmysms_sandbox", "allmysms_service", "pytest_configure", "pytest_runtest_call"]

_MARKER = (
    "allmysms(protocol='rest', faults=[], strict=False): how a test's sandbox behaves. protocol: rest, soap, mail2sms, "
    "mms or envoyersmspro, for allmysms_service; faults: as Sandbox.faults takes them; strict: a text that the test "
    "did not expect fails it."
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passes, but not by what it expected of its sandbox."""
    result = yield
    handle = getattr(item, "funcargs", {}).get("allmysms_sandbox")
    problem = handle.verdict() if handle is not None else ""
    if problem:
        pytest.fail(problem, pytrace=False)
    return result


@pytest.fixture(scope="session")
def _allmysms_server() -> Iterator[Server]:
    """The one server of a session, in a thread of its own: a test may have any event loop, or none."""
    try:
        from allmysms_async.testing.server import Server
    except ModuleNotFoundError as error:
        pytest.fail(f'The sandbox needs {error.name}: run pip install "allmysms_async[testing]".', pytrace=False)
    with Server() as server:
        yield server


@pytest.fixture
def allmysms_sandbox(request: pytest.FixtureRequest, _allmysms_server: Server) -> Iterator[SandboxHandle]:
    """A gateway that has seen nothing yet; its clock stands still but for ``advance``."""
    from allmysms_async.testing.handle import SandboxHandle
    from allmysms_async.testing.setting import setting_of

    setting = setting_of(mark.kwargs | {"": mark.args} for mark in request.node.iter_markers("allmysms"))
    handle = SandboxHandle(_allmysms_server)
    handle.begin(setting)
    yield handle
    handle.end()


@pytest.fixture
def allmysms_service(allmysms_sandbox: SandboxHandle) -> Iterator[SmsService]:
    """A service that sends to the test's gateway, over the marker's protocol, with the gateway's clock."""
    service = allmysms_sandbox.service()
    yield service
    allmysms_sandbox.close(service)
