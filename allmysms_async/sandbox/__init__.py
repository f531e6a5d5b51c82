"""A local stand-in for the provider: what the demo runs on, and what applications are tested against.

It reads the manuals on its own and shares no code with the clients, so that both cannot agree on the same mistake.

.. code-block:: python

    from allmysms_async.sandbox import Sandbox

    async with Sandbox() as sandbox:
        print(sandbox.http_url)  # login demo, API key demo-key

The layers, from the top: `server` (the object), `application`, `control`, `listener` and `mishap` (the wire), one
sub-package per protocol (`v9`, `soap`, `mail2sms`, `mms`, `envoyersmspro`), and `state` (accounts, campaigns, handsets,
opt-outs, identifiers) under all of them. `push` calls webhooks with what becomes known there.
"""

from .fault import FAULTS, ControlError, Fault
from .listener import SandboxError
from .mail2sms import Mail
from .overview import AccountState, CampaignState, State
from .push import PushCounts, Pushed, Webhooks
from .server import Sandbox
from .state import Clock, HandsetMessage, Observer, Stats

__all__ = [
    "FAULTS",
    "AccountState",
    "CampaignState",
    "Clock",
    "ControlError",
    "Fault",
    "HandsetMessage",
    "Mail",
    "Observer",
    "PushCounts",
    "Pushed",
    "Sandbox",
    "SandboxError",
    "State",
    "Stats",
    "Webhooks",
]
