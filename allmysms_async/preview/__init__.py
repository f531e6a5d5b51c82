"""What a campaign would be, before it is sent: parts, characters that cost, countries, rejections, cost.

``SmsService.preview`` makes one; it reads the list and plans it as a run does, and sends nothing.
"""

from __future__ import annotations

from allmysms_async.preview.reading import previewed
from allmysms_async.preview.result import (
    CountryShare,
    Difference,
    LongRow,
    Preview,
    Simulation,
    UnicodeCharacter,
    ZoneHours,
)

__all__ = [
    "CountryShare",
    "Difference",
    "LongRow",
    "Preview",
    "Simulation",
    "UnicodeCharacter",
    "ZoneHours",
    "previewed",
]
