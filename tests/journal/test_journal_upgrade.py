"""A campaign continued by another version of the library, or in other words that mean the same."""

import contextlib
import sqlite3
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from allmysms_async import CampaignChanged, JournalError, Recipient
from allmysms_async.batch import chunk
from allmysms_async.journal import Journal
from allmysms_async.journal.schema import VERSION

from .conftest import QUICK, campaign, people


@pytest.mark.parametrize("stored", ["by this library", "by another version"])
async def test_key_is_the_one_that_was_recorded(sandbox, service, journal, monkeypatch, stored):
    """An unknown request is asked about with the key it was sent with, whatever this version would compute."""
    real = chunk.idempotency_key
    sandbox.faults([{"fault": "reset_after", "path": "sendSms", "times": QUICK.attempts}])
    with monkeypatch.context() as patched:
        if stored == "by another version":
            for module in ("batch.dispatch", "journal.sink"):
                patched.setattr(f"allmysms_async.{module}.idempotency_key", lambda *args: real(*args)[::-1])
        async with service() as sms:
            first = await sms.run(campaign(people(10)), journal=journal)
    assert first.unknown == 10
    sandbox.advance(11)
    async with service() as sms:
        last = await sms.run(campaign(people(10)), journal=journal)
    assert (last.accepted, set(Counter(message["phone"] for message in sandbox.all_messages()).values())) == (10, {1})


async def test_same_moment_in_another_time_zone_is_the_same_campaign(sandbox, service, journal):
    """A date that is given in Paris and then in UTC is one moment; another moment is refused by its name."""
    paris = datetime(2027, 7, 14, 10, tzinfo=ZoneInfo("Europe/Paris"))
    async with service() as sms:
        await sms.run(campaign(people(3), send_at=paris), journal=journal)
        again = await sms.run(campaign(people(4), send_at=paris.astimezone(UTC)), journal=journal)
        assert again.accepted == 4
        with pytest.raises(CampaignChanged, match="another send_at;"):
            await sms.run(campaign(people(4), send_at=paris.replace(hour=11)), journal=journal)


async def test_journal_of_the_version_before_is_looked_at_and_continued(sandbox, service, tmp_path):
    """It is read as it is; a run makes it one of this version, which the release before refuses."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=path)

    def version(change: int | None = None) -> int:
        with contextlib.closing(sqlite3.connect(path)) as raw, raw:
            if change is not None:
                raw.execute("update allmysms_journal set version = ?", (change,))
            return raw.execute("select version from allmysms_journal").fetchone()[0]

    version(2)
    async with Journal(path) as opened:
        assert (await opened.campaign()).result.accepted == 3
    assert version() == 2
    async with service() as sms:
        assert (await sms.run(campaign(people(4)), journal=path)).accepted == 4
        assert version() == VERSION
        version(VERSION + 1)
        with pytest.raises(JournalError, match=f"has version {VERSION + 1}, and this library reads version {VERSION}"):
            await sms.run(campaign(people(5)), journal=path)
    assert sandbox.stats()["messages"] == 4


async def test_option_that_another_version_did_not_have_is_as_by_default(sandbox, service, tmp_path):
    """A journal of before an option was there is continued, unless the option is used now."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=path)
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("update campaign set options = json_remove(options, '$.sms.wants_replies')")
    raw.close()
    async with service() as sms:
        assert (await sms.run(campaign(people(4)), journal=path)).accepted == 4
        with pytest.raises(CampaignChanged, match="another wants_replies; nothing was sent"):
            await sms.run(campaign(people(4), wants_replies=True), journal=path)


async def test_text_that_another_version_kept_as_it_was_given_is_the_one_that_is_sent(sandbox, service, tmp_path):
    """A journal that holds a decomposed text is continued with the composed one, or with the one that was given."""
    path = tmp_path / "soldes.db"
    text = "Été #param_1#. STOP au 36180"
    async with service() as sms:
        await sms.run(campaign(people(3), text=text), journal=path)
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("update campaign set text = ?", (unicodedata.normalize("NFD", text),))
        raw.execute("update campaign set options = json_remove(options, '$.sms.gsm_replacements')")
    raw.close()
    async with service() as sms:
        for given in (text, unicodedata.normalize("NFD", text)):
            assert (await sms.run(campaign(people(4), text=given), journal=path)).accepted == 4
        with pytest.raises(CampaignChanged, match="another text;"):
            await sms.run(campaign(people(4), text=text + "!"), journal=path)
    assert sandbox.stats()["max_per_handset"] == 1


async def test_message_is_one_however_its_text_and_values_were_composed(sandbox, service, journal):
    """Read again from a machine that decomposes, a list and its text are the same campaign, and nobody is texted."""
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "Été #param_1#. STOP au 36180")
        rows = [Recipient(f"06123456{at:02d}", (unicodedata.normalize(form, f"Zoé{at}"),)) for at in range(20)]
        async with service() as sms:
            result = await sms.run(campaign(rows, text=text), journal=journal)
        assert (result.accepted, result.parts) == (20, 20)
    assert sandbox.messages("33612345607")[0]["text"] == "Été Zoé7. STOP au 36180"
    assert sandbox.stats()["messages"] == 20
