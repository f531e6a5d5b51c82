"""The parts that a text takes, here and at the gateway, which counts by a reading of its own."""

import unicodedata
from decimal import Decimal

import pytest

from allmysms_async import Campaign, InvalidText, Recipient, SmsMessage, SmsService
from allmysms_async.sandbox import Sandbox
from allmysms_async.text import measure

PHONE = "33612345678"

# What the manual's rules say, worked out by hand.
TEXTS = [
    ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("a" * 1224, 8),
    ("]" * 80, 1), ("]" * 152, 2), ("]" * 153, 3), ("a" * 152 + "€" + "a" * 151, 2), ("a" * 152 + "€" + "a" * 152, 3),
    ("a" * 152 + "\n" + "a" * 151, 2), ("a" * 152 + "\n" + "a" * 152, 3), ("a" * 151 + "\n" + "a" * 153, 2),
    ("]" * 608, 8), ("a" * 1222 + "€", 8),
    ("ê" * 70, 1), ("ê" * 71, 2), ("ê" * 134, 2), ("ê" * 135, 3), ("ê" * 536, 8),
    ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3), ("😀" * 264, 8),
    ("ê" * 66 + "\n" + "ê" * 65, 2), ("ê" * 66 + "\n" + "ê" * 66, 3), ("ê" * 68 + "\n", 1), ("ê" * 69 + "\n", 2),
]  # fmt: skip


async def test_parts_agree_with_the_gateways_count(sandbox: Sandbox, sms: SmsService) -> None:
    """At every boundary the gateway bills the parts that are measured here, and both are those worked out by hand."""
    for text, parts in TEXTS:
        before = sandbox.stats()["messages"]
        receipt = await sms.send(text, PHONE)
        assert (receipt.parts, receipt.credits_used, measure(text).parts) == (parts, 15 * parts, parts), text
        assert sandbox.stats()["messages"] == before + 1


async def test_parts_of_a_personalised_campaign_agree(sandbox: Sandbox, sms: SmsService) -> None:
    """Rows whose values move a pair of the template are billed as they were planned, row by row."""
    rows = [(f"06123450{at:02d}", ("x" * (145 + at), "é" * 152)) for at in range(12)]
    message = SmsMessage("#param_1#€#param_2#", purpose="transactional")
    result = await sms.run(Campaign("lots", message, [Recipient(phone, values) for phone, values in rows]))
    expected = sum(measure(f"{one}€{two}").parts for _, (one, two) in rows)
    assert result.complete
    assert (result.accepted, result.parts) == (12, expected)
    assert result.cost == Decimal("0.045") * expected  # in the gateway's own words


@pytest.mark.parametrize("text", ["a" * 152 + "€" + "a" * 1070, "]" * 609, "ê" * 66 + "😀" + "ê" * 468])
async def test_nine_parts_within_the_units_are_refused(sandbox: Sandbox, sms: SmsService, text: str) -> None:
    """A text that fits by its units and takes nine parts is refused before anything is sent."""
    with pytest.raises(InvalidText, match="9 parts"):
        await sms.send(text, PHONE)
    with pytest.raises(InvalidText, match="9 parts"):
        await sms.run(Campaign("lots", SmsMessage(text, purpose="transactional"), [PHONE]))
    assert sandbox.stats()["messages"] == 0


async def test_decomposed_texts_are_sent_and_billed_composed(sandbox: Sandbox, sms: SmsService) -> None:
    """Of a text and values from a machine that decomposes, the handset shows the composed form, at its price."""
    text = unicodedata.normalize("NFD", "Été à la plage, Zoé" + "é" * 141)
    receipt = await sms.send(text, PHONE)
    assert receipt.parts == 1
    assert sandbox.messages(PHONE)[0]["text"] == unicodedata.normalize("NFC", text)
    row = Recipient("0612345679", (unicodedata.normalize("NFD", "Zoé"),))
    message = SmsMessage(unicodedata.normalize("NFD", "Été #param_1#" + "é" * 153), purpose="transactional")
    result = await sms.run(Campaign("été", message, [row]))
    assert result.parts == 1
    assert sandbox.messages("33612345679")[0]["text"] == "Été Zoé" + "é" * 153


async def test_replacements_are_made_where_they_are_asked_for(sandbox: Sandbox, sms: SmsService) -> None:
    """Quotes, spaces and dashes of text and values become plain ones where the message says so, else none does."""
    for at, (asked, shown) in enumerate([(False, "L’été – «\xa0Anne’s\xa0»"), (True, "L'été - \" Anne's \"")]):
        phone = f"061234567{at}"
        message = SmsMessage("L’été – #param_1#", purpose="transactional", gsm_replacements=asked)
        await sms.run(Campaign("été", message, [Recipient(phone, ("«\xa0Anne’s\xa0»",))]))
        assert sandbox.messages("33" + phone[1:])[0]["text"] == shown
