"""Harm in each phase of a mail: one typed outcome, in time, with little read, and nothing handed over twice."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from allmysms_async import AllMySmsError, NotSent, OutcomeUnknown
from allmysms_async.errors import ConnectionLost, MailDeferred, ProtocolError, RequestTimeout

Ends = Callable[[str, Any], Awaitable[AllMySmsError]]
MEGABYTE = 1_000_000
PHASES = ("GREETING", "EHLO", "STARTTLS", "EHLO2", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
YES = dict(zip(PHASES, (b"220", b"250", b"220", b"250", b"235", b"250", b"250", b"354", b"250"), strict=True))
QUOTED = b" rejected: Subject: demo@SECRETKEY|33612345678|from=|date= code 4821"
SLOW: dict[str, Callable[[Any], Awaitable[None]]] = {
    "silence": lambda talk: talk.hush(),
    "drip": lambda talk: talk.drip(b"2"),
    "drip of lines": lambda talk: talk.drip(b"250-" + QUOTED + b"\r\n"),
}
ENDLESS = {
    "line": b"250 " + b"x" * 65_536,
    "NUL": bytes(65_536),
    "lines": b"250-SIZE 1\r\n" * 5_000,
    "digits": b"2" * 65_536,
    "blank lines": b"\r\n" * 30_000,
}
NONSENSE = {
    "999": b"999" + QUOTED,
    "199": b"199" + QUOTED,
    "000": b"000" + QUOTED,
    "negative": b"-25" + QUOTED,
    "signed": b"+25" + QUOTED,
    "short": b"25",
    "letters": b"abc" + QUOTED,
    "blank": b"",
    "NUL": b"\x00\x00\x00\x00",
    "8 bits": b"\xff\xfe\xfd" + QUOTED,
    "wide digits": "\uff12\uff15\uff10 OK".encode(),
    "HTML": b"<html>" + QUOTED,
    "taken, then refused": b"250-OK\r\n550" + QUOTED,
    "taken, then put off": b"250-OK\r\n451" + QUOTED,
    "refused, then taken": b"550-no\r\n250 OK",
    "put off, then taken": b"451-no\r\n354-go\r\n250 OK",
}
MORE = {
    "two answers": b"250 OK\r\n550 no\r\n",
    "all answers": b"250 OK\r\n250 OK\r\n354 go\r\n451 later\r\n",
    "half of another": b"250 OK\r\n25",
    "a blank line": b"250 OK\r\n\r\n",
}


def of_a_body(phase: str, error: type[AllMySmsError]) -> type[AllMySmsError]:
    """Return what an error is worth in a phase: after the mail it is unknown what became of it, else not sent."""
    return error if phase == "DOT" else NotSent


def everywhere(kinds: Iterable[str], *chosen: str) -> list[tuple[str, str]]:
    """Return each kind for the mail itself, and those that are chosen for each other phase."""
    return [(phase, kind) for phase in PHASES for kind in kinds if kind in chosen or phase in {"DATA", "DOT"}]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
@pytest.mark.parametrize("phase", PHASES)
async def test_slowness_ends_in_time(ends: Ends, phase: str, kind: str) -> None:
    """Whatever comes byte by byte and never ends is given up in time: not sent before the mail, unknown after it."""
    error = await ends(phase, SLOW[kind])
    assert type(error) is (RequestTimeout if phase in {"DATA", "DOT"} else NotSent)


@pytest.mark.parametrize(("phase", "kind"), everywhere(ENDLESS, "line", "lines"))
async def test_endless_answers_are_cut_off(hostile: Any, ends: Ends, phase: str, kind: str) -> None:
    """An answer without an end is cut off by its length, long before time is up; little of it is read."""
    error = await ends(phase, lambda talk: talk.flood(ENDLESS[kind]))
    assert type(error) is of_a_body(phase, ProtocolError)
    # Some megabytes wait in the buffers of the system, on either side.
    assert hostile.talks[0].written < 24 * MEGABYTE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "kind"), everywhere(NONSENSE, "999", "letters", "8 bits", "taken, then put off", "refused, then taken")
)
async def test_nonsense_is_no_answer(ends: Ends, phase: str, kind: str) -> None:
    """What is no clear yes or no counts as neither: not sent before the mail, unknown after it, and never refused."""
    error = await ends(phase, NONSENSE[kind] + b"\r\n")
    assert isinstance(error, of_a_body(phase, ProtocolError))


@pytest.mark.parametrize("phase", PHASES)
async def test_wrong_codes_are_no_answer(ends: Ends, phase: str) -> None:
    """A code that belongs to another phase is none here: 354 where 250 is due, 250 for DATA."""
    error = await ends(phase, b"250 OK\r\n" if phase == "DATA" else b"354" + QUOTED + b"\r\n")
    assert type(error) is of_a_body(phase, ProtocolError)
    assert error.code in {"250", "354", "235"}


@pytest.mark.parametrize(("phase", "more"), everywhere(MORE, "two answers", "half of another"))
async def test_more_answers_than_questions_end_the_connection(ends: Ends, phase: str, more: str) -> None:
    """Answers to what was not asked yet are believed in no phase, since later ones could not be told from them."""
    error = await ends(phase, MORE[more].replace(b"250", YES[phase], 1))
    assert type(error) is of_a_body(phase, ProtocolError)


@pytest.mark.parametrize("phase", PHASES)
async def test_421_puts_off_in_each_phase(ends: Ends, phase: str) -> None:
    """A server that closes its service says that it took nothing, whenever it says so."""
    error = await ends(phase, lambda talk: talk.leave(b"421" + QUOTED + b"\r\n"))
    # Ways to log in are tried one after another; the last one finds the connection gone.
    assert type(error) is (NotSent if phase == "AUTH" else MailDeferred)


@pytest.mark.parametrize("phase", PHASES)
async def test_connection_cut_in_each_phase(ends: Ends, phase: str) -> None:
    """A connection that is gone, under TLS too, tells nothing: not sent before the mail, unknown from DATA on."""
    error = await ends(phase, lambda talk: talk.hang_up())
    assert type(error) is (ConnectionLost if phase in {"DATA", "DOT"} else NotSent)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["silence", "cut", "endless", "nonsense", "more"])
@pytest.mark.parametrize("phase", PHASES)
async def test_nothing_is_handed_over_twice(hostile: Any, sender: Any, phase: str, kind: str) -> None:
    """A service repeats what surely was not handed over, and comes through; else it leaves it at one mail."""
    acts = {
        "silence": lambda talk: talk.hush(),
        "cut": lambda talk: talk.hang_up(),
        "endless": lambda talk: talk.flood(ENDLESS["line"]),
        "nonsense": NONSENSE["put off, then taken"] + b"\r\n",
        "more": YES[phase] + b" OK\r\n451 later\r\n",
    }
    hostile.script = {phase: [acts[kind]]}
    error = await sender().through_the_service()
    may_be_out = phase == "DOT" or (phase == "DATA" and kind in {"silence", "cut"})
    assert isinstance(error, OutcomeUnknown) if may_be_out else error is None
    assert len(hostile.bodies) == (phase != "DATA" or not may_be_out)
