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
    "campaigns": "campaign",
    "discardedNumbersDetails": "discardedNumber",
    "msisdnList": "sms",
    "smsIds": "sms",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_json = msgspec.json.Encoder()


def render(root: str, answer: Answer, *, xml: bool) -> Reply:
    """Write an answer out; only XML has a root element."""
    if not xml:
        return Reply(_json.encode(answer))
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{_children(answer)}</{root}>\n'
    return Reply(document.encode(), "text/xml; charset=UTF-8")


def _children(fields: Answer) -> str:
    """Write fields as elements."""
    return "".join([f"<{name}>{_content(name, value)}</{name}>" for name, value in fields.items()])


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
