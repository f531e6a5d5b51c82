"""Public holidays of France, territory by territory: those of ``holidays``, and what was decided where custom differs.

Source: Code du travail, L. 3133-1 (all France), L. 3134-13 (Alsace-Moselle), L. 3422-2 (abolition of slavery); the
overseas collectivities' own lists as ``holidays`` cites them.
"""

from __future__ import annotations

import functools
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from allmysms_async.law.zone import Territory

__all__ = ["CUSTOMS", "Custom", "is_holiday", "load_holidays"]

ALSACE_MOSELLE: Final = "6AE"
"""What ``holidays`` calls the two departments of Alsace; Moselle has the same days."""


class Custom(msgspec.Struct, frozen=True):
    """A day that no law of all France has, and whether a marketing text waits for its end."""

    day: str
    """Its name, where ``holidays`` has it as that has it."""
    territories: tuple[str, ...]
    """Where it is kept."""
    counted: bool
    """Whether it is taken for a public holiday here."""
    reason: str
    """Why."""
    on: tuple[int, int] | None = None
    """Month and day, where ``holidays`` does not have it there and it is counted."""


_ABOLITION = "Abolition de l'esclavage"
_GOOD_FRIDAY = "Vendredi saint"

CUSTOMS: Final = (
    Custom(
        _ABOLITION,
        ("Guadeloupe", "Guyane", "La Réunion", "Martinique", "Mayotte", "Saint-Barthélemy"),
        counted=True,
        reason="Statute: Code du travail, L. 3422-2, a date for each.",
    ),
    Custom(
        _ABOLITION,
        ("Saint-Martin",),
        counted=True,
        on=(5, 27),
        reason="27 May by the Code du travail, L. 3422-2; 28 May as it is kept since 2019. Both are counted.",
    ),
    Custom(
        _GOOD_FRIDAY,
        ("Guadeloupe",),
        counted=True,
        reason="No statute, but shops and offices are shut, and local agreements of commerce treat it as a holiday.",
    ),
    Custom(
        _GOOD_FRIDAY,
        ("Martinique",),
        counted=True,
        reason="As in Guadeloupe (CESECEM: a custom of Martinique); `holidays` has it there alone.",
    ),
    Custom(
        "Jour des morts",
        ("Martinique",),
        counted=True,
        on=(11, 2),
        reason="No statute; the local agreement of commerce treats it, like Good Friday, as a legal holiday.",
    ),
    Custom(
        "Fête de Victor Schoelcher",
        ("Guadeloupe", "Martinique", "Saint-Martin"),
        counted=True,
        reason="The State's own calendar of public holidays (etalab) lists it.",
    ),
    Custom(
        "Mi-Carême",
        ("Guadeloupe", "Martinique"),
        counted=False,
        reason="Neither a statute nor a local agreement: a feast in the street, on a day that is worked.",
    ),
    Custom(
        "Mardi gras, mercredi des Cendres",
        ("Guadeloupe", "Guyane", "Martinique"),
        counted=False,
        reason="Days that many employers give, which no agreement of commerce treats as holidays.",
    ),
    Custom(
        "Miradji, Idi-el-Fitri, Idi-el-Kabir, Maoulid",
        ("Mayotte",),
        counted=False,
        reason="The Code du travail, L. 3422-2, leaves them to agreements; the moon sets their dates shortly before.",
    ),
    Custom(
        _GOOD_FRIDAY,
        ("Polynésie française",),
        counted=True,
        reason="On the territory's own list of public holidays.",
    ),
    Custom(
        "Arrivée de l'Évangile",
        ("Polynésie française",),
        counted=True,
        reason="On the territory's own list of public holidays (5 March).",
    ),
    Custom(
        "Matāri'i",
        ("Polynésie française",),
        counted=True,
        reason="On the territory's own list since 2025 (20 November), in place of the day of autonomy.",
    ),
    Custom(
        "Fête de l'autonomie",
        ("Polynésie française",),
        counted=True,
        reason="On the territory's own list (29 June) until 2024, as `holidays` has it.",
    ),
    Custom(
        "Fête de la Citoyenneté",
        ("Nouvelle-Calédonie",),
        counted=True,
        reason="On the territory's own list of public holidays (24 September).",
    ),
    Custom(
        "Saint Pierre Chanel",
        ("Wallis-et-Futuna",),
        counted=True,
        reason="On the territory's own list of public holidays (28 April).",
    ),
    Custom(
        "Saints Pierre et Paul",
        ("Wallis-et-Futuna",),
        counted=True,
        reason="On the territory's own list of public holidays (29 June).",
    ),
    Custom(
        "Fête du Territoire",
        ("Wallis-et-Futuna",),
        counted=True,
        reason="On the territory's own list of public holidays (29 July).",
    ),
)
"""Days of one territory, each decided with its reason. What is not counted is a day like any other."""

_NOT_COUNTED: Final = MappingProxyType(
    {(territory, custom.day): custom for custom in CUSTOMS if not custom.counted for territory in custom.territories}
)


def load_holidays() -> None:
    """Import ``holidays``, which takes a tenth of a second: call it in a thread where an event loop must go on.

    Whatever needs it imports it where this was not called.
    """
    _days_of(None, 2024)


@functools.lru_cache(maxsize=1024)
def _days_of(subdivision: str | None, year: int) -> dict[date, tuple[str, ...]]:
    """Return the public holidays of a year as ``holidays`` has them, with their names in French."""
    from holidays import country_holidays

    days = country_holidays("FR", subdiv=subdivision, years=year, language="fr")
    return {day: tuple(name.split("; ")) for day, name in days.items()}


@functools.lru_cache(maxsize=1024)
def _holidays(territory: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Return the public holidays of a territory in a year, as was decided above."""
    found = {
        day
        for day, names in _days_of(subdivision, year).items()
        if any((territory, name) not in _NOT_COUNTED for name in names)
    }
    for custom in CUSTOMS:
        if custom.counted and territory in custom.territories:
            if custom.on is not None:
                found.add(date(year, *custom.on))
            elif custom.day == _GOOD_FRIDAY:
                found.update(_good_friday(year))
    return frozenset(found)


def _good_friday(year: int) -> set[date]:
    return {day for day, names in _days_of(ALSACE_MOSELLE, year).items() if _GOOD_FRIDAY in names}


def is_holiday(territory: Territory, day: date, *, alsace_moselle: bool = False) -> bool:
    """Tell whether a day is a public holiday in a territory.

    Args:
        territory: Where.
        day: The day there.
        alsace_moselle: Whether the days of Alsace and Moselle (Good Friday, 26 December) count in metropolitan France,
            whose numbers do not say who lives there.
    """
    if alsace_moselle and territory.subdivision is None and day in _days_of(ALSACE_MOSELLE, day.year):
        return True
    return day in _holidays(territory.name, territory.subdivision, day.year)
