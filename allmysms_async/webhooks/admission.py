"""Who may bring events: tokens, addresses, sizes. Pure.

A webhook is a GET that nobody signed: whoever knows its address can forge events, and whoever reads them on the way
reads numbers and texts. So the address holds a token that cannot be guessed, and the way to it is to be TLS.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NoReturn, TypeAlias

from allmysms_async import argument
from allmysms_async.errors import InvalidRequest

__all__ = ["LOCAL_PROXY", "AllowList", "Tokens", "last_segment"]

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

LOCAL_PROXY = "unix"
"""Names, among the trusted proxies, whoever comes over a Unix socket."""

_LEAST_CHARACTERS, _MOST_CHARACTERS = 16, 200
_MOST_TOKENS = 16
_MOST_HOPS = 32
_is_token = re.compile(rf"[A-Za-z0-9._~-]{{{_LEAST_CHARACTERS},{_MOST_CHARACTERS}}}").fullmatch
_with_port = re.compile(r"\[([^\]]+)\](?::\d+)?|([0-9.]+):\d+").fullmatch


class Tokens:
    """The tokens that are valid, of which their digests alone are held.

    Args:
        given: A token, or several: while the address changes, both the old and the new one are valid.

    Raises:
        InvalidRequest: There is none, or one is not 16 to 200 letters, digits, ``-``, ``_``, ``.`` and ``~``.
    """

    __slots__ = ("__weakref__", "_digests", "tell")

    def __init__(self, given: str | Iterable[str]) -> None:
        tokens = tuple(dict.fromkeys(_tokens(given)))
        self._digests = tuple(map(_digest, tokens))
        # Not an attribute that holds them: whoever walks through an object's attributes would find them there.
        self.tell: Callable[[], tuple[str, ...]] = lambda: tokens

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._digests)

    def __contains__(self, token: object) -> bool:
        """Tell whether a token is one of them; how long it takes depends on neither."""
        if not isinstance(token, str) or not 0 < len(token) <= _MOST_CHARACTERS:
            return False
        digest = _digest(token)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(known, digest)
        return found

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self)} tokens>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the tokens would be in the open."""
        msg = "Tokens cannot be pickled."
        raise TypeError(msg)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _tokens(given: object) -> tuple[str, ...]:
    tokens = (given,) if isinstance(given, str) else argument.several("token", given, _is_text, "a text")
    if not 0 < len(tokens) <= _MOST_TOKENS:
        msg = f"A receiver needs 1 to {_MOST_TOKENS} tokens, not {len(tokens)}."
        raise InvalidRequest(msg, remedy="Draw one by secrets.token_urlsafe(32), and keep it.")
    if not all(map(_is_token, tokens)):
        msg = (
            f"A token must have {_LEAST_CHARACTERS} to {_MOST_CHARACTERS} letters, digits, '-', '_', '.' and '~', "
            "since it is part of an address that nobody may guess."
        )
        raise InvalidRequest(msg, remedy="Draw one by secrets.token_urlsafe(32), and keep it.")
    return tokens


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def last_segment(path: str) -> str:
    """Return what stands for the token in a path: its last segment."""
    return path.rstrip("/").rpartition("/")[2]


class AllowList:
    """Who may bring events, by address.

    Args:
        allow: Networks or addresses that may; everybody, if there is none.
        trusted_proxies: Networks or addresses of one's own proxies, ``unix`` for one that comes over a Unix socket:
            only what these say in ``X-Forwarded-For`` of whom they speak for is believed.

    Raises:
        InvalidRequest: One is no network.
    """

    __slots__ = ("_allowed", "_proxies", "_unix")

    def __init__(self, allow: Iterable[str] = (), trusted_proxies: Iterable[str] = ()) -> None:
        proxies = argument.several("trusted_proxies", trusted_proxies, _is_text, "a text")
        self._unix = LOCAL_PROXY in proxies
        self._allowed = _networks("allow", argument.several("allow", allow, _is_text, "a text"))
        self._proxies = _networks("trusted_proxies", [one for one in proxies if one != LOCAL_PROXY])

    def __bool__(self) -> bool:
        """Tell whether anybody is kept out."""
        return bool(self._allowed)

    def lets(self, peer: str | None, forwarded: Sequence[str] = ()) -> bool:
        """Tell whether a request may come in.

        Args:
            peer: The address that the connection comes from, or None where it has none, as a Unix socket.
            forwarded: The values of the request's ``X-Forwarded-For`` fields, in their order.
        """
        if not self._allowed:
            return True
        sender = self._sender(peer, forwarded)
        return sender is not None and _within(sender, self._allowed)

    def _sender(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """Return the first address, from here on, that is none of one's own proxies; None if nobody can tell."""
        if peer:
            hop = _address(peer)
            if hop is None or not _within(hop, self._proxies):
                return hop
        elif not self._unix:
            return None
        else:
            hop = None
        for written in reversed(",".join(forwarded).split(",")[-_MOST_HOPS:]):
            if not written.strip():
                continue
            hop = _address(written)
            if hop is None or not _within(hop, self._proxies):
                return hop
        return hop


def _networks(name: str, given: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(one, strict=False) for one in given)
    except ValueError:
        msg = f"Each of {name} must be a network or an address, such as 192.0.2.0/24."
        raise InvalidRequest(msg) from None


def _address(written: str) -> Address | None:
    """Return an address, also with a port, or an IPv4 one in IPv6's clothes."""
    written = written.strip().strip('"')
    ported = _with_port(written)
    if ported is not None:
        written = ported[1] or ported[2]
    try:
        found = ip_address(written)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or found
    return found


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
