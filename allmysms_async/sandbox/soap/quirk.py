"""What PHP's answers are known to get wrong, and Faults, on demand.

Source: SOAP API, C (`<status xsi:type="xsd:int">OK`, `<cliMsgId xsi:type="xsd:boolean">myMsgId`).
"""

import re
from collections.abc import Callable, Mapping

from allmysms_async.sandbox.exchange import Reply

from .render import fault

__all__ = ["ALTERED", "BEFORE"]

BEFORE: Mapping[str, Reply] = {
    "soap_fault_client": fault("Client", "Bad Request"),
    "soap_fault_server": fault("Server", "Internal Error"),
}
"""Faults that strike before the request has any effect."""

_WORDS = re.compile(rb'<(status|mobilePhone|phoneNumber) xsi:type="xsd:string">')
_IDENTIFIER = re.compile(rb'<cliMsgId xsi:type="xsd:string">')
_ITEM = re.compile(rb"<item( xsi:type=\"SOAP-ENC:Struct\">.*?)</item>", re.DOTALL)


def _int_words(reply: Reply) -> Reply:
    """Type words and phone numbers as int."""
    return Reply(_WORDS.sub(rb'<\1 xsi:type="xsd:int">', reply.body), reply.content_type, reply.status)


def _boolean_text(reply: Reply) -> Reply:
    """Type the client's identifier as boolean."""
    body = _IDENTIFIER.sub(b'<cliMsgId xsi:type="xsd:boolean">', reply.body)
    return Reply(body, reply.content_type, reply.status)


def _referred(reply: Reply) -> Reply:
    """Move the elements of lists behind the answer, and refer to them."""
    moved: list[bytes] = []

    def move(found: re.Match[bytes]) -> bytes:
        moved.append(b'<multiRef id="ref%d"%s</multiRef>' % (len(moved) + 1, found[1]))
        return b'<item href="#ref%d"/>' % len(moved)

    body = _ITEM.sub(move, reply.body)
    body = body.replace(b"</SOAP-ENV:Body>", b"".join(moved) + b"</SOAP-ENV:Body>")
    return Reply(body, reply.content_type, reply.status)


ALTERED: Mapping[str, Callable[[Reply], Reply]] = {
    "soap_int_ok": _int_words,
    "soap_boolean_text": _boolean_text,
    "soap_href": _referred,
    "soap_fault_server_after": lambda _: fault("Server", "Internal Error", status=200),
}
"""Faults that strike the answer of a request that was carried out."""
