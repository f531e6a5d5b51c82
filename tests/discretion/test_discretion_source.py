"""A campaign that its source stops repeats nothing of what the source says."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import Campaign, CampaignStopped, SmsMessage

from . import conftest as here


def failing() -> Iterator[str]:
    """Fail as a caller's parser does, quoting the row."""
    yield "06 98 76 54 32"
    raise ValueError(f"not a number: {here.NUMBER}, {here.NAME}, {here.KEY}")


async def failing_later() -> AsyncIterator[str]:
    """Fail likewise."""
    for number in failing():
        yield number


class Unreadable:
    """A source that cannot even be begun."""

    def __iter__(self) -> Iterator[str]:
        """Fail."""
        raise UnicodeDecodeError("utf-8", here.NUMBER.encode(), 0, 1, f"{here.NAME} {here.KEY}")


SOURCES: dict[str, Callable[[], Any]] = {"sync": failing, "async": failing_later, "unreadable": Unreadable}


@pytest.mark.parametrize("recorded", [False, True], ids=["in memory", "journal"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_a_source_that_fails_is_not_quoted(
    protocol: str, source: Callable[[], Any], recorded: bool, tmp_path: Path
) -> None:
    """A campaign that its source stops says which kind of error it was; the error itself is its cause."""
    async with here.listening(protocol) as server:
        server.answer = lambda _: here.http(500, b"")
        sms = here.service(here.backend(protocol, server.port))
        options = {"journal": tmp_path / "journal.db"} if recorded else {}
        with pytest.raises(CampaignStopped) as caught:
            await sms.run(Campaign("soldes", SmsMessage("Bonjour", purpose="otp"), source()), **options)
        await sms.aclose()
    stopped = caught.value

    kind = type(stopped.reason).__name__
    assert kind in {"ValueError", "UnicodeDecodeError"}
    assert str(stopped) == f"The campaign stopped: the source failed ({kind})."
    # What cannot be read as UTF-8 is what such an error itself holds, and is in none that is shown with another.
    assert stopped.__cause__ is (None if kind == "UnicodeDecodeError" else stopped.reason)
    here.check(f"{stopped!r} {stopped.args!r}")
