"""What became of a message, recipient by recipient.

Source: Envoyer SMS Pro, "Fonction statistiques des messages".
"""

from __future__ import annotations

from datetime import datetime

from allmysms_async.protocols.envoyersmspro import routes
from allmysms_async.protocols.envoyersmspro.answer import Node
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, identifier
from allmysms_async.redaction import Discreet

__all__ = ["GetMessageStats", "GetMessageStatsResult", "RecipientStats"]


class RecipientStats(Discreet, frozen=True, kw_only=True):
    """What became of one recipient's text.

    Attributes:
        mobile_number: The number.
        delivered_date: When it was delivered, or None.
        status_id: 1 delivered, 2 not delivered, 3 handed to the operator, 4 being handled, 5 opted out.
    """

    mobile_number: str
    delivered_date: datetime | None = None
    status_id: str


class GetMessageStatsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetMessageStats``.

    Attributes:
        counts: How many recipients have each status id.
        recipients: What became of each.
    """

    counts: dict[str, int]
    recipients: tuple[RecipientStats, ...]


class GetMessageStats(Operation[GetMessageStatsResult], frozen=True):
    """Fetch what became of a message, recipient by recipient.

    Source: Envoyer SMS Pro, "Fonction statistiques des messages".

    Args:
        message_id: As returned by the send.

    Raises:
        CampaignNotFound: The provider does not know it.
        CampaignPending: It was not sent yet.
    """

    message_id: str

    route = routes.GET_MESSAGE_STATS

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return {"messageid": identifier("message_id", self.message_id)}

    @classmethod
    def read(cls, answer: Node) -> GetMessageStatsResult:
        """Return what a successful answer says."""
        stats = answer.one("stats")
        prefix = "number_status_"
        return GetMessageStatsResult(
            counts={
                child.name.removeprefix(prefix): stats.count(child.name) or 0
                for child in stats.children
                if child.name.startswith(prefix)
            },
            recipients=tuple(
                RecipientStats(
                    mobile_number=entry.one("mobile_number").text,
                    delivered_date=entry.moment("delivered_date"),
                    status_id=entry.one("status_id").text,
                )
                for entry in stats.every("recipient")
            ),
            raw=answer.kept(),
        )
