"""What every backend promises of texts: once each, the own text, everybody accounted for."""

from typing import Any

import pytest

from allmysms_async import InvalidNumber, Reason, Recipient

PHONE = "33612345678"
PEOPLE = [f"06100{number:05d}" for number in range(300)]
HANDSETS = [f"336100{number:05d}" for number in range(300)]


async def test_one_text_arrives_once_with_its_text(taking: Any) -> None:
    """send() reaches one handset once, and the receipt accepts it."""
    receipt = await taking.service().send(taking.message("Votre code est 4821"), "06 12 34 56 78")

    assert [accepted.phone for accepted in receipt.accepted] == [PHONE]
    assert (receipt.rejected, receipt.unconfirmed) == ((), ())
    assert taking.texts == {PHONE: ["Votre code est 4821"]}


async def test_a_campaign_arrives_once_each(taking: Any) -> None:
    """Some hundred people in several requests are all accepted, and each has the text once."""
    states = await taking.outcomes(taking.service(), taking.campaign("Bonjour", PEOPLE), chunk_size=taking.chunk_size)

    assert sorted(states["accepted"]) == HANDSETS
    assert set(states) == {"accepted"}
    assert taking.texts == {phone: ["Bonjour"] for phone in HANDSETS}


async def test_personalised_texts_arrive_each_with_its_own(taking: Any) -> None:
    """Placeholders are filled in for each recipient, by the gateway or by the engine."""
    people = [Recipient(phone, (f"Zoé {row}", f"{row} h")) for row, phone in enumerate(PEOPLE[:60])]

    states = await taking.outcomes(
        taking.service(), taking.campaign("Bonjour #param_1#, à #param_2#.", people), chunk_size=taking.chunk_size
    )

    assert len(states["accepted"]) == 60
    assert taking.texts == {phone: [f"Bonjour Zoé {row}, à {row} h."] for row, phone in enumerate(HANDSETS[:60])}


async def test_a_value_that_looks_like_a_placeholder_arrives_as_it_is(taking: Any) -> None:
    """No value is filled in twice."""
    people = [Recipient(PEOPLE[0], ("#param_2#", "deux")), Recipient(PEOPLE[1], ("un", "#param_1#"))]

    await taking.outcomes(taking.service(), taking.campaign("#param_1# / #param_2#", people))

    assert taking.texts == {HANDSETS[0]: ["#param_2# / deux"], HANDSETS[1]: ["un / #param_1#"]}


async def test_duplicates_are_texted_once(taking: Any) -> None:
    """Two spellings of a number are one person; the later row is rejected as a duplicate."""
    forms = ["0612345678", "+33 6 12 34 56 78", "0033612345678", *PEOPLE[:50], "06.12.34.56.78"]
    service = taking.service()
    campaign = taking.campaign("Bonjour", forms)

    states = await taking.outcomes(service, campaign, chunk_size=10)

    assert states["rejected"] == [PHONE] * 3
    assert dict((await service.run(campaign)).rejections) == {Reason.DUPLICATE: 3}
    assert taking.texts == {phone: ["Bonjour"] for phone in [PHONE, *HANDSETS[:50]]}


async def test_the_same_campaign_again_sends_nothing(taking: Any) -> None:
    """A campaign that is over and run again texts nobody."""
    service = taking.service()
    campaign = taking.campaign("Bonjour", PEOPLE[:50])

    assert (await service.run(campaign)).all_accepted
    assert (await service.run(campaign)).all_accepted

    assert taking.texts == {phone: ["Bonjour"] for phone in HANDSETS[:50]}


async def test_bad_numbers_are_rejected_with_their_reasons(taking: Any) -> None:
    """Rows without a mobile number are rejected here, each with its reason, and spoil nothing."""
    bad = ["", "n/a", "01 42 34 56 78"]
    service = taking.service()
    campaign = taking.campaign("Bonjour", [*PEOPLE[:20], *bad, *PEOPLE[20:40]])

    states = await taking.outcomes(service, campaign)

    assert len(states["accepted"]) == 40
    reasons = dict((await service.run(campaign)).rejections)
    assert reasons == {Reason.EMPTY: 1, Reason.MALFORMED: 1, Reason.LAND_LINE: 1}
    assert taking.texts == {phone: ["Bonjour"] for phone in HANDSETS[:40]}


async def test_a_number_that_the_gateway_refuses_is_rejected_with_its_reason(refusing: Any) -> None:
    """The gateway's own refusal of one number is told, and the others are texted."""
    refusing.sandbox.opt_out(PEOPLE[7])
    service = refusing.service()
    campaign = refusing.campaign("Bonjour", PEOPLE[:40])

    states = await refusing.outcomes(service, campaign)

    assert states["rejected"] == [HANDSETS[7]]
    assert dict((await service.run(campaign)).rejections) == {refusing.wire.opted_out: 1}
    assert refusing.texts == {phone: ["Bonjour"] for phone in HANDSETS[:40] if phone != HANDSETS[7]}


async def test_a_bad_number_of_a_send_is_refused_whole(taking: Any) -> None:
    """send() raises InvalidNumber before the wire; nobody is texted."""
    with pytest.raises(InvalidNumber, match="Recipient 2"):
        await taking.service().send(taking.message("Bonjour"), [PHONE, "01 42 34 56 78"])

    assert taking.texts == {}
    assert taking.sandbox.requests == {}
