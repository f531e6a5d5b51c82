"""Reading a call: envelope -> the operation's name, and its arguments.

As PHP does it: types are taken for hints, lists come as `item` elements, objects and hashes become fields.

Source: SOAP API, C; SOAP 1.1, section 5.
"""

from dataclasses import dataclass, field
from typing import Any, Union

from lxml import etree

__all__ = ["Broken", "Call", "Value", "fields", "read_call", "rows", "word"]

Value = Union[str, list["Value"], dict[str, "Value"], None]  # noqa: UP007 - names itself, in quotes

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_MAX_STEPS = 2_000_000


class Broken(ValueError):
    """The request is no SOAP call."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that is called, and its arguments."""

    name: str
    arguments: dict[str, Value] = field(repr=False)

    def word(self, *names: str) -> str:
        """Return the first argument of some names that is there, as text."""
        return next((word(self.arguments[name]) for name in names if name in self.arguments), "")


def word(value: Value) -> str:
    """Return a scalar as text without the spaces around it; anything else is empty."""
    return value.strip() if isinstance(value, str) else ""


def fields(value: Value) -> dict[str, Value]:
    """Return the fields of an object; anything else has none."""
    return value if isinstance(value, dict) else {}


def rows(value: Value) -> list[Value]:
    """Return the elements of a list; nothing, and an empty element, is an empty one."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        held = value.get("item")
        return held if isinstance(held, list) else [held] if held is not None else []
    return []


def read_call(body: bytes) -> Call:
    """Read an envelope. A document type is refused: nothing legitimate has one, and entities grow in it.

    Raises:
        Broken: It is not one.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Broken from None
    if root.getroottree().docinfo.internalDTD is not None or root.tag != f"{{{_ENVELOPE}}}Envelope":
        raise Broken
    content = root.find(f"{{{_ENVELOPE}}}Body")
    if content is None or not len(content):
        raise Broken
    called = content[0]
    reader = _Reader({str(element.get("id")): element for element in root.iter() if element.get("id")})
    return Call(etree.QName(called).localname, {_name(child): reader.value(child) for child in called})


def _name(element: Any) -> str:
    """Return an element's name without its namespace."""
    return etree.QName(element).localname


class _Reader:
    """Turns elements into values, following `href`."""

    def __init__(self, targets: dict[str, Any]) -> None:
        """Know what can be referred to."""
        self._targets = targets
        self._steps = 0
        self._depth = 0

    def value(self, element: Any) -> Value:
        """Return what an element holds.

        Raises:
            Broken: It refers to itself, or to nothing.
        """
        self._steps += 1
        self._depth += 1
        if self._steps > _MAX_STEPS or self._depth > 200:
            raise Broken
        try:
            return self._read(element)
        finally:
            self._depth -= 1

    def _read(self, element: Any) -> Value:
        reference = element.get("href")
        if reference:
            target = self._targets.get(reference.removeprefix("#"))
            if target is None:
                raise Broken
            return self.value(target)
        if element.get(f"{{{_SCHEMA_INSTANCE}}}nil") in ("true", "1"):
            return None
        kind = (element.get(f"{{{_SCHEMA_INSTANCE}}}type") or "").rpartition(":")[2]
        children = list(element)
        if kind == "Map":
            return {word(self.value(child[0])): self.value(child[1]) for child in children if len(child) == 2}
        is_list = kind == "Array" or kind.startswith("ArrayOf") or element.get(f"{{{_ENCODING}}}arrayType")
        if is_list or (children and all(_name(child) == "item" for child in children)):
            return [self.value(child) for child in children]
        if children:
            return {_name(child): self.value(child) for child in children}
        return element.text or ""
