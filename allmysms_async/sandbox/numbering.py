"""The sandbox's own reading of which numbers the gateway takes, and in what form it gives them back.

Source: HTTPS API v9, §7.3.
"""

import re

__all__ = ["FRANCE", "canonical", "printed"]

FRANCE = "33"
"""The calling code of metropolitan France."""

_FRENCH_MOBILE = re.compile(r"(?:\+?33|0)([67][0-9]{8})")
_FOREIGN = re.compile(r"\+?([1-9][0-9]{7,14})")
_FRENCH_NATIONAL = re.compile(r"0([1-9][0-9]{8})")

# fmt: off
_CALLING_CODES = frozenset((
    "1", "7", "20", "27", "30", "31", "32", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
    "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86",
    "90", "91", "92", "93", "94", "95", "98", "211", "212", "213", "216", "218", "220", "221", "222", "223", "224",
    "225", "226", "227", "228", "229", "230", "231", "232", "233", "234", "235", "236", "237", "238", "239", "240",
    "241", "242", "243", "244", "245", "246", "248", "249", "250", "251", "252", "253", "254", "255", "256", "257",
    "258", "260", "261", "262", "263", "264", "265", "266", "267", "268", "269", "290", "291", "297", "298", "299",
    "350", "351", "352", "353", "354", "355", "356", "357", "358", "359", "370", "371", "372", "373", "374", "375",
    "376", "377", "378", "380", "381", "382", "383", "385", "386", "387", "389", "420", "421", "423", "500", "501",
    "502", "503", "504", "505", "506", "507", "508", "509", "590", "591", "592", "593", "594", "595", "596", "597",
    "598", "599", "670", "672", "673", "674", "675", "676", "677", "678", "679", "680", "681", "682", "683", "685",
    "686", "687", "688", "689", "690", "691", "692", "850", "852", "853", "855", "856", "880", "886", "960", "961",
    "962", "963", "964", "965", "966", "967", "968", "970", "971", "972", "973", "974", "975", "976", "977", "992",
    "993", "994", "995", "996", "998",
))
# fmt: on


def canonical(number: str) -> str | None:
    """Return the international digits the gateway prints for a number, or None where it refuses it.

    French numbers are mobiles in one of three exact forms; the length of foreign numbers is only bounded, as the
    gateway does not check it per country.
    """
    if match := _FRENCH_MOBILE.fullmatch(number):
        return FRANCE + match[1]
    match = _FOREIGN.fullmatch(number)
    if match is None or match[1].startswith(FRANCE):
        return None
    digits = match[1]
    known = digits[:1] in _CALLING_CODES or digits[:2] in _CALLING_CODES or digits[:3] in _CALLING_CODES
    return digits if known else None


def printed(number: str) -> str:
    """Return the form in which a refused number is listed: international where that can be told, else as received."""
    if match := _FRENCH_NATIONAL.fullmatch(number):
        return FRANCE + match[1]
    if match := _FOREIGN.fullmatch(number):
        return match[1]
    return number
