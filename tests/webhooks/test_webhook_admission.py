"""Who may bring events: tokens and addresses, proxies that are named and proxies that are not."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.webhooks import Receiver
from allmysms_async.webhooks.admission import AllowList, Tokens, last_segment
from tests.cases import each

from .conftest import TOKEN, ask
from .servers import in_aiohttp, in_fastapi, in_uvicorn, raw, status_of


@each(
    ("peer", "forwarded", "let"),
    [
        ("192.0.2.7", [], True),
        ("::ffff:192.0.2.7", [], True),
        ("198.51.100.1", [], False),
        # Nobody's proxy: what it says of others does not count, nor against it.
        ("198.51.100.1", ["192.0.2.7"], False),
        ("192.0.2.7", ["198.51.100.1"], True),
        # One's own proxies.
        ("10.0.0.1", ["192.0.2.7"], True),
        ("10.0.0.1", ["192.0.2.7:51000"], True),
        ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], True),
        ("10.0.0.1", ["192.0.2.7", "10.0.0.2"], True),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], True),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.1"], False),
        ("10.0.0.1", ["192.0.2.7, nonsense"], False),
        ("10.0.0.1", ["192.0.2.7, "], True),
        ("10.0.0.1", [], False),
        ("10.0.0.1", [""], False),
        ("10.0.0.1", ["[2001:db8::7]:443"], True),
        ("10.0.0.1", ["2001:db8::7"], True),
        ("10.0.0.1", ["2001:db9::7"], False),
        (None, ["192.0.2.7"], False),
        ("nonsense", ["192.0.2.7"], False),
    ],
)
def test_sender_is_the_first_who_is_no_proxy_of_ours(peer: str | None, forwarded: list[str], let: bool) -> None:
    """The sender is found from the near end: the first hop that is none of one's own proxies."""
    assert AllowList(["192.0.2.0/24", "2001:db8::/32"], ["10.0.0.0/8"]).lets(peer, forwarded) is let


def test_proxy_on_a_unix_socket_is_named() -> None:
    """A connection without an address is believed if that is said."""
    assert AllowList(["192.0.2.7"], ["unix"]).lets(None, ["192.0.2.7"])
    assert not AllowList(["192.0.2.7"], ["unix"]).lets(None, ["192.0.2.8"])
    assert not AllowList(["192.0.2.7"], ["unix"]).lets(None)


@given(st.none() | st.text(max_size=30), st.lists(st.text(max_size=60), max_size=5))
def test_no_address_is_an_error(peer: str | None, forwarded: list[str]) -> None:
    """Whatever stands where an address should, it is none that is allowed."""
    assert not AllowList(["192.0.2.7"], ["10.0.0.0/8", "unix"]).lets(peer, forwarded)


async def test_address_is_asked_before_the_token() -> None:
    """Who may not come in is 403 whatever the token, and so learns nothing of it."""
    receiver = Receiver(TOKEN, allow=["192.0.2.0/24"])
    async with receiver:
        for token in (TOKEN, "x" * 20):
            assert (await ask(receiver.asgi, f"/{token}", client=("198.51.100.1", 1)))[0] == 403
        assert (await ask(receiver.asgi, f"/{TOKEN}", client=("192.0.2.9", 1)))[0] == 200
    assert receiver.stats.refused == 2


@pytest.mark.parametrize("server", [in_fastapi, in_uvicorn, in_aiohttp])
async def test_only_a_named_proxy_is_believed(server: Any) -> None:
    """Over a real socket ``X-Forwarded-For`` counts from a proxy that is named, and from nobody else."""
    request = f"GET /hooks/{TOKEN} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n".encode()
    for proxies, status in (([], 403), (["10.0.0.0/8"], 403), (["127.0.0.0/8"], 200)):
        async with server(Receiver(TOKEN, allow=["192.0.2.7"], trusted_proxies=proxies)) as port:
            assert status_of(await raw(port, request)) == status


def test_tokens_cannot_be_pickled() -> None:
    """Nothing that holds tokens can be written elsewhere."""
    with pytest.raises(TypeError):
        pickle.dumps(Tokens(TOKEN))


@given(st.text())
def test_no_other_text_is_a_token(text: str) -> None:
    """What is not the token is not in the tokens, whatever it is."""
    assert (text in Tokens(TOKEN)) is (text == TOKEN)
    assert last_segment(f"/a/{text.replace('/', '')}/") == (text.replace("/", "") or "a")
