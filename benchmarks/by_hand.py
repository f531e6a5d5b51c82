"""Two ways without the library to send a list: the least that a loop written by hand can do, and the plain way.

The floor reads a CSV file in blocks, finds numbers by one pattern, drops duplicates by a set, writes each request by
msgspec, quotes it, exchanges it over a bare socket and reads the answer into types. It checks nothing else: no header,
no land line, no length of a text, no retry, no record. The plain way is what most people write first.
"""

from __future__ import annotations

import asyncio
import csv
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
import phonenumbers

__all__ = ["SIZE", "TEXTS", "chunks", "exchange", "floor", "plain", "quoted", "write_list"]

SIZE = 1000
"""Recipients in a request."""

TEXTS = {0: "Soldes demain, -20 %. STOP au 36180", 2: "Bonjour #param_1#, -20 % avec le code #param_2#. STOP au 36180"}
"""The text for so many parameters."""

_NAMES = ("Marie", "Jean", "Paul", "Lucas", "Anne", "Luc", "Nina", "Hugo")
_row = re.compile(rb"^0([67][0-9]{8});([^;\n]*);([^;\n]*)$", re.MULTILINE)
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_ESCAPES = tuple((bytes([byte]), b"%%%02X" % byte) for byte in b'%":,{}[]+&=#/')
_REST = re.compile(rb"[^A-Za-z0-9_.\-~%+]")


def write_list(path: pathlib.Path, count: int) -> None:
    """Write so many people, each with a name and a code."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("mobile;prenom;code\n")
        for number in range(count):
            file.write(f"06{10_000_000 + number:08d};{_NAMES[number % 8]};C{number:07d}\n")


class _Entry(msgspec.Struct, rename={"phone": "MOBILEPHONE"}):
    phone: str


class _Pair(msgspec.Struct, rename={"phone": "MOBILEPHONE", "first": "PARAM_1", "second": "PARAM_2"}):
    phone: str
    first: str
    second: str


class _SmsId(msgspec.Struct):
    phoneNumber: str  # the wire's name
    smsId: str


class _Answer(msgspec.Struct):
    status: int
    campaignId: str
    smsIds: list[_SmsId]


_decoder = msgspec.json.Decoder(_Answer)


def chunks(path: pathlib.Path, size: int = SIZE) -> Iterator[list[tuple[bytes, bytes, bytes]]]:
    """Yield the rows of a file, so many at a time, each number once."""
    seen: set[int] = set()
    rows: list[tuple[bytes, bytes, bytes]] = []
    with path.open("rb") as file:
        rest = b""
        while block := file.read(1 << 18):
            head, _, rest = (rest + block).rpartition(b"\n")
            for row in _row.findall(head):
                number = int(row[0])
                if number not in seen:
                    seen.add(number)
                    rows.append(row)
                    if len(rows) == size:
                        yield rows
                        rows = []
    if rows:
        yield rows


def quoted(value: bytes) -> bytes:
    """Return a form field's value as it travels."""
    for byte, escape in _ESCAPES:
        value = value.replace(byte, escape)
    value = value.replace(b" ", b"+")
    return _REST.sub(lambda found: b"%%%02X" % found[0][0], value)


def _body(rows: list[tuple[bytes, bytes, bytes]], params: int) -> bytes:
    people: list[_Entry] | list[_Pair]
    if params:
        people = [_Pair("33" + phone.decode(), first.decode(), second.decode()) for phone, first, second in rows]
    else:
        people = [_Entry("33" + phone.decode()) for phone, _, _ in rows]
    data: dict[str, object] = {"MESSAGE": TEXTS[params], "DYNAMIC": params, "SMS": people}
    return b"login=demo&apiKey=k&returnformat=json&smsData=" + quoted(msgspec.json.encode({"DATA": data}))


def _read(answer: bytes) -> int:
    """Return how many an answer accepts."""
    return len({entry.phoneNumber: entry.smsId for entry in _decoder.decode(answer).smsIds})


async def exchange(bodies: Iterator[bytes], read: Callable[[bytes], int], address: str, connections: int) -> int:
    """Post bodies over bare sockets; return how many their answers accept in all."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 0

    async def work() -> int:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        count = 0
        try:
            for body in bodies:
                head = f"POST {parts.path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                length = _LENGTH.search(await reader.readuntil(b"\r\n\r\n"))
                count += read(await reader.readexactly(int(length[1]) if length else 0))
        finally:
            writer.close()
        return count

    return sum(await asyncio.gather(*(work() for _ in range(connections))))


async def floor(path: pathlib.Path, params: int, base_url: str, connections: int) -> int:
    """Send a list as a loop written by hand does; return how many were accepted."""
    bodies = (_body(rows, params) for rows in chunks(path))
    return await exchange(bodies, _read, f"{base_url}/http/9.0/sendSms", connections)


async def plain(path: pathlib.Path, params: int, base_url: str, connections: int) -> int:
    """Send a list as most people do first: csv, phonenumbers, json, urlencode, httpx; return how many were accepted."""
    seen: set[str] = set()
    accepted = 0
    limit = asyncio.Semaphore(connections)

    async def send(client: httpx.AsyncClient, people: list[dict[str, str]]) -> None:
        nonlocal accepted
        data = {"DATA": {"MESSAGE": TEXTS[params], "DYNAMIC": params, "SMS": people}}
        form = {"login": "demo", "apiKey": "k", "returnformat": "json", "smsData": json.dumps(data)}
        async with limit:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = await client.post(f"{base_url}/http/9.0/sendSms", content=urlencode(form), headers=headers)
        accepted += len({entry["phoneNumber"]: entry["smsId"] for entry in answer.json()["smsIds"]})

    people: list[dict[str, str]] = []
    waiting: list[asyncio.Task[None]] = []
    async with httpx.AsyncClient(timeout=60) as client:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                number = phonenumbers.parse(row["mobile"], "FR")
                if not phonenumbers.is_valid_number(number):
                    continue
                phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
                if phone in seen:
                    continue
                seen.add(phone)
                person = {"MOBILEPHONE": phone}
                if params:
                    person |= {"PARAM_1": row["prenom"], "PARAM_2": row["code"]}
                people.append(person)
                if len(people) == SIZE:
                    waiting.append(asyncio.create_task(send(client, people)))
                    people = []
                    await asyncio.sleep(0)
        if people:
            waiting.append(asyncio.create_task(send(client, people)))
        await asyncio.gather(*waiting)
    return accepted
