"""What an operation is: its wire name, its arguments, and how its answer is read.

Source: SOAP API, C.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from allmysms_async.protocols.operation import BaseOperation
from allmysms_async.protocols.soap.routes import Route
from allmysms_async.protocols.soap.wire import Fields, Result

__all__ = ["Operation"]

R = TypeVar("R", bound=Result)


class Operation(BaseOperation[R], Generic[R], frozen=True):
    """Base of the operations; a subclass's fields are its arguments.

    Class attributes:
        route: How it is called.
    """

    route: ClassVar[Route]

    def __repr__(self) -> str:
        """Show which operation it is: its arguments hold numbers, texts and passwords."""
        return f"<{type(self).__name__}>"

    def arguments(self) -> Mapping[str, Any]:
        """Return its arguments by their wire names, beside login and password; it has none unless it says so.

        Raises:
            InvalidRequest: One of them cannot travel.
        """
        return {}

    @classmethod
    def read(cls, answer: Fields) -> R:
        """Return the result that an answer holds.

        Raises:
            GatewayError: The gateway refused; its class says why.
            ProtocolError: Its status is none that the manual lists.
            Unreadable: A field is not what the manual says.
        """
        raise NotImplementedError
