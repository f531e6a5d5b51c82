"""The short way of one text to one number: what is sent is written around what was written before, and read at once.

Most sends are one text to one number, of which text, number and key alone differ. The rest of a request is written once
by the codec, and what a gateway nearly always answers is read straight into a receipt. Whatever differs from that takes
the long way; where both write a request, or read an answer, they do the same.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec

from allmysms_async.backend import SendRequest
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.model import Accepted, Recipient, SendReceipt
from allmysms_async.plausible import RANGES
from allmysms_async.protocols.connection import Connection
from allmysms_async.protocols.form import quoted
from allmysms_async.protocols.rest.codec import Credentials, Formats, encode
from allmysms_async.protocols.rest.routes import SEND_SMS
from allmysms_async.protocols.rest.sent import SendSmsResult, SmsId
from allmysms_async.protocols.rest.sms import SendSms
from allmysms_async.text import Coding

__all__ = ["SENT_OR_NOT", "OneText", "Writer", "read_one", "writer"]

Writer: TypeAlias = Callable[[SendRequest, float, int], HttpRequest | None]

SENT_OR_NOT = frozenset({"114"})
"""The refusal that says of each number why it is no valid one: that is a receipt with every recipient rejected."""

# -- the request ------------------------------------------------------------------------------------------------------

# What stands for a text, a key and a number until there are some; the credentials come before them.
_TEXT, _KEY, _NUMBER = "TheTextOfTheMessage", "TheKeyOfTheRequest", "TheNumberOfThePerson"
_NINE_DIGITS = 9


def writer(credentials: Credentials, base_url: str, formats: Formats) -> Writer:
    """Return what writes a request for one text to one number, or None of any other.

    It takes the request, the seconds that it has, and the largest answer that is read. What it keeps holds the key, so
    it is no attribute of anything.
    """

    @functools.lru_cache(maxsize=16)
    def around(coding: Coding, sender: str | None) -> tuple[HttpRequest, bytes, bytes, bytes, bytes]:
        operation = SendSms(
            message=_TEXT,
            recipients=(Recipient(_NUMBER),),
            tpoa=sender,
            coding=int(coding),
            verbose=True,
            unique_identifier=_KEY,
        )
        form = encode(operation, credentials, base_url=base_url, timeout=1, max_response_bytes=1, formats=formats)
        left, _, end = form.body.rpartition(_NUMBER.encode())
        left, _, after_key = left.rpartition(_KEY.encode())
        begin, _, after_text = left.rpartition(_TEXT.encode())
        return form, begin, after_text, after_key, end

    def write(request: SendRequest, timeout: float, max_response_bytes: int) -> HttpRequest | None:
        message, key, recipients = request.message, request.idempotency_key, request.recipients
        if len(recipients) != 1 or request.params or request.campaign_name is not None or key is None:
            return None
        if message.send_at is not None or message.reference is not None or message.track_links or message.priority:
            return None
        phone, given = recipients[0].phone, request.text
        if type(given) is not str or type(key) is not str or type(phone) is not str:  # callers are not all typed
            return None
        if len(phone) == _NINE_DIGITS or not (key + phone).isascii() or not (key + phone).isalnum():
            return None
        try:
            text = quoted(msgspec.json.encode(given)[1:-1])
        except (UnicodeEncodeError, msgspec.EncodeError):  # for the long way to refuse
            return None
        form, begin, after_text, after_key, end = around(request.coding, message.sender)
        return HttpRequest(
            name=form.name,
            url=form.url,
            headers=form.headers,
            body=b"".join((begin, text, after_text, key.encode(), after_key, phone.encode(), end)),
            timeout=timeout,
            max_response_bytes=max_response_bytes,
        )

    def write_none(request: SendRequest, timeout: float, max_response_bytes: int) -> HttpRequest | None:
        return None

    return write if formats.flow == "json" else write_none


# -- the answer -------------------------------------------------------------------------------------------------------

_MOST = RANGES["amount"][1]
_MOST_EACH = RANGES["euros a part"][1]
_MOST_PARTS = RANGES["parts of a text"][1]
_MOST_BYTES = 4096
_LONGEST = RANGES["characters of an identifier"][1]

# From 0.0001 on Python writes a float as the gateway did, and with fewer decimals than an amount may have.
_Amount: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=0, le=_MOST)] | Annotated[float, msgspec.Meta(ge=1e-4, le=_MOST)] | None
)
_Identifier: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST)]


class _Answer(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What an ordinary answer to one text holds: nobody was refused, and no figure is out of its range."""

    status: Literal[100, 101]
    campaign_id: _Identifier
    sms_ids: Annotated[tuple[SmsId, ...], msgspec.Meta(min_length=1, max_length=1)]
    status_text: str | None = None
    invalid_numbers: Literal[""] | None = None
    credits: _Amount = None
    credits_used: _Amount = None
    nb_contacts: Annotated[int, msgspec.Meta(ge=0, le=_MOST)] | None = None
    nb_sms: Annotated[int, msgspec.Meta(ge=0, le=_MOST_PARTS)] | None = None
    balance: _Amount = None
    cost: _Amount = None


_decoder = msgspec.json.Decoder(_Answer)
_raw_decoder = msgspec.json.Decoder(dict[str, object])


def read_one(response: HttpResponse, request: SendRequest) -> SendReceipt | None:
    """Return the receipt of one text to one number that was taken, or None of an answer that is to be read with care.

    Args:
        response: What came back.
        request: What it answers, which has one recipient.
    """
    body, phone = response.body, request.recipients[0].phone
    if response.status != 200 or len(body) > _MOST_BYTES:
        return None
    try:
        answer = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):  # one of which is that it is not UTF-8
        return None
    entry, cost, parts = answer.sms_ids[0], answer.cost, answer.nb_sms
    sms_id = entry.sms_id
    if entry.phone_number != phone or not sms_id or len(sms_id) > _LONGEST:
        return None
    if not (sms_id.isprintable() and answer.campaign_id.isprintable()):
        return None
    if cost is not None and cost > _MOST_EACH * request.parts:
        return None
    # A float is read as it is written: str gives the shortest text that is the same float.
    used, left, euros, balance = [
        None if figure is None else Decimal(str(figure))
        for figure in (answer.credits_used, answer.credits, cost, answer.balance)
    ]
    return SendReceipt(
        campaign_id=answer.campaign_id,
        results=(Accepted(phone, sms_id),),
        parts=request.parts if parts is None else parts,
        credits_used=used,
        credits_left=left,
        cost=euros,
        balance=balance,
        scheduled=answer.status == 101,
        idempotency_key=request.idempotency_key,
        raw=_raw_decoder.decode(body),
    )


# -- both -------------------------------------------------------------------------------------------------------------


class OneText:
    """Sends one text to one number.

    Args:
        connection: What carries the requests.
        write: What writes them.
        read: Reads an answer with care.
    """

    def __init__(
        self,
        connection: Connection,
        write: Writer,
        read: Callable[[type[SendSms], HttpResponse, frozenset[str]], Awaitable[SendSmsResult]],
    ) -> None:
        self._connection = connection
        self._write = write
        self._read = read
        most, usual = SEND_SMS.max_response_bytes, connection.max_response_bytes
        self._most = usual if most is None else min(most, usual)

    async def send(self, request: SendRequest) -> SendReceipt | SendSmsResult | None:
        """Make one attempt.

        Returns:
            The receipt; or what the answer was read as with care; or None if nothing was sent, since the request is to
            go the long way: it is another one, or hooks are told of it.
        """
        connection, timeout = self._connection, request.timeout
        if connection.hooks:
            return None
        seconds = connection.timeout if timeout is None else connection.seconds(timeout)
        written = self._write(request, seconds, self._most)
        if written is None:
            return None
        response = await connection.send(written)
        return read_one(response, request) or await self._read(SendSms, response, SENT_OR_NOT)
