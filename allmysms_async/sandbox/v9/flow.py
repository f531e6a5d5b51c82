"""The smsData flow, in JSON or XML.

Source: HTTPS API v9, §7.2 and annex 1.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

import msgspec
from lxml import etree

from allmysms_async.sandbox.state import Order, Reason, Refused

__all__ = ["MAX_PARAMS", "Element", "Flow", "Row", "json_data", "parse_flow", "scalar", "xml_root"]

MAX_PARAMS = 100
"""More parameters than any text can hold are taken for a broken flow."""

Row = Mapping[str, object]


class Element(Protocol):
    """What is used of an XML element, whose own class lxml keeps to itself."""

    @property
    def tag(self) -> object:
        """Its name."""
        ...

    @property
    def text(self) -> str | None:
        """The text before its first child."""
        ...

    def __iter__(self) -> Iterator["Element"]:
        """Give its children."""
        ...

    def __len__(self) -> int:
        """Count its children."""
        ...


class Flow:
    """A flow that could be read; whether it makes sense is told by `order`."""

    def __init__(self, data: Row, rows: list[Row]) -> None:
        """Hold the fields and the recipients."""
        self._data = data
        self._rows = rows

    def word(self, name: str) -> str:
        """Return a field without the spaces around it, empty where it is absent."""
        return scalar(self._data.get(name)).strip()

    @property
    def identifier(self) -> str:
        """The client's identifier for this request, empty where there is none."""
        return self.word("UNIQUEIDENTIFIER")

    def order(self, method: str) -> Order:
        """Return the flow as an order.

        Raises:
            Refused: A field cannot be understood.
        """
        dynamic = self._dynamic()
        names = [f"PARAM_{number}" for number in range(1, dynamic + 1)]
        return Order(
            protocol="v9",
            method=method,
            text=scalar(self._data.get("MESSAGE")),
            phones=[scalar(row.get("MOBILEPHONE")).strip() for row in self._rows],
            params=[[_param(row.get(name)) for name in names] for row in self._rows] if dynamic else [],
            dynamic=dynamic,
            sender=self.word("TPOA"),
            unicode=self.word("CODING") == "2",
            date=self.word("DATE"),
            name=self.word("CAMPAIGN_NAME"),
            client_message_id=self.word("CLIMSGID"),
            tracking=self.word("TRACKING") == "1",
            alerting=self.word("ALERTING") == "1",
            verbose=self.word("VERBOSE") == "1",
        )

    def _dynamic(self) -> int:
        """Return the number of parameters."""
        try:
            dynamic = int(self.word("DYNAMIC") or "0")
        except ValueError:
            raise Refused(Reason.BROKEN_FLOW) from None
        if not 0 <= dynamic <= MAX_PARAMS:
            raise Refused(Reason.BROKEN_FLOW)
        return dynamic


def parse_flow(raw: bytes) -> Flow:
    """Read a flow.

    Raises:
        Refused: It is empty, or neither JSON nor XML of the right shape.
    """
    raw = raw.strip()
    if not raw:
        raise Refused(Reason.EMPTY_FLOW)
    return _from_xml(raw) if raw[:1] == b"<" else _from_json(raw)


def json_data(raw: bytes) -> Row:
    """Return what a JSON flow holds under DATA, which is an object or a list of one, as printed in different annexes.

    Raises:
        Refused: It cannot be read.
    """
    try:
        document: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(Reason.BROKEN_FLOW) from None
    data = _mapping(document).get("DATA")
    listed = _listed(data)
    if len(listed) != 1:
        raise Refused(Reason.BROKEN_FLOW)
    return _mapping(listed[0])


def _from_json(raw: bytes) -> Flow:
    """Read the JSON flow of a send; SMS may be one object or a list."""
    fields = json_data(raw)
    return Flow(fields, [_mapping(row) for row in _listed(fields.get("SMS") or [])])


def xml_root(raw: bytes) -> Element:
    """Read an XML flow. A document type is refused: nothing legitimate has one, and entities grow in it.

    Raises:
        Refused: It cannot be read, or is no flow.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Refused(Reason.BROKEN_FLOW) from None
    if root.getroottree().docinfo.internalDTD is not None or root.tag != "DATA":
        raise Refused(Reason.BROKEN_FLOW)
    return root


def _from_xml(raw: bytes) -> Flow:
    """Read the XML flow of a send."""
    root = xml_root(raw)
    fields: dict[str, object] = {}
    rows: list[Row] = []
    for element in root:
        if element.tag == "SMS":
            rows.append({str(child.tag): child.text or "" for child in element})
        elif len(element):
            raise Refused(Reason.BROKEN_FLOW)
        else:
            fields[str(element.tag)] = element.text or ""
    return Flow(fields, rows)


def _listed(value: object) -> list[object]:
    """Return a list, made of one item where it is not one already."""
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _mapping(value: object) -> Row:
    if not isinstance(value, dict):
        raise Refused(Reason.BROKEN_FLOW)
    return cast("dict[str, object]", value)


def _param(value: object) -> str | None:
    """Return a parameter; an empty one is there, a null is not."""
    return None if value is None else scalar(value)


def scalar(value: object) -> str:
    """Return a scalar as text: clients send numbers and booleans where the manual prints strings."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case int() | float():
            return str(value)
        case _:
            raise Refused(Reason.BROKEN_FLOW)
