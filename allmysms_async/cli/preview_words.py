"""A preview in the words that the terminal and a page share."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from allmysms_async.cli.ending import escaped
from allmysms_async.cli.report import money
from allmysms_async.cli.screen import number
from allmysms_async.numbers import mask
from allmysms_async.preview import CountryShare, Difference, LongRow, Preview, UnicodeCharacter

__all__ = [
    "begins_told",
    "character_named",
    "compared",
    "country_named",
    "difference_named",
    "facts",
    "hours_told",
    "length_named",
    "place_of",
    "replacement_named",
    "unicode_told",
]

_COUNTRIES = 3
_NAMES = {" ": "a space", "": "nothing"}


def place_of(row: LongRow) -> str:
    """Return a row's place in the file, and its number masked."""
    where = f"row {row.row}" if row.line is None else f"line {row.line}"
    return f"{where} ({mask(row.phone)})"


def length_named(row: LongRow) -> str:
    """Return the length of a text."""
    return f"{number(row.units)} units of {'GSM-7' if row.coding.name == 'GSM7' else 'Unicode'}"


def country_named(share: CountryShare) -> str:
    """Return the countries of a code, and the code."""
    named = " ".join(share.countries[:_COUNTRIES]) + (" …" if len(share.countries) > _COUNTRIES else "")
    return f"{named} +{share.code}".strip()


def character_named(found: UnicodeCharacter) -> tuple[str, str]:
    """Return a character as it may be shown, nothing where it shows nothing by itself, and what it is called."""
    character = found.character
    shown = "" if unicodedata.category(character)[0] in "MZC" else escaped(character)
    called = unicodedata.name(character, "").lower()
    return shown, f"U+{ord(character):04X} {called}".strip()


def replacement_named(found: UnicodeCharacter) -> str:
    """Return what could stand in a character's place."""
    if found.replacement is None:
        return "none"
    return _NAMES.get(found.replacement, found.replacement)


def unicode_told(preview: Preview) -> Sequence[str]:
    """Return what Unicode costs and what would save it, a sentence each."""
    told: list[str] = []
    if preview.unicode_recipients:
        told.append(
            f"{number(preview.unicode_recipients)} of {number(preview.recipients)} texts are sent as Unicode, in "
            f"{number(preview.unicode_parts)} parts."
        )
    if preview.savable_parts > 0:
        told.append(f"With the replacements below they would take {_fewer(preview, preview.savable_parts)}.")
    if preview.lossless_parts > 0:
        told.append(
            "Replacing quotes, spaces and dashes alone (gsm_replacements) would save "
            f"{number(preview.lossless_parts)} of them."
        )
    if preview.chosen_parts > 0:
        told.append(
            f"Texts that GSM-7 could hold take {_fewer(preview, preview.chosen_parts)} if Unicode is not asked for."
        )
    if preview.more_characters:
        told.append(f"There are more characters than these {number(len(preview.characters))}.")
    return told


def _fewer(preview: Preview, saved: int) -> str:
    """Return how many parts fewer something takes, with their price."""
    about = ""
    if preview.cost and not preview.unpriced_parts:
        about = f", about {money((preview.cost * saved / preview.parts).quantize(Decimal('0.01')))}"
    return f"{number(saved)} parts fewer{about}"


def facts(preview: Preview) -> Sequence[tuple[str, str]]:
    """Return what is known of the cost, each figure with its name."""
    found = [("Text parts", number(preview.parts)), ("Requests", number(preview.requests))]
    if preview.cost is not None:
        found.append(("Cost without tax", money(preview.cost)))
    if preview.unpriced_parts:
        found.append(("Parts without a price", number(preview.unpriced_parts)))
    account = preview.account
    if account is not None and account.balance is not None:
        found.append(("Left on the account", money(account.balance)))
    if account is not None and account.credits is not None:
        found.append(("Credits left", f"{account.credits:,f}".replace(",", "\N{NO-BREAK SPACE}")))
    if preview.affordable is not None:
        found.append(("Enough is left", "yes" if preview.affordable else "no"))
    if preview.least_seconds:
        found.append(("Minutes at least, by the request limit", number(round(preview.least_seconds / 60))))
    return found


def begins_told(preview: Preview) -> str:
    """Return from when a run may begin that would be refused, and what to do about it, or nothing."""
    if preview.begins_at is None:
        return ""
    return (
        f"A run would be refused: quiet hours. It may begin on {preview.begins_at:%A %Y-%m-%d %H:%M %Z}; or say "
        "--quiet-hours defer, which schedules it."
    )


def hours_told(preview: Preview) -> Sequence[tuple[str, str, str]]:
    """Return when a marketing text may be sent to each zone: its name, how many are in it, and when."""
    return [
        (
            each.zone,
            number(each.recipients),
            "may be sent" if each.may_send else f"quiet hours; may be sent from {each.next_legal:%a %Y-%m-%d %H:%M %Z}",
        )
        for each in preview.hours
    ]


def compared(preview: Preview) -> Sequence[tuple[str, str, str]]:
    """Return figures side by side: what each is, as planned here, and as the gateway sees it."""
    simulation = preview.simulation
    if simulation is None:
        return []
    lines = [
        ("Recipients", number(preview.recipients), number(simulation.recipients)),
        ("Text parts", number(preview.parts), number(simulation.parts)),
    ]
    if simulation.cost is not None:
        own = "-" if preview.cost is None or preview.unpriced_parts else money(preview.cost)
        lines.append(("Cost without tax", own, money(simulation.cost)))
    lines.extend(
        (f"Refused: {reason.value.replace('_', ' ')}", "-", number(count))
        for reason, count in simulation.rejections.items()
    )
    return lines


def difference_named(difference: Difference) -> str:
    """Return a difference in a sentence."""
    figure = money if difference.what == "cost" else _whole
    of = "requests differ" if difference.requests > 1 else "request differs"
    return (
        f"{difference.what.capitalize()}: {figure(difference.here)} here, {figure(difference.gateway)} at the gateway; "
        f"{number(difference.requests)} {of}, the first with lines {difference.first[0]} to {difference.first[1]}."
    )


def _whole(value: Decimal) -> str:
    return number(int(value))
