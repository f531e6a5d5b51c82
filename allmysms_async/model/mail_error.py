"""What the gateway mails back of a Mail2SMS that it did not send."""

from __future__ import annotations

import hashlib
from datetime import datetime

from allmysms_async.redaction import Discreet

__all__ = ["MailError", "mail_identity"]

_IDENTITY_BYTES = 16


class MailError(Discreet, frozen=True, kw_only=True):
    """An error that the gateway mailed back. It does not say which mail it answers.

    Attributes:
        code: The gateway's status, such as ``104``.
        problem: What it stands for, in one sentence that holds no number and no text.
        identity: 16 bytes that are the same for the same mail, however often and from wherever it is read.
        received_at: The mail's ``Date``, aware, or None where it has none that can be read.
        message_id: The mail's own ``Message-ID``, or None.
        in_reply_to: The ``Message-ID`` of the mail that it answers, in case the gateway ever names one, or None.

    Source: Mail2SMS, §2.2.
    """

    code: str
    problem: str
    identity: bytes
    received_at: datetime | None = None
    message_id: str | None = None
    in_reply_to: str | None = None


def mail_identity(*parts: bytes) -> bytes:
    """Return 16 bytes that tell mails apart, from what they have that no other has."""
    digest = hashlib.blake2b(digest_size=_IDENTITY_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
