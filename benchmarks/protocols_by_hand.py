"""The least that a loop written by hand does to send a list by MMS, Mail2SMS or Envoyer SMS Pro, as in ``by_hand.py``.

It reads the file, finds numbers by one pattern, drops duplicates, writes each request and reads the answer, and checks
nothing else.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from by_hand import chunks, exchange, quoted
from mail_floor import hand_over

__all__ = ["SIZES", "TEXT", "by_envoyersmspro", "by_mail", "by_mms"]

TEXT = "Soldes demain, -20 %. STOP au 36180"
SIZES = {"MMS": 200, "Mail2SMS": 75, "Envoyer SMS Pro": 1000}
"""Recipients in a request: as many as each protocol holds; a mail as many as fit its subject."""

_CUSTOMER = re.compile(rb"<MOBILEPHONE>0([0-9]{9})</MOBILEPHONE>")
_SENT = re.compile(rb"<status>success</status>.*<sms_sent>([0-9]+)</sms_sent>", re.DOTALL)


def _mms_bodies(path: pathlib.Path) -> Iterator[bytes]:
    for rows in chunks(path, SIZES["MMS"]):
        people = b"".join([b"<MOBILEPHONE>+33%s</MOBILEPHONE>" % phone for phone, _, _ in rows])
        flow = b"<DATA><CLIENT>DEMO</CLIENT>%s<MSGCLASS>1</MSGCLASS><MESSAGE>%s</MESSAGE></DATA>"
        yield b"clientcode=demo&passcode=k&XMLFlow=" + quoted(flow % (people, TEXT.encode()))


def _mms_read(answer: bytes) -> int:
    return len(set(_CUSTOMER.findall(answer))) if answer.startswith(b"Status=100\n") else 0


async def by_mms(path: pathlib.Path, where: str, connections: int) -> int:
    """Send a list by MMS; return how many were accepted."""
    return await exchange(_mms_bodies(path), _mms_read, f"{where}/amsmodule.sendmms.v2.php", connections)


def _envoyersmspro_bodies(path: pathlib.Path) -> Iterator[bytes]:
    for rows in chunks(path, SIZES["Envoyer SMS Pro"]):
        people = b",33".join([phone for phone, _, _ in rows])
        yield b"text=%s&recipients=33%s&sendername=MAGASIN" % (quoted(TEXT.encode()), people)


def _envoyersmspro_read(answer: bytes) -> int:
    found = _SENT.search(answer)
    return int(found[1]) if found else 0


async def by_envoyersmspro(path: pathlib.Path, where: str, connections: int) -> int:
    """Send a list by Envoyer SMS Pro; return how many were accepted."""
    return await exchange(_envoyersmspro_bodies(path), _envoyersmspro_read, f"{where}/api/message/send", connections)


async def by_mail(path: pathlib.Path, port: int, connections: int) -> int:
    """Send a list by mails; return how many were handed over."""
    count = 0

    def mails() -> Iterator[tuple[bytes, ...]]:
        nonlocal count
        for rows in chunks(path, SIZES["Mail2SMS"]):
            people = b";33".join([phone for phone, _, _ in rows])
            header = (
                b"From: shop@example.com\r\nTo: mail2sms@allmysms.com\r\nSubject: demo@k|33%s|from=MAGASIN|date=\r\n"
            )
            yield (
                b"MAIL FROM:<shop@example.com>\r\n",
                b"RCPT TO:<mail2sms@allmysms.com>\r\n",
                b"DATA\r\n",
                header % people + b"\r\n" + TEXT.encode() + b"\r\n.\r\n",
            )
            count += len(rows)

    await hand_over(port, mails(), connections)
    return count
