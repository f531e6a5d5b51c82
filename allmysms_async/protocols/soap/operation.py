"""What an operation is: its wire name, its arguments, and how its answer is read.

Source: SOAP API, C.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from allmysms_async.backend import Replay
from allmysms_async.protocols.soap.wire import Fields, Result
from allmysms_async.redaction import Shown

__all__ = ["Operation"]

R = TypeVar("R", bound=Result)


class Operation(Shown, Generic[R], frozen=True):
    """Base of the operations; a subclass's fields are its arguments.

    Class attributes:
        name: Its wire name.
        login_name: Name of the argument that holds the login: ``clientId`` for two of them.
        replay: Whether it may be repeated when its outcome is not known; only what changes nothing says ``safe``.
    """

    name: ClassVar[str] = ""
    login_name: ClassVar[str] = "clientCode"
    replay: ClassVar[Replay] = "never"

    def __repr__(self) -> str:
        """Show which operation it is: its arguments hold numbers, texts and passwords."""
        return f"<{type(self).__name__}>"

    def arguments(self) -> Mapping[str, Any]:
        """Return its arguments by their wire names, without the login and the password.

        Raises:
            InvalidRequest: One of them cannot travel.
        """
        raise NotImplementedError

    @classmethod
    def read(cls, answer: Fields) -> R:
        """Return the result that an answer holds.

        Raises:
            GatewayError: The gateway refused; its class says why.
            ProtocolError: Its status is none that the manual lists.
            Unreadable: A field is not what the manual says.
        """
        raise NotImplementedError
