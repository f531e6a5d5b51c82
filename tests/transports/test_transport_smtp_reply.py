"""What a mail server says, piece by piece: one answer to each command passes, anything else ends the connection."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.transports.smtp_reply import MAX_BYTES, ReplyGuard

ANSWERS = [
    b"250 OK\r\n",
    b"250\n",
    b"354 go\r\n",
    b"250-a\r\n250-\r\n250 b\r\n",
    b"<html>\r\n",
    b"\r\n",
    b"25\r\n",
    b"999-x\n999 y\n",
]


class Connection(asyncio.Transport):
    """A connection that notes that it was given up."""

    def __init__(self) -> None:
        """Be open."""
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


class Reader(asyncio.Protocol):
    """What reads behind the guard."""

    def __init__(self) -> None:
        """Have read nothing."""
        self.read = b""

    def data_received(self, data: bytes) -> None:
        """Read."""
        self.read += data


def guarded(answers: int = 1) -> tuple[ReplyGuard, Connection, Reader]:
    """Return a guard that expects so many answers, and what is on its two sides."""
    connection, reader = Connection(), Reader()
    guard = ReplyGuard(connection, reader)
    guard.expect(answers)
    return guard, connection, reader


def pieces(said: bytes, cuts: list[int]) -> list[bytes]:
    """Return what is said in pieces, cut at some places."""
    places = sorted({0, len(said), *(cut % (len(said) + 1) for cut in cuts)})
    return [said[begin:end] for begin, end in itertools.pairwise(places)]


@given(answer=st.sampled_from(ANSWERS), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_one_answer_passes_however_it_comes(answer: bytes, cuts: list[int]) -> None:
    """However a network cuts an answer, it is passed on as it is, and its code is known."""
    guard, connection, reader = guarded()
    for piece in pieces(answer, cuts):
        guard.data_received(piece)

    assert (reader.read, guard.code, connection.aborted) == (answer, answer[:3], False)
    assert guard.invited == answer.startswith(b"354")


@given(
    answer=st.sampled_from(ANSWERS),
    more=st.binary(min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_more_than_one_answer_ends_the_connection(answer: bytes, more: bytes, cuts: list[int]) -> None:
    """However it comes, whatever follows the answer that was asked for reaches nobody, and ends the connection."""
    guard, connection, reader = guarded()
    for piece in pieces(answer + more, cuts):
        guard.data_received(piece)

    assert connection.aborted
    assert guard.strayed
    assert answer.startswith(reader.read)


@given(first=st.sampled_from(["250", "354", "451", "550"]), last=st.sampled_from(["250", "354", "451", "550"]))
def test_answer_has_one_code(first: str, last: str) -> None:
    """An answer whose lines do not agree is none."""
    guard, connection, reader = guarded()
    guard.data_received(f"{first}-a\r\n{last} b\r\n".encode())

    assert connection.aborted == guard.strayed == (first != last)
    assert bool(reader.read) == (first == last)


@pytest.mark.parametrize("piece", [b"x", b"250-x\r\n", b"\x00" * 1000])
def test_answer_without_an_end_is_not_kept(piece: bytes) -> None:
    """What passes of an answer is bounded, and nothing of it is kept once it is given up."""
    guard, connection, reader = guarded()
    guard.data_received(b"250-")
    for _ in range(2 * MAX_BYTES // len(piece)):
        guard.data_received(piece)

    assert connection.aborted
    assert len(reader.read) <= MAX_BYTES


def test_nothing_is_heard_between_two_commands() -> None:
    """What nobody asked for ends the connection, before, between and after commands."""
    guard, connection, reader = guarded(answers=2)
    guard.data_received(b"354 go\r\n")
    guard.expect(0)
    guard.data_received(b"250 OK\r\n")

    assert connection.aborted
    assert reader.read == b"354 go\r\n"


@pytest.mark.parametrize(("code", "agrees"), [(250, True), (25, False), (451, False), (-1, True)])
def test_code_that_was_read_is_the_one_that_came(code: int, agrees: bool) -> None:
    """An answer read from elsewhere than the connection is noticed; no code at all is no other one."""
    guard, _, _ = guarded()
    guard.data_received(b"250 OK\r\n")
    assert guard.agrees(code) == agrees
