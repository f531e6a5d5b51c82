"""Whose law and whose clock a number is under: metropolitan France, each code of the overseas territories, elsewhere.

Source: ARCEP and the overseas operators (codes); IANA time zone database, ``zone1970.tab`` (time zones).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from allmysms_async.numbering import country_code
from allmysms_async.redaction import Shown

__all__ = ["ELSEWHERE", "ZONES", "Territory", "Zone", "by_zone", "zone_of", "zones_of"]


class Territory(msgspec.Struct, frozen=True):
    """Where one calendar of public holidays is kept, by one clock or by several."""

    name: str
    """Its name in French, as the law has it."""
    time_zones: tuple[ZoneInfo, ...]
    """Its clocks."""
    subdivision: str | None
    """What ``holidays`` calls it, or None where its days are those of all France."""


class Zone(Shown, frozen=True, eq=False):
    """What a country code tells of where a number is; each is made once, so that ``is`` compares them.

    Where several territories share a code, what one of them forbids is forbidden in all: the number does not say in
    which of them somebody lives.
    """

    name: str
    """Its name in English."""
    code: str
    """Its country code, empty for ``ELSEWHERE``."""
    territories: tuple[Territory, ...]
    """The territories of its code, none for ``ELSEWHERE``."""

    def __repr__(self) -> str:
        """Show its name."""
        return f"<Zone {self.name}>"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Pickle by the code, so that there is one of each."""
        return _zone, (self.code,)


def _territory(name: str, *time_zones: str, subdivision: str | None = None) -> Territory:
    return Territory(name, tuple(map(ZoneInfo, time_zones)), subdivision)


ELSEWHERE: Final = Zone("elsewhere", "", ())
"""Every other country: this library knows nothing of its law, and holds nothing up."""

ZONES: Final = MappingProxyType(
    {
        zone.code: zone
        for zone in (
            Zone("metropolitan France", "33", (_territory("Métropole", "Europe/Paris"),)),
            # Of the southern territories (TAAF), which share this code, nobody has a mobile.
            Zone(
                "La Réunion and Mayotte",
                "262",
                (
                    _territory("La Réunion", "Indian/Reunion", subdivision="974"),
                    _territory("Mayotte", "Indian/Mayotte", subdivision="976"),
                ),
            ),
            Zone(
                "Saint-Pierre-et-Miquelon",
                "508",
                (_territory("Saint-Pierre-et-Miquelon", "America/Miquelon", subdivision="PM"),),
            ),
            Zone(
                "Guadeloupe, Saint-Martin and Saint-Barthélemy",
                "590",
                (
                    _territory("Guadeloupe", "America/Guadeloupe", subdivision="971"),
                    _territory("Saint-Martin", "America/Marigot", subdivision="MF"),
                    _territory("Saint-Barthélemy", "America/St_Barthelemy", subdivision="BL"),
                ),
            ),
            Zone("French Guiana", "594", (_territory("Guyane", "America/Cayenne", subdivision="973"),)),
            Zone("Martinique", "596", (_territory("Martinique", "America/Martinique", subdivision="972"),)),
            Zone("Wallis-et-Futuna", "681", (_territory("Wallis-et-Futuna", "Pacific/Wallis", subdivision="WF"),)),
            Zone("New Caledonia", "687", (_territory("Nouvelle-Calédonie", "Pacific/Noumea", subdivision="NC"),)),
            Zone(
                "French Polynesia",
                "689",
                (
                    _territory(
                        "Polynésie française",
                        *("Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"),
                        subdivision="PF",
                    ),
                ),
            ),
        )
    }
)
"""The zones of France by their country code."""

_HUNDRED_MILLIONS: Final = 10**8
# From here on, what is before the last eight digits holds the whole country code.
_TELLING: Final = 100


def _zone(code: str) -> Zone:
    return ZONES.get(code, ELSEWHERE)


def zone_of(number: int) -> Zone:
    """Return the zone of a number.

    Args:
        number: The digits of E.164 as ``canonical_number`` gives them, as a whole number.
    """
    return _zone(country_code(str(number)) or "")


def zones_of(numbers: Iterable[int]) -> frozenset[Zone]:
    """Return the zones that some numbers are in, looked at by their first digits and not one by one.

    Args:
        numbers: As for ``zone_of``.
    """
    numbers = numbers if isinstance(numbers, Collection) else list(numbers)
    if not numbers:
        return frozenset()
    least, most = min(numbers), max(numbers)
    # Between two numbers of one length and one code all others have that code.
    if (zone := zone_of(least)) is zone_of(most) and zone is not ELSEWHERE and len(str(least)) == len(str(most)):
        return frozenset((zone,))
    heads = {number // _HUNDRED_MILLIONS for number in numbers}
    if least < _HUNDRED_MILLIONS * _TELLING:
        short = {number for number in numbers if number < _HUNDRED_MILLIONS * _TELLING}
        heads = {head for head in heads if head >= _TELLING} | short
    return frozenset(map(zone_of, heads))


def by_zone(numbers: Sequence[int]) -> dict[Zone, list[int]]:
    """Return the positions of some numbers by their zones, each in order, the zones in order of appearance.

    Args:
        numbers: As for ``zone_of``.
    """
    if len(all_of_them := zones_of(numbers)) == 1:
        return {zone: list(range(len(numbers))) for zone in all_of_them}
    zones: dict[int, Zone] = {}
    found: dict[Zone, list[int]] = {}
    for position, number in enumerate(numbers):
        head = number // _HUNDRED_MILLIONS
        if head < _TELLING:
            zone = zone_of(number)
        elif (known := zones.get(head)) is not None:
            zone = known
        else:
            zone = zones[head] = zone_of(head)
        found.setdefault(zone, []).append(position)
    return found
