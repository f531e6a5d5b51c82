"""A campaign whose text is completed is one campaign, however often it is continued."""

from pathlib import Path
from typing import Any

import pytest

from allmysms_async import Campaign, CampaignChanged, Recipient, SmsMessage
from allmysms_async.errors import InvalidText
from allmysms_async.sandbox import Sandbox

MESSAGE = SmsMessage("Soldes, #param_1#", sender="MAGASIN", purpose="marketing", add_stop=True)
PEOPLE = [Recipient(f"06123456{number:02d}", (f"Zoé{number}",)) for number in range(9)]
TEXTS = sorted(f"Soldes, Zoé{number} STOP au 36180" for number in range(9))


def campaign(message: SmsMessage = MESSAGE, people: Any = PEOPLE) -> Campaign:
    """Return a campaign to some people."""
    return Campaign("soldes", message, people, exclude_opt_outs=False)


def texts(sandbox: Sandbox) -> list[str]:
    """Return what is on the handsets."""
    return sorted(message["text"] for message in sandbox.messages())


async def test_one_object_is_continued_with_the_words_once(sms: Any, sandbox: Sandbox) -> None:
    """In memory, run again, it texts nobody again."""
    one = campaign()
    for _ in range(2):
        result = await sms.run(one, chunk_size=4)
        assert result.accepted == 9
    assert texts(sandbox) == TEXTS


async def test_journal_keeps_the_words_with_the_text(sms: Any, service: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    """What is continued from the journal, by its source or without it, ends with them once."""
    journal = tmp_path / "soldes.db"
    sandbox.set_credits("demo", 15 * 4)
    with pytest.raises(Exception, match="Top the account up"):
        await sms.run(campaign(), journal=journal, chunk_size=4, concurrency=1)
    sandbox.set_credits("demo", 10_000)
    assert 0 < len(texts(sandbox)) < 9
    run = await service().resume(journal)
    async for _ in run:
        pass
    assert run.result.failed == run.result.unknown == 0
    await service().run(campaign(), journal=journal, chunk_size=4)
    assert texts(sandbox) == TEXTS
    with pytest.raises(CampaignChanged, match="another add_stop"):
        await service().run(
            campaign(SmsMessage(f"{MESSAGE.text} STOP au 36180", sender="MAGASIN", purpose="marketing")),
            journal=journal,
        )


async def test_source_is_not_read_where_the_text_is_refused(sms: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing is opened, read or recorded before the text is looked at."""

    def source() -> Any:
        raise AssertionError
        yield

    journal = tmp_path / "soldes.db"
    refused = campaign(SmsMessage("Soldes", sender="MAGASIN", purpose="marketing"), source())
    with pytest.raises(InvalidText, match="opt out"):
        await sms.run(refused, journal=journal)
    assert not journal.exists()
    assert texts(sandbox) == []


async def test_estimate_counts_the_words(sms: Any) -> None:
    """`simulate` asks for what `send` would send."""
    text = SmsMessage("x" * 150, sender="MAGASIN", purpose="marketing", add_stop=True)
    assert (await sms.simulate(text, "0612345678")).parts == 2
    with pytest.raises(InvalidText, match="opt out"):
        await sms.simulate(SmsMessage("x", sender="MAGASIN", purpose="marketing"), "0612345678")
