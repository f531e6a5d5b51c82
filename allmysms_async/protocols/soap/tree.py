"""Bytes of an answer -> values, by the shape of its elements; what is nested or referred to is bounded."""

from __future__ import annotations

import typing
from typing import Any

from allmysms_async.protocols.soap.document import Malformed, root_of
from allmysms_async.protocols.soap.wire import Value

__all__ = ["Fault", "read_answer"]

_MAX_REFERENCES = 64
_VISITS_PER_ELEMENT, _VISITS_ALWAYS, _MAX_VISITS = 3, 10_000, 1_500_000

_SOAP = frozenset({"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"})
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_TYPE, _NIL = f"{_XSI}type", f"{_XSI}nil"
_ARRAY_TYPE = "{http://schemas.xmlsoap.org/soap/encoding/}arrayType"
_OTHERS = frozenset(("sendSms", "getInfo", "deleteCampaign", "getAcks", "getPull", "getStop", "createSubAccount"))
_TRUE = frozenset({"true", "1"})


class Fault(Exception):
    """The answer is a SOAP Fault.

    Args:
        code: Its code without prefix, such as ``Client`` or ``Server.Busy``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_answer(body: bytes, operation: str) -> Value:
    """Return what the answer to an operation returns.

    It is read by its place, the first element in the body: SOAP leaves the name of that open, and ``…Response`` is a
    convention (SOAP 1.1, §7.1). Only what is plainly the answer to another operation is refused, or the request itself.

    Args:
        body: Bytes of the answer.
        operation: Wire name of the operation.

    Raises:
        Malformed: It is no SOAP answer to this operation.
        Fault: It is a SOAP Fault.
    """
    content = _content(root_of(body))
    first = content[0]
    if first.tag in {f"{{{namespace}}}Fault" for namespace in _SOAP}:
        raise Fault(_fault_code(first))
    name = _local(first)
    echoed = any(_local(child) == "passCode" for child in _elements(first))
    if echoed or (name.removesuffix("Response") in _OTHERS - {operation} and name.endswith("Response")):
        what = "SOAP, but not the answer to what was asked"
        raise Malformed(what)
    returned = next(_elements(first), None)
    if returned is None:
        what = "SOAP, but empty"
        raise Malformed(what)
    try:
        value = _Reader(first.getroottree()).value(returned)
    except RecursionError:
        what = "SOAP that is nested too deep"
        raise Malformed(what) from None
    if isinstance(value, str) and not name.endswith("Response"):
        what = "a word in SOAP that nothing says is an answer"  # as of a page that tells of maintenance
        raise Malformed(what)
    return value


def _content(root: Any) -> list[Any]:
    """Return what the envelope's body holds, at least one element."""
    for namespace in _SOAP:
        if root.tag == f"{{{namespace}}}Envelope":
            body = root.find(f"{{{namespace}}}Body")
            found = [] if body is None else list(_elements(body))
            if found:
                return found
            what = "a SOAP envelope with nothing in it"
            raise Malformed(what)
    what = "XML, but not SOAP"
    raise Malformed(what)


def _elements(parent: Any) -> typing.Iterator[Any]:
    """Yield the elements of an element, passing over what is none."""
    return iter(_children(parent))


def _children(parent: Any) -> list[Any]:
    """Return the elements of an element, passing over what is none."""
    # As a slice: several times as fast as to iterate.
    return [child for child in parent[:] if isinstance(child.tag, str)]


def _local(element: Any) -> str:
    """Return an element's name without its namespace."""
    name: str = element.tag
    return name.rpartition("}")[2] if name[0] == "{" else name


def _fault_code(fault: Any) -> str:
    """Return a Fault's code without its prefix, in the words of SOAP 1.1."""
    for element in _elements(fault):
        name = _local(element)
        if name == "faultcode":
            return _without_prefix(element.text or "")
        if name == "Code":
            value = next((child.text for child in _elements(element) if _local(child) == "Value"), None)
            code = _without_prefix(value or "")
            return {"Sender": "Client", "Receiver": "Server"}.get(code, code)
    return ""


def _without_prefix(name: str) -> str:
    return name.strip().rpartition(":")[2]


class _Reader:
    """Reads elements as values, following references within a budget.

    Args:
        tree: The document.
    """

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._targets: dict[str, Any] | None = None
        self._left = _MAX_VISITS
        self._path: set[str] = set()
        self._kinds: dict[str, str] = {}

    def value(self, element: Any) -> Value:
        self._left -= 1
        if self._left < 0:
            what = "SOAP whose references grow without end"
            raise Malformed(what)
        attributes = element.items()
        kind = ""
        if len(attributes) == 1 and attributes[0][0] == _TYPE:  # as nearly every element has it
            kind = self._kind(attributes[0][1])
        elif attributes:
            if element.get(_NIL) in _TRUE:
                return None
            reference = element.get("href")
            if reference is not None and not len(element):
                return self._referred(reference)
            kind = self._kind(element.get(_TYPE) or "")
            if kind != "Map" and element.get(_ARRAY_TYPE) is not None:
                kind = "Array"
        children = _children(element) if len(element) else []
        if kind == "Map":
            return self._map(children)
        if kind == "Array":
            return [self.value(child) for child in children]
        if not children:
            return {} if kind == "Struct" else element.text or ""
        names = [_local(child) for child in children]
        if names.count("item") == len(names):
            return [self.value(child) for child in children]
        return self._struct(names, children)

    def _kind(self, written: str) -> str:
        """Return what the type of an element says that it is, without prefix; any array is ``Array``."""
        kind = self._kinds.get(written)
        if kind is None:
            kind = _without_prefix(written)
            kind = self._kinds[written] = "Array" if kind.startswith("ArrayOf") else kind
        return kind

    def _struct(self, names: list[str], children: list[Any]) -> dict[str, Value]:
        """Return fields by their names; a name that comes again and again is a list."""
        values: list[Value] = []
        for child in children:  # no comprehension: it would take a frame more of each level
            values.append(self.value(child))  # noqa: PERF401
        fields: dict[str, Value] = dict(zip(names, values, strict=True))
        if len(fields) == len(names):
            return fields
        fields.clear()
        repeated: set[str] = set()
        for name, value in zip(names, values, strict=True):
            held = fields.get(name)
            if name in repeated and isinstance(held, list):
                held.append(value)
            elif name in fields:
                repeated.add(name)
                fields[name] = [held, value]
            else:
                fields[name] = value
        return fields

    def _map(self, children: list[Any]) -> dict[str, Value]:
        """Return the fields of a PHP array with keys, which comes as items of a key and a value."""
        fields: dict[str, Value] = {}
        for child in children:
            halves = _children(child)
            pair = self._struct([_local(half) for half in halves], halves)
            key = pair.get("key")
            if not isinstance(key, str) or "value" not in pair:
                what = "SOAP with a map that cannot be read"
                raise Malformed(what)
            fields[key] = pair["value"]
        return fields

    def _referred(self, reference: str) -> Value:
        name = reference.removeprefix("#")
        target = self._named().get(name)
        if target is None or not reference.startswith("#") or name in self._path:
            what = "SOAP with a reference to itself, or to nothing"
            raise Malformed(what)
        if len(self._path) >= _MAX_REFERENCES:
            what = "SOAP with references that lead too far"
            raise Malformed(what)
        self._path.add(name)
        try:
            return self.value(target)
        finally:
            self._path.discard(name)

    def _named(self) -> dict[str, Any]:
        """Return the elements that can be referred to, looked up at the first reference, which also sets the budget."""
        if self._targets is None:
            self._targets = {}
            count = 0
            for element in self._tree.iter("*"):
                count += 1
                name = element.get("id")
                if name:
                    self._targets.setdefault(name, element)
            spent = _MAX_VISITS - self._left
            self._left = min(count * _VISITS_PER_ELEMENT + _VISITS_ALWAYS, _MAX_VISITS) - spent
        return self._targets
