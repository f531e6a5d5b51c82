"""The webhooks that the provider calls: reports and replies, the moment that they become known.

The layers, from the top: `webhooks` (what there is to ask and to tell), `pusher` (the background task), `synthetic`
(events for load tests), `carrier`, `line` and `inside` (the ways to an application), `outbox` (what becomes known
when) and `variables` (how it is written).
"""

from .carrier import LOOPBACK
from .pusher import PushCounts
from .synthetic import Pushed
from .webhooks import Webhooks

__all__ = ["LOOPBACK", "PushCounts", "Pushed", "Webhooks"]
