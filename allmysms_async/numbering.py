"""The numbering plans that decide whose number a row of digits is: dated tables, compared with public ones by a test.

Source: HTTPS API v9, §7.3 (foreign lengths are not checked); ITU-T E.164 (assigned country codes); ARCEP and the
overseas operators (territories).
"""

from __future__ import annotations

from typing import Final

__all__ = ["ASSIGNED_CODES", "NATIONAL_LENGTHS", "NUMBERING_AS_OF", "OVERSEAS_MOBILES", "country_code"]

NUMBERING_AS_OF: Final = "2026-11"
"""When these tables were last compared with the assigned codes and the allotted ranges (year and month)."""

OVERSEAS_MOBILES: Final[tuple[tuple[str, str, str], ...]] = (
    ("639", "639", "262"),  # Mayotte
    ("690", "691", "590"),  # Guadeloupe, Saint-Martin, Saint-Barthélemy
    ("692", "693", "262"),  # Réunion
    ("694", "694", "594"),  # French Guiana
    ("696", "697", "596"),  # Martinique
    ("70840", "70845", "508"),  # Saint-Pierre-et-Miquelon
    ("70850", "70856", "508"),
    ("70900", "70904", "590"),
    ("70910", "70913", "596"),
    ("70920", "70923", "262"),
    ("70930", "70933", "594"),
    ("70935", "70937", "262"),  # Mayotte
)
"""Overseas mobile ranges: first prefix, last prefix (both included, without the trunk 0), country code."""

NATIONAL_LENGTHS: Final[dict[str, tuple[int, ...]]] = {
    "262": (9,),  # Réunion, Mayotte since 2007
    "269": (7,),  # Comoros; Mayotte before 2007, whose mobiles are +262 now
    "508": (6, 9),  # Saint-Pierre-et-Miquelon: six digits, and nine in the ranges of mobiles opened since
    "590": (9,),
    "594": (9,),
    "596": (9,),
    "681": (6,),  # Wallis-et-Futuna
    "687": (6,),  # New Caledonia
    "689": (8,),  # French Polynesia
}
"""Digits after the country code, in the territories that a French list may hold."""

# Zones of two digits, and of three; 1 and 7 stand alone. Services that no handset has (800, 808, 878, 888, 979) are
# left out.
_TWO_DIGITS = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98"
)
_THREE_DIGITS = (
    "211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 "
    "243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 "
    "297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 "
    "387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 "
    "674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 850 852 853 855 856 870 880 881 882 883 "
    "886 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 992 993 994 995 996 998"
)

ASSIGNED_CODES: Final = frozenset({"1", "7", *_TWO_DIGITS.split(), *_THREE_DIGITS.split()})
"""Country codes that are assigned, satellite and international networks included."""


def country_code(digits: str) -> str | None:
    """Return the country code that digits start with, or None if no country has it; no code begins with another."""
    return next((digits[:length] for length in (1, 2, 3) if digits[:length] in ASSIGNED_CODES), None)
