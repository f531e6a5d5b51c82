"""Numbers of other countries, by phonenumbers: read as written there, and checked, where a source asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from allmysms_async import argument
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidSource
from allmysms_async.model import Reason, Recipient, RefusedRow
from allmysms_async.numbering import country_code
from allmysms_async.numbers import canonical_number, digits_of, end_of_first

__all__ = ["Countries"]

_LEAST_WITH_CODE = 11
"""Bare digits that may start with a country code; fewer are a number of the default country, or nobody's."""
# Their numbers are those of the French plan, dialled alike in each.
_FRENCH_PLAN = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "BL", "MF"})
_FRENCH = ("33", "262", "508", "590", "594", "596")


class Countries:
    """What is known of the countries of a list's numbers.

    Args:
        default_country: ISO code of the country whose numbers are written without ``+``, such as ``BE``; None is
            France.
        check_numbers: Whether a number of another country must be one that phonenumbers finds valid for a mobile.

    Raises:
        InvalidSource: No country has the code.
        InvalidRequest: phonenumbers is not installed.
    """

    def __init__(self, default_country: str | None, check_numbers: bool) -> None:
        argument.given("check_numbers", check_numbers, bool, "true or false")
        self._country = None if default_country is None else argument.text("default_country", default_country).upper()
        self._check = check_numbers
        if self._country is None and not check_numbers:
            return
        try:
            import phonenumbers
        except ModuleNotFoundError:
            msg = 'default_country and check_numbers need phonenumbers: run pip install "allmysms_async[numbers]".'
            raise InvalidRequest(msg) from None
        self._library: Any = phonenumbers
        if self._country is not None and self._country not in phonenumbers.SUPPORTED_REGIONS:
            msg = f"No country has the code {default_country!r:.20}: default_country= takes that of ISO, such as BE."
            raise InvalidSource(msg)

    def read(self, rows: Sequence[Recipient]) -> Sequence[Recipient]:
        """Return rows with their numbers as they are to be texted, those that cannot be right refused."""
        return rows if self._country is None and not self._check else list(self._read(rows))

    def _read(self, rows: Sequence[Recipient]) -> Iterator[Recipient]:
        for row in rows:
            if isinstance(row, RefusedRow):
                yield row
                continue
            phone = self._written(row.phone)
            if phone is None or (self._check and self._is_wrong(phone)):
                yield RefusedRow(row.phone, (), row.line, reason=Reason.MALFORMED)
            else:
                yield Recipient(phone, row.params, row.line)

    def _written(self, raw: str) -> str | None:
        """Return a number with its country code, if it is one of the default country's written without.

        None is a bare number that is none there: it is not taken for a French one. What is no number at all, such as
        letters, two numbers or one with an extension, is returned as it is, and refused for its own reason.
        """
        country = self._country
        if country is None or country in _FRENCH_PLAN:
            return raw
        try:
            digits, international = digits_of(raw)
        except InvalidNumber:
            return raw
        if international:
            return raw
        first = end_of_first(raw)
        if first and self._at_home(digits[:first]) is not None:  # the end of a second number follows
            return None
        number = self._at_home(digits)
        if number is not None:
            return str(self._library.format_number(number, self._library.PhoneNumberFormat.E164))
        return raw if len(digits) >= _LEAST_WITH_CODE and country_code(digits) is not None else None

    def _at_home(self, digits: str) -> Any:
        """Return a number of the default country as phonenumbers has it, or None where it is none there."""
        try:
            number = self._library.parse(digits, self._country)
        except self._library.NumberParseException:
            return None
        return number if self._library.is_valid_number_for_region(number, self._country) else None

    def _is_wrong(self, raw: str) -> bool:
        """Tell whether a foreign number is none of a mobile; what is refused anyway is left to its own reason."""
        try:
            phone = canonical_number(raw)
        except InvalidNumber:
            return False
        if phone.startswith(_FRENCH):
            return False
        kinds = self._library.PhoneNumberType
        number = self._library.parse("+" + phone, None)
        kind = self._library.number_type(number)
        return kind not in {kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE} or not self._library.is_valid_number(number)
