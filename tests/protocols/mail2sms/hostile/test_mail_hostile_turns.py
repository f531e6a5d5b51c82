"""Harm between the phases of a mail: answers out of turn, TLS that is cut or forged, farewells without an end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, NotSent, OutcomeUnknown
from allmysms_async.errors import ConnectionLost, MailDeferred, MailRefused

QUOTED = b" rejected: Subject: demo@SECRETKEY|33612345678|from=|date= code 4821"
EHLO = b"250-localhost\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"
Act = Callable[[Any], Awaitable[None]]
ACTS: dict[str, bytes | Act] = {
    "silence": lambda talk: talk.hush(),
    "cut": lambda talk: talk.hang_up(),
    "drip": lambda talk: talk.drip(b"2"),
    "endless": lambda talk: talk.flood(b"221 " + b"x" * 65_536),
    "two answers": b"250 OK\r\n250 OK\r\n",
    "no answer": b"\xff" + QUOTED + b"\r\n",
}


# -- answers out of turn ----------------------------------------------------------------------------------------------


async def test_early_word_on_a_mail_is_not_believed(hostile: Any, sender: Any) -> None:
    """What the server said before it had the mail is not its word on the mail, which would be lost, or sent again."""
    for early in (b"250 OK queued\r\n", b"451 later\r\n"):
        hostile.script = {"DATA": [b"354 go ahead\r\n" + early], "DOT": [b"550 no\r\n"]}
        error = await sender().fail()
        assert type(error) is NotSent
    assert hostile.bodies == []


@pytest.mark.parametrize("word", [b"451 later", b"250 OK", b"550 no"])
async def test_answers_along_with_the_greeting_decide_nothing(hostile: Any, sender: Any, word: bytes) -> None:
    """A greeting that brings an answer to each command of a mail does not have them believed."""
    said = b"220 hi\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n" + word + b"\r\n"
    hostile.script = {"GREETING": [said], "EHLO": [b"250 8BITMIME\r\n"], "DOT": [b"452 full\r\n"]}
    one = sender(security="plain", username=None, password=None)
    error = await one.fail()
    assert not isinstance(error, MailRefused | MailDeferred)
    assert len(hostile.bodies) == isinstance(error, OutcomeUnknown)


async def test_answer_that_was_not_asked_for_costs_the_connection(
    hostile: Any, sender: Any, until: Callable[..., Awaitable[None]]
) -> None:
    """What the server says between two mails is not taken for the answer to the next command."""
    one = sender()
    await one.send()
    await hostile.talks[0].say(b"550 no\r\n")
    left = asyncio.create_task(hostile.talks[0].writer.wait_closed())
    await until(lambda: left.done())
    await asyncio.gather(left, return_exceptions=True)
    await one.send()
    assert (len(hostile.talks), len(hostile.bodies)) == (2, 2)


async def test_mail_is_taken_though_the_server_leaves_after_its_word(hostile: Any, sender: Any) -> None:
    """A server that takes a mail and hangs up took it; the next mail goes over another connection."""
    hostile.script = {"DOT": [lambda talk: talk.leave(b"250 OK\r\n")]}
    one = sender()
    assert len((await one.send()).accepted) == 1
    await one.send()
    assert (len(hostile.talks), len(hostile.bodies)) == (2, 2)


async def test_8_bits_in_the_word_on_a_mail_are_harmless(hostile: Any, sender: Any) -> None:
    """A server may say what it likes along with 250: the mail is taken, and its words are kept without the key."""
    hostile.script = {"DOT": [b"250 \xff\x00\x1b[31m caf\xc3\xa9" + QUOTED + b"\r\n"]}
    receipt = await sender().send()
    text = receipt.raw["text"]
    assert len(receipt.accepted) == 1
    assert "caf\u00e9" in text
    assert text.isprintable()
    assert text.encode()
    assert "SECRETKEY" not in text


async def test_many_capabilities_are_read(hostile: Any, sender: Any) -> None:
    """A server of hundreds of capabilities is one that mails can be handed to; one of thousands is not."""
    many = b"".join(b"250-X%d\r\n" % number for number in range(5000))
    hostile.script = {"EHLO": [b"250-hi\r\n" + many[:20_000].rpartition(b"\n")[0] + b"\n" + EHLO]}
    await sender().send()
    hostile.script = {"EHLO": [b"250-hi\r\n" + many + EHLO]}
    assert type(await sender().fail()) is NotSent
    assert len(hostile.bodies) == 1


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("injected", [b"250 OK\r\n", b"250-AUTH PLAIN\r\n250 OK\r\n", b"25", b"\x16\x03\x03"])
@pytest.mark.parametrize("together", [True, False])
async def test_clear_answers_before_tls_count_for_nothing(
    hostile: Any, sender: Any, injected: bytes, together: bool
) -> None:
    """What anybody puts behind the answer to STARTTLS ends the attempt; no login and no mail follow, also under TLS."""

    async def inject(talk: Any) -> None:
        if together:
            await talk.say(b"220 go ahead\r\n" + injected)
        else:
            await talk.say(b"220 go ahead\r\n")
            await talk.say(injected)

    hostile.script = {"STARTTLS": [inject]}
    assert type(await sender().fail()) is NotSent
    assert hostile.commands == ["EHLO", "STARTTLS"]
    assert hostile.bodies == []


@pytest.mark.parametrize(
    "answer", [b"", b"\x16\x03\x03\x00\x05", b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 400\r\n\r\n"]
)
@pytest.mark.parametrize("then", ["cut", "silence"])
async def test_tls_cut_in_its_handshake(hostile: Any, sender: Any, answer: bytes, then: str) -> None:
    """A handshake that breaks off, says nonsense or hangs is not sent, in time."""

    async def act(talk: Any) -> None:
        await talk.say(b"220 go ahead\r\n")
        await talk.reader.read(20)
        await talk.say(answer)
        await ACTS[then](talk)

    hostile.script = {"STARTTLS": [act]}
    assert type(await sender().fail()) is NotSent
    assert hostile.commands == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("tidy", [True, False])
async def test_tls_cut_in_the_mail_is_unknown(hostile: Any, sender: Any, tidy: bool) -> None:
    """A connection that ends within the mail, with TLS's farewell or without, leaves unknown what was taken."""

    async def act(talk: Any) -> None:
        await talk.say(b"354 go ahead\r\n")
        await talk.reader.read(10)
        if not tidy:
            raise ConnectionResetError
        talk.writer.close()

    hostile.script = {"DATA": [act]}
    assert type(await sender().fail()) is ConnectionLost


async def test_login_is_never_told_in_clear(hostile: Any, sender: Any) -> None:
    """In no phase before TLS does anything of login, key or mail leave, whatever the server says."""
    said = [
        b"250 OK\r\n250 OK\r\n",
        b"250-AUTH PLAIN\r\n250 OK\r\n",
        b"250-OK\r\n235 OK\r\n",
        b"334 go on\r\n",
        b"250\r\n25",
    ]
    for phase, yes in (("GREETING", b"220"), ("EHLO", b"250"), ("STARTTLS", b"220")):
        for each in said:
            hostile.script = {phase: [each.replace(b"250", yes)]}
            await asyncio.gather(sender().send(), return_exceptions=True)
    assert len(hostile.talks) == 15
    for talk in hostile.talks:
        assert not any(secret in talk.clear for secret in (b"AUTH", b"MAIL", b"SECRETKEY", b"s3cretpass", b"czNjcmV0"))


@pytest.mark.parametrize("challenge", [b"334 !!!\r\n", b"334 \xff\xff\r\n", b"334 YQ\r\n", b"334\r\n"])
async def test_challenges_that_cannot_be_read_are_typed(hostile: Any, sender: Any, challenge: bytes) -> None:
    """A login's challenge that is no base64 ends in a typed error, and nothing is sent."""
    hostile.script = {"EHLO2": [b"250-hi\r\n250 AUTH CRAM-MD5\r\n"], "AUTH": [challenge, b"535 no\r\n"]}
    error = await sender().fail()
    assert isinstance(error, NotSent | AuthenticationFailed)
    assert hostile.bodies == []


# -- the farewell -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ACTS)
async def test_farewell_changes_no_outcome(hostile: Any, sender: Any, kind: str) -> None:
    """QUIT may be answered by anything or nothing: the mail was taken before, and closing ends."""
    one = sender()
    receipt = await one.send()
    hostile.script = {"QUIT": [ACTS[kind]]}
    await one.transport.aclose()
    assert len(receipt.accepted) == len(hostile.bodies) == 1


async def test_farewells_are_said_at_once(hostile: Any, sender: Any) -> None:
    """Closing many connections to a server that answers no farewell waits for them together, not one by one."""
    reached = asyncio.Event()
    open_ones = 0

    async def wait_for_all(talk: Any) -> None:
        nonlocal open_ones
        open_ones += 1
        if open_ones == 3:
            reached.set()
        await talk.reader.read()

    one = sender(max_connections=3)
    await asyncio.gather(*(one.send() for _ in range(3)))
    hostile.script = {"QUIT": [wait_for_all] * 3}
    closing = asyncio.create_task(one.transport.aclose())
    await reached.wait()
    hostile.clock.forward(10)
    await closing
    assert open_ones == 3


@pytest.mark.parametrize("kind", ACTS)
async def test_refusal_is_told_though_nothing_follows(hostile: Any, sender: Any, kind: str) -> None:
    """A server that refuses a mail and then falls silent has refused it; the next mail goes over another connection."""
    hostile.script = {"RCPT": [b"550 no\r\n"], "RSET": [ACTS[kind]]}
    one = sender()
    assert type(await one.fail()) is MailRefused
    await one.send()
    assert (len(hostile.talks), len(hostile.bodies)) == (2, 1)
