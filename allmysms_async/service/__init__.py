"""``SmsService``: the one interface over every backend."""

from __future__ import annotations

from allmysms_async.service.service import SEND_POLICY, SmsService

__all__ = ["SEND_POLICY", "SmsService"]
