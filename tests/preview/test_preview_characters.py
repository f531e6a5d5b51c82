"""A character that stands alone for its replacement is replaced at once; where its neighbours matter, as a text is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import Campaign, Recipient, SmsMessage, SmsService
from allmysms_async.text import forces_unicode, measure, transliterate

from .conftest import Taking

# Figures of other kinds, accents without a letter, spaces nobody sees, and letters of many scripts.
LETTERS = "abc 012²½ç’é\u0302\u00a0\u200b…œÊ😀中٣①№€\n–"
VALUES = st.text(st.sampled_from(LETTERS) | st.characters(categories=["L", "N", "P", "S", "M"]), max_size=40)


@pytest.mark.slow
@given(values=st.lists(VALUES, min_size=1, max_size=8))
async def test_what_is_saved_is_what_each_text_would_save(values: list[str]) -> None:
    """Extra and savable parts are the sums over the texts, each replaced by itself."""
    # The text ends where a value begins, by a letter that nothing joins.
    prefix = "x" * 140 + ". "
    people = [Recipient(f"06{10_000_000 + at:08d}", (value,)) for at, value in enumerate(values)]
    message = SmsMessage(f"{prefix}#param_1#", purpose="transactional")
    async with SmsService(Taking()) as sms:
        preview = await sms.preview(Campaign("essai", message, people))
    held: dict[str, int] = {}
    savable = lossless = parts = 0
    for value in values:
        text = prefix + unicodedata.normalize("NFC", value)
        report, size = transliterate(text), measure(text)
        parts += size.parts
        if not (foreign := forces_unicode(text)):
            continue
        plain = report.text
        for character in report.left:
            plain = plain.replace(character, "")
        saved = size.parts - measure(plain).parts
        for character in foreign:
            held[character] = held.get(character, 0) + saved
        if not report.left:
            savable += saved
            lossless += saved if all(change.lossless for change in report.changes) else 0
    assert (preview.parts, preview.savable_parts, preview.lossless_parts) == (parts, savable, lossless)
    assert {each.character: each.extra_parts for each in preview.characters} == held
