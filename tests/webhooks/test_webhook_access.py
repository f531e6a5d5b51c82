"""Access logs hold neither token nor number nor text of a webhook, whatever the server, casing or escaping."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from allmysms_async.webhooks import Receiver, redact_access_log
from allmysms_async.webhooks.access import LOGGERS, AccessLogFilter

from .conftest import TOKEN, reply_query
from .servers import SERVERS, in_aiohttp, in_fastapi, raw

PATH = f"/hooks/{TOKEN}"


@pytest.fixture(autouse=True)
def redacted() -> Iterator[None]:
    """Redact, and leave the loggers as they were."""
    redact_access_log("some.proxy")
    redact_access_log()
    yield
    for name in (*LOGGERS, "some.proxy"):
        logger = logging.getLogger(name)
        (mine,) = (one for one in logger.filters if isinstance(one, AccessLogFilter))
        logger.removeFilter(mine)


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    shown = logging.Formatter()
    return "\n".join(f"{shown.format(record)} {vars(record)!r}" for record in caplog.records)


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
@pytest.mark.parametrize(
    "target",
    [
        f"{PATH}?{reply_query(12345678, 'Bonsoir+Zo%C3%A9')}",
        f"{PATH}?PHONENUMBER=33612345678&Message=Bonsoir",
        f"{PATH}?phone%4eumber=%2B33612345678&%6Dessage=%42onsoir&smsMold=1",
        f"{PATH}?phoneNumber=%2533612345678&message=%2542onsoir",
        f"{PATH}/?extra=Bonsoir&other=33612345678",
        f"/hooks/{quote(TOKEN).replace('t', '%74')}?phoneNumber=33612345678",
        f"/hooks/{TOKEN.upper()}?to=33612345678",
        "/hooks/another-token-that-was-once-valid?phoneNumber=33612345678&message=Bonsoir",
        f"{PATH}?phoneNumber=33612345678&message=" + "Bonsoir" * 3000,
    ],
    ids=range(9),
)
async def test_real_access_log_holds_nothing_of_anybody(
    server: Any, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The servers' own records, and all that is in them, are without token, number and text."""
    receiver = Receiver(TOKEN)
    with caplog.at_level(logging.INFO):
        async with server(receiver) as port:
            await raw(port, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    logged = _logged(caplog).casefold()
    assert any(record.name in LOGGERS for record in caplog.records)
    for secret in (TOKEN, quote(TOKEN).replace("t", "%74"), "another-token", "612345678", "onsoir"):
        assert secret.casefold() not in logged


@pytest.mark.parametrize("server", [in_fastapi, in_aiohttp])
async def test_raw_bytes_are_not_logged(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A request that a server cannot read is quoted by none of its loggers."""
    receiver = Receiver(TOKEN)
    with caplog.at_level(logging.DEBUG):
        async with server(receiver) as port:
            await raw(port, f"GET {PATH}?phoneNumber=33612345678&message=Zo\xe9 HTTP/1.1\r\n\r\n".encode("latin-1"))
    logged = _logged(caplog).casefold()
    assert TOKEN.casefold() not in logged
    assert "612345678" not in logged


@pytest.mark.parametrize("server", [in_fastapi, in_aiohttp])
async def test_other_requests_are_logged_as_they_are(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What is no webhook's keeps its target, however long its segments are."""
    receiver = Receiver(TOKEN)
    targets = ["/else/0123456789abcdef-0123456789?q=33612345678&name=a+b", "/else/pending?status=open&message=hello"]
    with caplog.at_level(logging.INFO):
        async with server(receiver) as port:
            for target in targets:
                await raw(port, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert all(target in _logged(caplog) for target in targets)


def test_uvicorn_record_keeps_its_five_arguments(caplog: pytest.LogCaptureFixture) -> None:
    """uvicorn's own formatter unpacks five arguments: the third alone is changed, and what is harmless is kept."""
    receiver = Receiver(TOKEN)
    with caplog.at_level(logging.INFO):
        logging.getLogger("uvicorn.access").info(
            '%s - "%s %s HTTP/%s" %d',
            *("192.0.2.7:4000", "GET", f"{PATH}?smsId=ab12&status=1&phoneNumber=33612345678&x=1", "1.1", 200),
        )
    (record,) = caplog.records
    assert record.args == (
        *("192.0.2.7:4000", "GET", "/hooks/***?smsid=ab12&status=1&phonenumber=***&***", "1.1", 200),
    )
    assert receiver.stats.received == 0


def test_named_loggers_are_redacted_too(caplog: pytest.LogCaptureFixture) -> None:
    """A logger that is named gets the same filter, also for records whose arguments are a mapping."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("some.proxy").info("%(target)s", {"target": "/x/y?phoneNumber=33612345678", "n": 1})
    assert caplog.messages == ["/x/***?phonenumber=***"]


@pytest.mark.parametrize("target", ["/" * 60_000 + "?phoneNumber=33612345678", "/x?phoneNumber=3" + "&" * 60_000])
def test_target_that_is_too_long_is_hidden_whole(caplog: pytest.LogCaptureFixture, target: str) -> None:
    """Nobody's request makes the log's filter look through it for long."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("some.proxy").info("%(target)s", {"target": target})
    assert caplog.messages == ["***"]


def test_token_is_shown_by_nothing() -> None:
    """No repr of a receiver, nor of what it has, holds the token."""
    receiver = Receiver([TOKEN, "another-" + TOKEN])
    shown = [repr(receiver), repr(receiver._door.tokens), repr(vars(receiver)), str(receiver.stats)]
    assert not [one for one in shown if TOKEN in one]
    assert "2 tokens" in repr(receiver)
