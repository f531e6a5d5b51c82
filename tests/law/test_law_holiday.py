"""Public holidays beside a table worked out by hand, from 2024 to 2032, territory by territory."""

from datetime import date, timedelta

from allmysms_async import law
from tests.cases import each

# Good Friday, Easter Monday, Ascension, the Monday after Pentecost.
EASTER = {
    2024: ("03-29", "04-01", "05-09", "05-20"),
    2025: ("04-18", "04-21", "05-29", "06-09"),
    2026: ("04-03", "04-06", "05-14", "05-25"),
    2027: ("03-26", "03-29", "05-06", "05-17"),
    2028: ("04-14", "04-17", "05-25", "06-05"),
    2029: ("03-30", "04-02", "05-10", "05-21"),
    2030: ("04-19", "04-22", "05-30", "06-10"),
    2031: ("04-11", "04-14", "05-22", "06-02"),
    2032: ("03-26", "03-29", "05-06", "05-17"),
}
EVERYWHERE = {"01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"}
# Of each territory its own days; "friday" is Good Friday.
OWN = {
    "Métropole": set[str](),
    "Guadeloupe": {"friday", "05-27", "07-21"},
    "Saint-Martin": {"05-27", "05-28", "07-21"},
    "Saint-Barthélemy": {"10-09"},
    "Martinique": {"friday", "05-22", "07-21", "11-02"},
    "Guyane": {"06-10"},
    "La Réunion": {"12-20"},
    "Mayotte": {"04-27"},
    "Saint-Pierre-et-Miquelon": set[str](),
    "Nouvelle-Calédonie": {"09-24"},
    "Polynésie française": {"friday", "03-05", "11-20"},
    "Wallis-et-Futuna": {"04-28", "06-29", "07-29"},
}
TERRITORIES = {territory.name: territory for zone in law.ZONES.values() for territory in zone.territories}


def found(name: str, year: int, *, alsace_moselle: bool = False) -> set[str]:
    """Return the public holidays of a territory as the library has them."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    territory = TERRITORIES[name]
    return {
        day.strftime("%m-%d")
        for day in days
        if day.year == year and law.is_holiday(territory, day, alsace_moselle=alsace_moselle)
    }


def by_hand(name: str, year: int) -> set[str]:
    """Return the same from the tables above."""
    friday, *movable = EASTER[year]
    own = {friday if day == "friday" else day for day in OWN[name]}
    if name == "Polynésie française" and year == 2024:
        own = own - {"11-20"} | {"06-29"}
    return EVERYWHERE | set(movable) | own


@each("year", EASTER)
@each("name", OWN)
def test_holidays_are_those_of_the_table(name: str, year: int) -> None:
    """Each territory has the days of all France and its own, and no other."""
    assert found(name, year) == by_hand(name, year)


@each("year", EASTER)
def test_alsace_and_moselle_add_two_days_to_metropolitan_france(year: int) -> None:
    """Good Friday and 26 December, where they are asked for, and nowhere else."""
    assert found("Métropole", year, alsace_moselle=True) == by_hand("Métropole", year) | {EASTER[year][0], "12-26"}
    assert found("Guyane", year, alsace_moselle=True) == by_hand("Guyane", year)


def test_every_territory_is_in_the_table() -> None:
    """None is left out, and each day of custom names territories that there are, with a reason."""
    assert set(OWN) == set(TERRITORIES)
    for custom in law.CUSTOMS:
        assert set(custom.territories) <= set(TERRITORIES)
        assert custom.reason


@each("year", EASTER)
def test_every_day_of_the_library_was_decided(year: int) -> None:
    """What `holidays` has for one territory alone stands in the table of customs, counted or not."""
    from holidays import country_holidays

    decided = {(name, custom.day) for custom in law.CUSTOMS for name in custom.territories}

    def names(subdivision: str | None) -> set[str]:
        days = country_holidays("FR", subdiv=subdivision, years=year, language="fr")
        return {name for together in days.values() for name in together.split("; ")}

    for name, territory in TERRITORIES.items():
        assert {(name, day) for day in names(territory.subdivision) - names(None)} <= decided
