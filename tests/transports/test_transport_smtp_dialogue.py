"""The commands of a mail, written here, are those that aiosmtplib writes, and their answers mean what it reads."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any, cast

import aiosmtplib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allmysms_async.exchange import MailEnvelope
from allmysms_async.transports.smtp_dialogue import Dialogue, command, dotted
from allmysms_async.transports.smtp_line import Line
from allmysms_async.transports.smtp_reply import Strayed, words

CLOSE, END = b"close", b"end"
USUAL = [b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n", b"250 queued\r\n"]
ANSWERS = [
    *(b"250 OK\r\n", b"251 will forward\r\n", b"354 go\r\n", b"250\n", b"250-a\r\n250-\r\n250 b\r\n", b"250-\n250 c\n"),
    *(b"421 busy\r\n", b"451 later\r\n", b"550 no\r\n", b"999 what\r\n", b"025 what\r\n", b"25 what\r\n", b"-25 n\r\n"),
    *(b"<html>\r\n", b"\r\n", b"250-a\r\n550 b\r\n", b"250 \xff\r\n", b"250 " + b"x" * 9000 + b"\r\n"),
    *(b"250 one\r\n250 two\r\n", b"354 go\r\n250 early\r\n", CLOSE, END),
]
ADDRESSES = st.one_of(
    st.sampled_from(["shop@example.com", "mail2sms@allmysms.com", "Shop <shop@example.com>", '"a b"@example.com', ""]),
    st.text("ab.@<>\" '\r\n\0é(),;:|=", max_size=12),
)
BODIES = st.one_of(st.binary(max_size=30), st.text("ab.\r\n", max_size=30).map(str.encode))


def is_whole(said: bytes) -> bool:
    """Tell whether an answer ends there: what follows in a packet of its own answers what was written meanwhile."""
    *_, last, rest = [b"", *said.split(b"\n")]
    return not rest and bool(said) and last[3:4] != b"-"


class Connection(asyncio.Transport):
    """A connection to a server that says what it is to, each time something is written."""

    def __init__(self, answers: list[bytes], cuts: list[int]) -> None:
        """Say the answers in their order, cut at some places."""
        super().__init__()
        self.written: list[bytes] = []
        self._answers, self._cuts = iter(answers), cuts
        self._protocol: asyncio.BaseProtocol | None = None
        self._closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change who reads."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who reads."""
        assert self._protocol is not None
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Know nothing."""
        return default

    def is_closing(self) -> bool:
        """Tell whether it was given up."""
        return self._closing

    def write(self, data: Any) -> None:
        """Take in what is written, and have it answered."""
        self.written.append(bytes(data))
        asyncio.get_running_loop().call_soon(self._say, next(self._answers))

    def _say(self, answer: bytes) -> None:
        reader = cast("asyncio.Protocol", self.get_protocol())
        if answer == END and not reader.eof_received():
            answer = CLOSE
        if answer == CLOSE:
            self.abort()
            return
        cuts = {cut % (len(answer) + 1) for cut in self._cuts}
        places = sorted({0, len(answer)} | {cut for cut in cuts if not is_whole(answer[:cut])})
        for begin, end in itertools.pairwise(places):
            if not self._closing:
                reader.data_received(answer[begin:end])

    def abort(self) -> None:
        """Give it up."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(cast("asyncio.Protocol", self.get_protocol()).connection_lost, None)

    def close(self) -> None:
        """Give it up."""
        self.abort()


def opened(answers: list[bytes], cuts: list[int]) -> tuple[Line, Connection]:
    """Return a connection that aiosmtplib has opened, and what it goes over."""
    connection = Connection(answers, cuts)
    client = aiosmtplib.SMTP(hostname="localhost")
    client.protocol = aiosmtplib.protocol.SMTPProtocol(connection_lost_callback=lambda _: client.close())
    client.transport = connection
    client.last_ehlo_response = aiosmtplib.SMTPResponse(250, "localhost\n8BITMIME")
    connection.set_protocol(client.protocol)
    client.protocol.connection_made(connection)
    client.protocol._response_pending = False  # there was a greeting
    line = Line(client)
    line.listen()
    return line, connection


async def told(line: Line, sending: Awaitable[Any]) -> Any:
    """Return what sending ends with, as what is made of it asks: a code, and whether the answers are clear."""
    try:
        answer = await sending
    except (aiosmtplib.SMTPException, Strayed) as error:
        strayed = line.strayed(error)
        code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) and not strayed else None
        lost = isinstance(error, aiosmtplib.SMTPServerDisconnected) and not strayed
        return "error", strayed, code, lost, line.invited
    return (int(answer[:3]), words(answer)) if isinstance(answer, bytes) else tuple(answer)


async def by_library(line: Line, envelope: MailEnvelope, options: tuple[str, ...]) -> Any:
    """Go through the steps of a mail by the commands of aiosmtplib."""
    client = line.client
    await line.ask(client.mail(envelope.mail_from, options=options, timeout=None))
    await line.ask(client.rcpt(envelope.rcpt_to, timeout=None))
    return await line.ask(client.data(envelope.message, timeout=None), 2)


async def both_ways(answers: list[bytes], cuts: list[int], body: bytes) -> tuple[Any, Any]:
    """Return how a mail ends and what was written of it, here and by aiosmtplib."""
    envelope = MailEnvelope(name="test", mail_from="shop@example.com", rcpt_to="mail2sms@allmysms.com", message=body)
    ends: list[Any] = []
    for here in (True, False):
        line, connection = opened(answers, cuts)
        if here:
            until = asyncio.get_running_loop().time() + 3600
            sending = line.converse(Dialogue(envelope, body, "BODY=8BITMIME"), until)
        else:
            sending = by_library(line, envelope, ("BODY=8BITMIME",))
        ends.append((await told(line, sending), connection.written))
    return ends[0], ends[1]


@given(
    answers=st.tuples(*(st.sampled_from([usual, usual, usual, *ANSWERS]) for usual in USUAL)).map(list),
    cuts=st.one_of(st.just([]), st.lists(st.integers(0, 40), max_size=4)),
    body=BODIES,
)
@example(answers=USUAL, cuts=[], body=b"Subject: x\r\n\r\n.one\r\n..two\r\n")
@example(answers=[*USUAL[:3], b"250-a\r\n250 b\r\n"], cuts=[3, 9], body=b"x")
def test_mail_ends_as_by_the_library(answers: list[bytes], cuts: list[int], body: bytes) -> None:
    """Whatever a server answers, however it is cut, the same is written and the same is made of it."""
    here, library = asyncio.run(both_ways(answers, cuts, body))
    assert here == library


@given(address=ADDRESSES)
def test_command_is_the_librarys(address: str) -> None:
    """An address is written as aiosmtplib writes it, and refused where it refuses it."""

    async def by_library() -> bytes:
        line, connection = opened(USUAL, [])
        await line.ask(line.client.mail(address, timeout=None))
        return connection.written[0]

    try:
        expected = asyncio.run(by_library())
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            command("MAIL FROM:", address)
    else:
        assert command("MAIL FROM:", address) == expected


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\n.b\r.\r\n", b"a\r\n..b\r\n..\r\n.\r\n"),
    ],
)
def test_mail_is_written_as_smtp_has_it(body: bytes, written: bytes) -> None:
    """Lines end in CR LF, and a dot at the beginning of one is doubled. Source: RFC 5321, §4.5.2."""
    assert dotted(body) == written
