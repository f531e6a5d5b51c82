"""The data flows that are no sends, in JSON or XML: accountData, listData, populateData, deleteData, vocalData.

Source: HTTPS API v9, annexes 5, 7, 8, 10 and 12.
"""

from collections.abc import Mapping
from typing import cast

from allmysms_async.sandbox.state import Reason, Refused

from .flow import Element, Row, json_data, scalar, xml_root

__all__ = ["Record", "parse_record"]


class Record:
    """What a flow holds under DATA."""

    def __init__(self, fields: Row) -> None:
        """Hold the fields."""
        self._fields = fields

    def word(self, name: str) -> str:
        """Return a field without the spaces around it, empty where it is absent."""
        return scalar(self._fields.get(name)).strip()

    def words(self) -> dict[str, str]:
        """Return every field that is given."""
        return {name: self.word(name) for name, value in self._fields.items() if value is not None}

    def rows(self, name: str, item: str = "") -> list[dict[str, str]]:
        """Return a list of objects; XML wraps some lists in an element per item."""
        value = self._fields.get(name)
        if item and isinstance(value, Mapping) and set(cast("Row", value)) == {item}:
            value = cast("Row", value)[item]
        if value is None or value == "":
            return []
        rows: list[dict[str, str]] = []
        listed = cast("list[object]", value if isinstance(value, list) else [value])
        for row in listed:
            if not isinstance(row, Mapping):
                raise Refused(Reason.BROKEN_FLOW)
            rows.append({key: scalar(one).strip() for key, one in cast("Row", row).items()})
        return rows


def parse_record(raw: bytes) -> Record:
    """Read a flow.

    Raises:
        Refused: It is empty, or neither JSON nor XML of the right shape.
    """
    raw = raw.strip()
    if not raw:
        raise Refused(Reason.EMPTY_FLOW)
    return Record(_fields(xml_root(raw)) if raw[:1] == b"<" else json_data(raw))


def _fields(parent: Element) -> dict[str, object]:
    """Return an element's children; those of one name are a list."""
    fields: dict[str, object] = {}
    for element in parent:
        name = str(element.tag)
        value: object = _fields(element) if len(element) else element.text or ""
        if name not in fields:
            fields[name] = value
            continue
        held = fields[name]
        fields[name] = [*cast("list[object]", held), value] if isinstance(held, list) else [held, value]
    return fields
