"""A source that is read again: what the journal holds is read back first, and that is shown as progress."""

import io

from rich.console import Console

from allmysms_async.cli.drive import drive
from allmysms_async.cli.screen import Display

from .conftest import campaign, people


async def test_numbers_read_back_are_told_as_progress(service, journal):
    """The first progress of a source that is read again counts up to all recipients that the journal holds."""
    async with service() as sms:
        first = sms.stream(campaign([*people(300), "néant"]), journal=journal, chunk_size=10)
        assert {progress.recovered async for progress in first} == {0}
    async with service() as sms:
        again = sms.stream(campaign([*people(320), "néant"]), journal=journal, chunk_size=10)
        told = [progress async for progress in again]
    counts = [progress.recovered for progress in told]
    assert counts == sorted(counts)
    assert (counts[-1], again.result.accepted, again.result.rows) == (300, 320, 321)
    reading = [progress for progress in told if progress.recovered and not progress.outcomes]
    assert reading, "reading back was never shown by itself"
    assert all(progress.rows >= 301 for progress in reading)


async def test_resume_without_a_source_reads_no_numbers_back(service, journal):
    """What needs no source is not read back."""
    async with service() as sms:
        await sms.run(campaign(people(30)), journal=journal)
    async with service() as sms:
        run = await sms.resume(journal)
        assert {progress.recovered async for progress in run} <= {0}


async def driven(service, path, *, terminal):
    """Run a campaign again in front of a terminal, or of a file; return all that was shown."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120, highlight=False)
    display = Display(console)
    async with service() as sms:
        with display:
            end = await drive(sms.stream(campaign(people(300)), journal=path, chunk_size=10), display)
    assert end.result.accepted == 300
    return console.file.getvalue()


async def test_command_line_shows_that_numbers_are_read_back(service, tmp_path, monkeypatch):
    """On a terminal and in a log somebody who waits sees how many recipients were read back from the journal."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(300)), journal=path, chunk_size=10)
    shown = await driven(service, path, terminal=False)
    assert "read back from the journal" in shown
    descriptions = []
    original = Display.recovering

    def recovering(self, count):
        original(self, count)
        descriptions.append(self._bar.tasks[0].description)

    monkeypatch.setattr(Display, "recovering", recovering)
    await driven(service, path, terminal=True)
    assert "300 read back from the journal" in descriptions
