"""Pushes that are not answered `OK`. Source: HTTPS API v9, §42.1."""

import pytest

from .called import OK, Called, called

ONE = "33612345678"
LONGER_THAN_THE_GATEWAY_WAITS = 6.0


def body(text: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    """Return an answer."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(text), more, text)


NOT_OK = {
    "another word": body(b"KO"),
    "small letters": body(b"ok"),
    "nothing": body(b""),
    "503 that says OK": body(b"OK", b"503 Service Unavailable"),
    "redirect": body(b"OK", b"302 Found", b"Location: /hook\r\n"),
    "no HTTP": b"OK\r\n\r\n",
    "connection ends": b"",
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nO",
    "far too much": body(b" " * 100_000 + b"OK"),
}


@pytest.mark.parametrize("answer", NOT_OK.values(), ids=NOT_OK.keys())
async def test_what_is_not_answered_ok_is_pushed_three_times(sandbox, answering: Called, answer):
    """The same request comes again 2 and then 10 seconds later by the sandbox's clock, and then no more."""
    answering.answer = lambda _: answer
    sandbox.reply(ONE, "oui")
    for seconds, tries in ((0, 1), (1.9, 1), (0.1, 2), (9.9, 2), (0.1, 3), (1000, 3)):
        sandbox.advance(seconds)
        await sandbox.webhooks.settled()
        assert len(answering.targets) == tries
    assert len(set(answering.targets)) == 1
    counts = {
        "pushed": 1,
        "ok": 0,
        "retried": 2,
        "given_up": 1,
        "waiting": 0,
        "duplicated": 0,
        "lost": 0,
        "uncalled": 0,
    }
    assert sandbox.webhooks.counts() == counts


@pytest.mark.parametrize(
    "answer",
    [
        body(b" OK\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nOK",
        b"HTTP/1.0 200 OK\r\nX: y\r\nConnection: close\r\n\r\nOK",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK,
    ],
)
async def test_any_whole_answer_of_ok_counts(sandbox, answering: Called, answer):
    """However a server frames it, and with white space around it, OK is OK, and the next push is answered as well."""
    answering.answer = lambda _: answer
    for _ in range(2):
        sandbox.reply(ONE, "oui")
        await sandbox.webhooks.settled()
    assert (sandbox.webhooks.counts()["ok"], len(answering.targets)) == (2, 2)


async def test_push_without_an_answer_is_over_after_five_seconds(sandbox, answering: Called, until, pass_time):
    """It is made again in its time, on another connection."""
    answering.answer = lambda _: None
    sandbox.reply(ONE, "oui")
    await until(lambda: len(answering.targets) == 1)
    pass_time(LONGER_THAN_THE_GATEWAY_WAITS)
    await sandbox.webhooks.settled()
    answering.answer = lambda _: OK
    sandbox.advance(2)
    await sandbox.webhooks.settled()
    assert (len(answering.targets), answering.connections) == (2, 2)
    assert sandbox.webhooks.counts()["ok"] == 1


async def test_connection_that_the_server_closed_meanwhile_is_replaced(sandbox, answering: Called):
    """A kept-alive connection that is gone is no failure: the push is made on a new one."""
    for connections in (1, 2):
        sandbox.reply(ONE, "oui")
        await sandbox.webhooks.settled()
        assert (len(answering.targets), answering.connections) == (connections, connections)
        answering.hang_up()
    assert sandbox.webhooks.counts()["retried"] == 0


async def test_address_where_nobody_listens_is_called_again(sandbox, gateway):
    """A refused connection is a failure like any other."""
    async with called() as address:
        await gateway.call("configureWebhook", type="dlr", url=address.url)
    await gateway.flow("Bonjour", ONE)
    for seconds in (0, 2, 10):
        sandbox.advance(seconds)
        await sandbox.webhooks.settled()
    assert (sandbox.webhooks.counts()["retried"], sandbox.webhooks.counts()["given_up"]) >= (2, 1)
