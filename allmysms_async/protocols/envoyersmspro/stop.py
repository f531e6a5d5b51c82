"""STOP SMS: the numbers that are not texted any more, asked about one by one.

Source: Envoyer SMS Pro, "Fonction activation STOP SMS", "désactivation", "consultation".
"""

from __future__ import annotations

from allmysms_async.protocols.envoyersmspro import routes
from allmysms_async.protocols.envoyersmspro.answer import Node, Unreadable
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, international
from allmysms_async.protocols.operation import Method, Resource

__all__ = ["ActivateStop", "CheckStop", "CheckStopResult", "DeactivateStop", "StopResult", "Stops"]


def _phone(number: str) -> dict[str, str]:
    return {"phonenumber": international(number)}


class StopResult(Result, frozen=True, kw_only=True):
    """Answer to ``ActivateStop`` and ``DeactivateStop``.

    Attributes:
        phone_number: The number.
    """

    phone_number: str


class ActivateStop(Operation[StopResult], frozen=True):
    """Bar a number from being texted.

    Source: Envoyer SMS Pro, "Fonction activation STOP SMS".

    Args:
        phone_number: Digits with the country code.
    """

    phone_number: str

    route = routes.ACTIVATE_STOP

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return _phone(self.phone_number)

    @classmethod
    def read(cls, answer: Node) -> StopResult:
        """Return what a successful answer says."""
        return StopResult(phone_number=answer.one("stopsms").one("phone_number").text, raw=answer.kept())


class DeactivateStop(Operation[StopResult], frozen=True):
    """Let a number be texted again.

    Source: Envoyer SMS Pro, "Fonction désactivation STOP SMS".

    Args:
        phone_number: Digits with the country code.
    """

    phone_number: str

    route = routes.DEACTIVATE_STOP

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return _phone(self.phone_number)

    @classmethod
    def read(cls, answer: Node) -> StopResult:
        """Return what a successful answer says."""
        return StopResult(phone_number=answer.one("stopsms").one("phone_number").text, raw=answer.kept())


class CheckStopResult(Result, frozen=True, kw_only=True):
    """Answer to ``CheckStop``.

    Attributes:
        phone_number: The number.
        active: Whether it is barred.
    """

    phone_number: str
    active: bool


class CheckStop(Operation[CheckStopResult], frozen=True):
    """Ask whether a number is barred.

    Source: Envoyer SMS Pro, "Fonction consultation STOP SMS".

    Args:
        phone_number: Digits with the country code.
    """

    phone_number: str

    route = routes.CHECK_STOP

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return _phone(self.phone_number)

    @classmethod
    def read(cls, answer: Node) -> CheckStopResult:
        """Return what a successful answer says."""
        stop = answer.one("stopsms")
        status = stop.one("stop_sms_status_id").text
        if status not in {"0", "1"}:
            raise Unreadable("stop_sms_status_id")
        return CheckStopResult(phone_number=stop.one("phone_number").text, active=status == "1", raw=answer.kept())


class Stops(Resource):
    """STOP SMS."""

    activate = Method(ActivateStop)
    deactivate = Method(DeactivateStop)
    check = Method(CheckStop)
