"""What an operation of Envoyer SMS Pro is: its parameters, its result, and how it is called.

One class is one function of the manual.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from allmysms_async import argument
from allmysms_async.errors import InvalidNumber, InvalidRequest
from allmysms_async.protocols.envoyersmspro.answer import Node
from allmysms_async.protocols.envoyersmspro.routes import Route
from allmysms_async.protocols.operation import BaseOperation
from allmysms_async.redaction import Discreet

__all__ = ["Operation", "Result", "identifier", "international"]


class Result(Discreet, frozen=True, kw_only=True):
    """Base of the typed answers.

    Attributes:
        raw: The whole answer under the provider's own names.
    """

    raw: Mapping[str, object] = {}


R = TypeVar("R", bound=Result)


class Operation(BaseOperation[R], Generic[R], frozen=True):
    """Base of the operations.

    Class attributes:
        route: How it is called.
    """

    route: ClassVar[Route]

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names; it has none unless it says so.

        Raises:
            InvalidRequest: One of them cannot be right.
        """
        return {}

    @classmethod
    @abstractmethod
    def read(cls, answer: Node) -> R:
        """Return the result that a successful answer holds.

        Raises:
            Unreadable: It is not what the manual says.
        """


_is_identifier = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


def identifier(what: str, value: str) -> str:
    """Return an identifier of the provider's, which are all numbers.

    Raises:
        InvalidRequest: It is none.
    """
    if not _is_identifier(argument.text(what, value)):
        msg = f"{what} is not one of the provider's: they are whole numbers; nothing was sent."
        raise InvalidRequest(msg)
    return value


_is_international = re.compile(r"[1-9][0-9]{7,14}", re.ASCII).fullmatch


def international(number: str) -> str:
    """Return a number as the provider takes it.

    Raises:
        InvalidNumber: It is not digits with the country code.
    """
    if not _is_international(number):
        msg = "The number must be digits with the country code and no +, such as 33600000000; nothing was sent."
        raise InvalidNumber(msg, reason="malformed")
    return number
