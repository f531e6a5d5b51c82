"""What an operation of the HTTPS API v9 is: its fields, its result, and how its answer says no.

One class is one operation. Its struct fields travel as form fields, or as variables of its data flow; ``routes`` says
which, and the codec does the rest.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from allmysms_async.errors import AllMySmsError, GatewayError, NoValidNumber, ProtocolError
from allmysms_async.model import Secret
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.operation import BaseOperation
from allmysms_async.protocols.refusal import refusal
from allmysms_async.protocols.rest import status
from allmysms_async.protocols.rest.naming import camel, shout, wire_date
from allmysms_async.protocols.rest.routes import Route
from allmysms_async.protocols.rest.scalar import plain_status
from allmysms_async.protocols.rest.wire import Raw, Result, known_names
from allmysms_async.redaction import Unshown, one_line

R = TypeVar("R", bound=Result)


class Operation(BaseOperation[R], Generic[R], frozen=True):
    """Base of the operations.

    Class attributes:
        route: How it is called, and what its answers mean.
    """

    route: ClassVar[Route]

    def __repr__(self) -> str:
        """Show which fields are given, and nothing of their values: texts and numbers are among them."""
        given = ", ".join(name for name in self.__struct_fields__ if getattr(self, name) is not None)
        return f"<{type(self).__name__} {given}>"

    @property
    def idempotency_key(self) -> str | None:
        """The identifier that makes repeating it safe for 24 hours, where it has one."""
        return getattr(self, "unique_identifier", None)

    @property
    def rows(self) -> int:
        """How many rows the longest of its fields has."""
        fields = (getattr(self, name) for name in self.__struct_fields__)
        lengths = (
            len(typing.cast("Sequence[object]", one))
            for one in fields
            if isinstance(one, Sequence) and not isinstance(one, str)
        )
        return max(lengths, default=0)

    def values(self, *, beside: bool = False) -> dict[str, str]:
        """Return its own fields under their wire names, without those that are None.

        Args:
            beside: Those that travel beside the data flow, instead of the others.
        """
        values: dict[str, str] = {}
        for name, wire_name, is_beside in _wire_names(type(self)):
            value = getattr(self, name)
            if value is not None and is_beside is beside:
                values[wire_name] = _written(value)
        return values

    def data(self) -> dict[str, object]:
        """Return what its data flow holds under ``DATA``."""
        return dict(self.values())

    def flow(self) -> bytes:
        """Return its data flow in JSON; as ``Quoted`` where it is percent-encoded already."""
        flow, data = self.route.flow, self.data()
        return msgspec.json.encode({"DATA": [data] if flow is not None and flow.listed else data})

    @classmethod
    def refused(cls, answer: Raw) -> AllMySmsError | None:
        """Return the error that an answer stands for, or None for success.

        Errors ride on HTTP 200: as a status, or as ``error`` in place of what was asked for.
        """
        code, words = status_code(answer), _word(answer.get("statusText", answer.get("text")))
        if cls.confirmed(code, answer):
            return None
        route = cls.route
        known = refusal(route.answers.statuses, code, cls.name, words)
        known = known or refusal({"102": status.SEND["102"]}, code, cls.name, words)
        if isinstance(known, NoValidNumber):
            listed = _word(answer.get("invalidNumbers") or answer.get("invalidEmails"))
            known.numbers = Unshown(read_gateway_number(raw) for raw in listed.split("|") if raw.strip())
        if known is not None:
            return known
        error = _word(answer.get("error"))
        if error and (route.says_error or route.replay == "safe"):
            msg = f"{cls.name}: the gateway answered with an error: {one_line(error)}"
            return GatewayError(msg, request=cls.name)
        if route.replay != "safe" and not route.says_error:
            # Only a listed refusal is the gateway's word that nothing was sent; anything else leaves it open.
            msg = f"{cls.name}: the answer's status {one_line(code)!r} is not one that the manual lists; "
            msg += "the request may have been taken."
            return ProtocolError(msg, request=cls.name, code=one_line(code) or None)
        if route.answers.successes:
            msg = f"{cls.name}: the answer's status {one_line(code)!r} is not one that the manual lists."
            return ProtocolError(msg, request=cls.name, code=one_line(code) or None)
        names = known_names(cls.result_type())
        if answer.keys().isdisjoint(names - {"status"}) or (code == "0" and "status" not in names):
            if words or code.isdigit():
                msg = f"{cls.name}: the gateway answered with status {one_line(code)!r}: {one_line(words)}"
                return GatewayError(msg, request=cls.name, code=one_line(code) or None)
            if not code:
                return ProtocolError(f"{cls.name}: the answer holds nothing of what was asked for.", request=cls.name)
        return None

    @staticmethod
    def read_ordinary(body: bytes) -> Result | None:
        """Return what an answer holds that is a success in its usual form, or None: it is to be read with care."""
        return None

    @classmethod
    def confirmed(cls, code: str, answer: Raw) -> bool:
        """Return whether an answer says that what was asked is done; what that takes differs by operation.

        Args:
            code: Its status, empty if there is none.
            answer: All of it.
        """
        return code in cls.route.answers.successes


def status_code(answer: Raw) -> str:
    """Return an answer's status as its tables have it: without blanks around it, and a figure without a fraction."""
    return plain_status(_word(answer.get("status")))


def _word(value: object) -> str:
    """Return a scalar as text, anything else as nothing."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return wire_date(value)
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


@functools.cache
def _wire_names(kind: type[Operation[Any]]) -> tuple[tuple[str, str, bool], ...]:
    """Return the fields that travel by themselves, each with its wire name and whether beside the data flow."""
    route, flow = kind.route, kind.route.flow
    names: list[tuple[str, str, bool]] = []
    for name in kind.__struct_fields__:
        is_beside = flow is not None and name in flow.beside
        if flow is None or name not in flow.rows:
            naming = camel if flow is None or is_beside else shout
            names.append((name, route.names.get(name) or naming(name), is_beside))
    return tuple(names)
