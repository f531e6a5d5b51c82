"""Answers of v9 as JSON or XML.

Source: HTTPS API v9, §5 and the sample answers.
"""

import html
import re
from typing import cast

import msgspec

from allmysms_async.sandbox.exchange import Reply

from .status import Answer

__all__ = ["render"]

_ITEMS = {
    "acks": "ack",
    "blacklist": "contact",
    "campaigns": "campaign",
    "contacts": "contact",
    "countries": "country",
    "discardedNumbersDetails": "discardedNumber",
    "domains": "domain",
    "lists": "list",
    "mos": "mo",
    "msisdnList": "sms",
    "smsIds": "sms",
    "subAccounts": "subAccount",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.\-]|^(?![A-Za-z_])")

_json = msgspec.json.Encoder()


def render(root: str, answer: Answer, *, xml: bool) -> Reply:
    """Write an answer out; only XML has a root element."""
    if not xml:
        return Reply(_json.encode(answer))
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{_children(answer)}</{root}>\n'
    return Reply(document.encode(), "text/xml; charset=UTF-8")


def _children(fields: Answer) -> str:
    return "".join(
        [f"<{tag}>{_content(name, value)}</{tag}>" for name, value in fields.items() for tag in (_tag(name),)]
    )


def _tag(name: str) -> str:
    """Return a field's name as an element can be called: the columns of contact lists are the caller's own words."""
    return _NOT_A_NAME.sub("_", name) if _NOT_A_NAME.search(name) else name


def _content(name: str, value: object) -> str:
    """Write what goes inside an element; lists get an element per item."""
    match value:
        case dict():
            return _children(cast("Answer", value))
        case list():
            item = _ITEMS[name]
            return "".join([f"<{item}>{_content(item, each)}</{item}>" for each in cast("list[object]", value)])
        case bool():
            return "true" if value else "false"
        case str():
            return html.escape(_NOT_XML.sub("", value), quote=False)
        case _:
            return str(value)
