"""What tells people how to opt out, at the end of a marketing text.

Source: HTTPS API v9, §7.2 (TPOA) and glossary (STOP); SOAP API, "messageData"; Mail2SMS, "from="; Envoyer SMS Pro,
"Détails sur le STOP SMS".
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["STOP", "has_stop", "with_stop"]

STOP: Final = "STOP au 36180"
"""What a text with a sender to France ends with, after a space or the end of a line."""

# The manual's own example (§4) has "Stop".
_ending = re.compile(rf"[ \r\n]{STOP}\Z", re.IGNORECASE).search


def has_stop(text: str) -> bool:
    """Tell whether a text ends with ``STOP au 36180`` after a space or the end of a line, as the gateway wants it."""
    return _ending(text) is not None


def with_stop(text: str) -> str:
    """Return a text that ends so: as it is, or with a space and the words after it."""
    if has_stop(text):
        return text
    return text + STOP if text.endswith((" ", "\n", "\r")) else f"{text} {STOP}"
