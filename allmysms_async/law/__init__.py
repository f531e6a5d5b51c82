"""What is known of the law for marketing texts to France: hours, public holidays, STOP, senders. Pure, dated tables.

No statute fixes the hours of marketing texts: ``RULES`` are the gateway's and the operators'. Consent, Bloctel and the
law of other countries are for whoever sends to know.
"""

from __future__ import annotations

from allmysms_async.law.holiday import CUSTOMS, Custom, is_holiday, load_holidays
from allmysms_async.law.hours import MARGIN, MAX_MARGIN, NO_END, legal_until, may_send, next_legal
from allmysms_async.law.rule import RULES, HoursRule
from allmysms_async.law.sender import GENERIC_WORDS, MAX_SENDER, SenderWarning, lint_sender
from allmysms_async.law.stop import STOP, has_stop, with_stop
from allmysms_async.law.zone import ELSEWHERE, ZONES, Territory, Zone, by_zone, zone_of, zones_of

__all__ = [
    "CUSTOMS",
    "ELSEWHERE",
    "GENERIC_WORDS",
    "MARGIN",
    "MAX_MARGIN",
    "MAX_SENDER",
    "NO_END",
    "RULES",
    "STOP",
    "ZONES",
    "Custom",
    "HoursRule",
    "SenderWarning",
    "Territory",
    "Zone",
    "by_zone",
    "has_stop",
    "is_holiday",
    "legal_until",
    "lint_sender",
    "load_holidays",
    "may_send",
    "next_legal",
    "with_stop",
    "zone_of",
    "zones_of",
]
