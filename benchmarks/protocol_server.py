"""Three gateways that do next to nothing, for the protocols without personalisation: MMS, Envoyer SMS Pro, Mail2SMS.

Each accepts everybody. Run as a script it serves HTTP and SMTP on loopback ports of its own choice, prints the address
of the one and the port of the other, and ends by itself after ``--seconds``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import re
import socket

from server import Gateway

__all__ = ["main"]

_RECIPIENTS = re.compile(rb"(?:^|&)recipients=([0-9,%C]*)")
_MOBILES = re.compile(rb"%3CMOBILEPHONE%3E%2B33([0-9]+)%3C")
_BETWEEN = b"</MOBILEPHONE></CUSTOMER>\n<CUSTOMER><MOBILEPHONE>0"
_MMS = (
    b"Status=100\nStatusText=Le message a \xc3\xa9t\xc3\xa9 envoy\xc3\xa9\nCredits=999999\nInvalidNums=\n"
    b"CampaignID=hbhvirbvc\nIDs=<RECOVERIDS><CUSTOMER><MOBILEPHONE>0%s</MOBILEPHONE></CUSTOMER></RECOVERIDS>\n"
)
_ENVOYERSMSPRO = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<envoyersmspro>\n  <status>success</status>\n  <message>\n'
    b"    <message_id>879</message_id>\n    <sms_sent>%d</sms_sent>\n    <sms_remaing>999999</sms_remaing>\n"
    b"  </message>\n</envoyersmspro>\n"
)


def _reply(body: bytes) -> bytes:
    """Return the whole answer to a request of either protocol over HTTP."""
    if body.startswith(b"clientcode="):
        kind, text = b"text/plain; charset=utf-8", _MMS % _BETWEEN.join(_MOBILES.findall(body))
    else:
        found = _RECIPIENTS.search(body)
        count = len(found[1].replace(b"%2C", b",").split(b",")) if found else 0
        kind, text = b"text/xml; charset=utf-8", _ENVOYERSMSPRO % count
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(text), text)


class _MailServer(asyncio.Protocol):
    """One connection to the mail server; it takes every mail without a look at it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport
        transport.write(b"220 bare.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._received += data
        end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
        while end in self._received and self._transport is not None:
            command, _, self._received = self._received.partition(end)
            answer = b"250 OK\r\n"
            if self._in_mail:
                self._in_mail = False
            elif command[:4].upper() == b"EHLO":
                answer = b"250-bare.example\r\n250 8BITMIME\r\n"
            elif command[:4].upper() == b"DATA":
                self._in_mail, answer = True, b"354 Go ahead\r\n"
            self._transport.write(answer)
            end = b"\r\n.\r\n" if self._in_mail else b"\r\n"


async def _serve(seconds: float) -> None:
    """Serve for so long, after printing where."""
    loop = asyncio.get_running_loop()
    web, mail = (socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2))
    gateway = await loop.create_server(functools.partial(Gateway, _reply), sock=web, backlog=1024)
    mail_server = await loop.create_server(_MailServer, sock=mail, backlog=1024)
    print(f"http://127.0.0.1:{web.getsockname()[1]} {mail.getsockname()[1]}", flush=True)
    async with gateway, mail_server:
        await asyncio.sleep(seconds)


def main() -> None:
    """Serve until told to end, or until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="end by itself after so long")
    seconds = parser.parse_args().seconds
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(seconds))


if __name__ == "__main__":
    main()
