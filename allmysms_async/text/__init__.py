"""Texts: the alphabets of SMS, how long a text is, where its parts break, what GSM-7 could hold in place of it, and its
``#param_N#`` placeholders.

Source: HTTPS API v9, §7.2 (160, 153, 8 parts, CODING) and §7.3 (newline); 3GPP TS 23.038 (GSM 03.38), §6.2.1.
"""

from __future__ import annotations

from allmysms_async.text.alphabet import (
    GSM_BASIC,
    GSM_EXTENSION,
    Coding,
    check_text,
    escaped,
    forces_unicode,
    gsm_units,
    named,
    plain_gsm,
    ucs2_units,
    units,
)
from allmysms_async.text.length import MAX_PARTS, TextSize, measure
from allmysms_async.text.replacement import Replacement, Transliteration, as_sent, transliterate
from allmysms_async.text.segment import Segments, segments
from allmysms_async.text.template import Template, has_placeholder, placeholders

__all__ = [
    "GSM_BASIC",
    "GSM_EXTENSION",
    "MAX_PARTS",
    "Coding",
    "Replacement",
    "Segments",
    "Template",
    "TextSize",
    "Transliteration",
    "as_sent",
    "check_text",
    "escaped",
    "forces_unicode",
    "gsm_units",
    "has_placeholder",
    "measure",
    "named",
    "placeholders",
    "plain_gsm",
    "segments",
    "transliterate",
    "ucs2_units",
    "units",
]
