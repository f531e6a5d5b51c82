"""Mail2SMS: an e-mail whose subject carries the request and whose body is the text.

Source: Mail2SMS.
"""

from __future__ import annotations

from allmysms_async.protocols.mail2sms.backend import Mail2SmsBackend
from allmysms_async.protocols.mail2sms.reply import parse_error_reply

__all__ = ["Mail2SmsBackend", "parse_error_reply"]
