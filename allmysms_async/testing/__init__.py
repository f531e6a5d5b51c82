"""Testing what sends texts: a gateway of your own for every test, and a backend that needs no socket.

With the extra ``testing`` installed, pytest has these fixtures, and does nothing until one is asked for:

- ``allmysms_sandbox``: a ``SandboxHandle``, a gateway that has seen nothing when a test begins; one server serves all.
- ``allmysms_service``: an ``SmsService`` that sends to it.

.. code-block:: python

    import pytest


    async def test_code_is_sent(client, allmysms_sandbox):
        await client.post("/login", json={"phone": "0612345678"})
        text = await allmysms_sandbox.expect("0612345678", contains="code")
        assert text.text == "Votre code est 4821"


    @pytest.mark.allmysms(faults=[{"fault": "http_503", "times": 1}], strict=True)
    async def test_outage_is_survived(allmysms_service, allmysms_sandbox): ...

``MemoryBackend`` keeps what it is given, for unit tests.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allmysms_async.testing.expectation import Expected
    from allmysms_async.testing.handle import SandboxHandle
    from allmysms_async.testing.memory import MemoryBackend, SentText

__all__ = ["Expected", "MemoryBackend", "SandboxHandle", "SentText"]

# pytest imports this room at every start, for the plugin in it: nothing else is imported before it is asked for.
_HOMES = {
    "Expected": "expectation",
    "MemoryBackend": "memory",
    "SentText": "memory",
    "SandboxHandle": "handle",
}


if not TYPE_CHECKING:  # a type checker would take any name, with a slip in it, too

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
