"""What comes back by itself: the gateway's webhooks, received in FastAPI, aiohttp.web or any ASGI server.

.. code-block:: python

    import os

    from allmysms_async import Reply
    from allmysms_async.webhooks import Receiver

    receiver = Receiver(os.environ["ALLMYSMS_WEBHOOK_TOKEN"], journal="events.db")


    @receiver.on_reply
    async def answered(reply: Reply) -> None: ...

``parse`` reads one request, for whoever has a server of another kind.
"""

from __future__ import annotations

from allmysms_async.inbox import EventStore
from allmysms_async.model.event import Kept
from allmysms_async.webhooks.access import redact_access_log
from allmysms_async.webhooks.callback import parse
from allmysms_async.webhooks.receiver import Receiver
from allmysms_async.webhooks.stats import ReceiverStats

__all__ = ["EventStore", "Kept", "Receiver", "ReceiverStats", "parse", "redact_access_log"]
