"""What every backend promises of hooks: one vocabulary, both ends of each request, and nothing to hide."""

from collections.abc import Sequence
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, InvalidRequest, OutcomeUnknown
from allmysms_async.hooks import Answered, Asked, Failed, Note

PHONE = "33612345678"
TEXT = "Votre code est 482159"
HIDDEN = (PHONE, "0612345678", "612345678", "482159", "Votre code", "demo", "hush")


def told(notes: Sequence[Note], *kinds: type[Note], secret: str) -> list[Any]:
    """Return notes that are of these kinds, in pairs of one number and one name, with nothing in them to hide."""
    assert [type(note) for note in notes] == list(kinds)
    for asked, ended in zip(notes[::2], notes[1::2], strict=True):
        assert (ended.number, ended.name) == (asked.number, asked.name)
        assert isinstance(ended, Answered | Failed)
        assert 0 < ended.seconds < 1000
    assert len({note.number for note in notes}) == len(notes) // 2
    for note in notes:
        for word in (*HIDDEN, secret):
            assert word not in f"{note!r} {note}", word
    return list(notes)


async def test_a_send_is_told_with_its_answer(bench: Any) -> None:
    """A send tells Asked and Answered: where to, how large, how long; neither number, text, login nor secret."""
    notes: list[Note] = []
    service = bench.service(hooks=[notes.append])

    await service.send(bench.message(TEXT), "06 12 34 56 78", name="hush")

    asked, answered = told(notes, Asked, Answered, secret=bench.wire.secret)
    assert asked.url.startswith(f"{bench.place.http_url}/" if bench.wire.answers else "mailto:mail2sms@")
    assert 0 < asked.timeout <= 1000.0
    assert not asked.sub_account
    assert asked.body_bytes > len(TEXT)
    assert "[1]" in repr(asked.fields)
    assert answered.http_status == (200 if bench.wire.answers else None)
    assert answered.body_bytes > 0
    assert answered.fields


async def test_a_send_that_is_lost_is_told_with_its_error(bench: Any) -> None:
    """A send without an answer tells Asked and Failed, with its error; each repetition tells its own pair."""
    notes: list[Note] = []
    service = bench.service(hooks=[notes.append])
    bench.sandbox.faults([{"fault": bench.wire.losses[1], "times": 1}])

    if bench.wire.keyed:
        await service.send(bench.message(TEXT), "0612345678")
        _, failed, _, _ = told(notes, Asked, Failed, Asked, Answered, secret=bench.wire.secret)
    else:
        with pytest.raises(OutcomeUnknown):
            await service.send(bench.message(TEXT), "0612345678")
        _, failed = told(notes, Asked, Failed, secret=bench.wire.secret)
    assert isinstance(failed.error, OutcomeUnknown)


async def test_wrong_credentials_are_told_as_a_failure(answering: Any) -> None:
    """A refusal by the gateway tells Asked and Failed."""
    notes: list[Note] = []
    service = answering.service(hooks=[notes.append], secret="another-secret")

    with pytest.raises(AuthenticationFailed) as caught:
        await service.send(answering.message(TEXT), "0612345678")

    _, failed = told(notes, Asked, Failed, secret="another-secret")
    assert failed.error is caught.value


async def test_what_is_refused_before_a_request_is_not_told(bench: Any) -> None:
    """No note of a request that was never made; hooks that are none are refused when the backend is opened."""
    notes: list[Note] = []
    service = bench.service(hooks=[notes.append])

    with pytest.raises(InvalidRequest):
        await service.send(bench.message(TEXT), "12")
    with pytest.raises(InvalidRequest, match="hooks"):
        bench.backend(hooks=[TEXT])

    assert notes == []
