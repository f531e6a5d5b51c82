"""What a preview says of parts, characters, countries and cost, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import phonenumbers
import pytest

from allmysms_async import Campaign, Recipient, SmsMessage, SmsService
from allmysms_async.numbering import ASSIGNED_CODES
from allmysms_async.preview import Preview, UnicodeCharacter
from allmysms_async.preview.country import countries_of
from allmysms_async.text import Coding

from .conftest import Pricing, Taking

FRANCE = [f"06{number:08d}" for number in range(10_000_000, 10_001_000)]


async def preview_of(text: str, people: Any, backend: Any = None, **options: Any) -> Preview:
    """Preview a campaign."""
    message = SmsMessage(text, purpose="transactional", **options)
    async with SmsService(backend or Taking()) as sms:
        return await sms.preview(Campaign("essai", message, people))


def of(preview: Preview, character: str) -> UnicodeCharacter:
    """Return what is said of a character."""
    return next(each for each in preview.characters if each.character == character)


async def test_one_apostrophe_makes_three_parts_of_one() -> None:
    """In 150 characters it costs each recipient two parts, which GSM-7's own apostrophe saves without loss."""
    preview = await preview_of("l’offre" + "a" * 143, FRANCE[:10])
    assert (preview.parts, preview.histogram, preview.unicode_recipients) == (30, {3: 10}, 10)
    assert (preview.savable_parts, preview.lossless_parts, preview.chosen_parts) == (20, 20, 0)
    found = of(preview, "’")
    assert (found.recipients, found.extra_parts, found.replacement, found.lossless) == (10, 20, "'", True)
    assert preview.longest == ()


async def test_characters_of_the_list_are_told_apart_from_those_of_the_text() -> None:
    """Each is counted for the texts that hold it, with the first line, what it costs and what could stand for it."""
    text = "Bonjour #param_1#, " + "a" * 120
    names = ["Luc", "Ben\u00eet", "Fran\u00e7ois", "Ana \U0001f600", "Ben\u00eet \U0001f600"]
    people = [Recipient(FRANCE[at], (name,), at + 2) for at, name in enumerate(names)]
    preview = await preview_of(text, people)
    assert (preview.parts, preview.histogram) == (13, {1: 1, 3: 4})
    assert (preview.unicode_recipients, preview.unicode_parts) == (4, 12)
    told = [(each.character, each.recipients, each.extra_parts, each.line) for each in preview.characters]
    assert told == [("\u00ee", 2, 4, 3), ("\U0001f600", 2, 4, 5), ("\u00e7", 1, 2, 4)]
    assert (of(preview, "\u00ee").replacement, of(preview, "\U0001f600").replacement) == ("i", None)
    # Whoever has an emoji stays in Unicode, whatever else is replaced.
    assert (preview.savable_parts, preview.lossless_parts) == (4, 0)


async def test_decomposed_names_cost_nothing() -> None:
    """A list from a Mac is measured as it is sent: composed."""
    preview = await preview_of("Bonjour #param_1#", [Recipient(FRANCE[0], ("Zoe\u0301",))])
    assert (preview.unicode_recipients, preview.characters) == (0, ())


async def test_unicode_that_is_asked_for_is_told_apart() -> None:
    """Texts that GSM-7 could hold are no character's fault."""
    preview = await preview_of("a" * 100, FRANCE[:3], encoding="unicode")
    assert (preview.parts, preview.characters, preview.savable_parts, preview.chosen_parts) == (6, (), 0, 3)


async def test_longest_texts_are_named_by_line() -> None:
    """The most parts first, then the most units; of equals those that come first."""
    lengths = [10, 200, 150, 200, 159, 400, 3, 160]
    people = [Recipient(FRANCE[at], ("x" * length,), at + 2) for at, length in enumerate(lengths)]
    preview = await preview_of("#param_1#", people)
    assert [(row.line, row.parts, row.units) for row in preview.longest] == [
        (7, 3, 400),
        (3, 2, 200),
        (5, 2, 200),
        (9, 1, 160),
        (6, 1, 159),
    ]
    assert {row.coding for row in preview.longest} == {Coding.GSM7}
    assert FRANCE[5][1:] not in repr(preview)


async def test_countries_and_their_cost() -> None:
    """The longest prefix of the price list counts, the dearest of one prefix, and what has no price is told."""
    people = [*FRANCE[:3], "+32470123456", "+14155550001", "+18095550002", "+212612345678", FRANCE[0]]
    preview = await preview_of("a" * 161, people, Pricing())
    told = {each.code: (each.recipients, each.parts, each.price, each.cost) for each in preview.countries}
    assert told == {
        "33": (3, 6, Decimal("0.045"), Decimal("0.270")),
        "1": (2, 4, Decimal("0.1"), Decimal("0.26")),
        "32": (1, 2, Decimal("0.06"), Decimal("0.12")),
        "212": (1, 2, None, None),
    }
    assert (preview.cost, preview.unpriced_parts, preview.duplicates) == (Decimal("0.650"), 2, 1)
    assert [each.countries[:2] for each in preview.countries] == [("FR",), ("US", "AG"), ("MA", "EH"), ("BE",)]


async def test_backend_without_prices_tells_parts_alone() -> None:
    """Without a price list there is no cost, and nothing is missing of one."""
    preview = await preview_of("Bonjour", FRANCE[:2])
    assert (preview.cost, preview.unpriced_parts, preview.account, preview.affordable) == (None, 0, None, None)
    assert preview.notes == ()


def test_countries_of_a_code_are_those_that_phonenumbers_knows() -> None:
    """Each assigned code of a country has its countries, and no other has any."""
    known = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
    for code in ASSIGNED_CODES:
        assert set(countries_of(code)) == set(known.get(code, ())) - {"001"}, code
    assert countries_of("33") == ("FR",)


@pytest.mark.slow
async def test_what_is_kept_does_not_grow_with_the_list() -> None:
    """A list in which each value holds other characters keeps a few hundred of them, and says that there are more."""
    people = [
        Recipient(f"06{10_000_000 + number:08d}", ("".join(map(chr, range(0x4E00 + 3 * number, 0x4E03 + 3 * number))),))
        for number in range(6000)
    ]
    preview = await preview_of("Bonjour #param_1#", people)
    assert (len(preview.characters), preview.more_characters, preview.unicode_recipients) == (300, True, 6000)
    assert len(preview.longest) == 5
