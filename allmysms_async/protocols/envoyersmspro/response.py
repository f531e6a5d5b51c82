"""Responses: what people answered to a message that asked for it.

Source: Envoyer SMS Pro, "Fonction consultation des réponses".
"""

from __future__ import annotations

from datetime import datetime

from allmysms_async.errors import InvalidRequest
from allmysms_async.numbers import mask
from allmysms_async.protocols.envoyersmspro import routes
from allmysms_async.protocols.envoyersmspro.answer import Node
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, identifier
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.redaction import Discreet

__all__ = ["PAGE", "GetResponses", "GetResponsesResult", "Response", "Responses"]

PAGE = 50
"""Responses in one answer at most."""


class Response(Discreet, frozen=True, kw_only=True):
    """One response.

    Attributes:
        mobile_number: Who answered.
        date: When, or None.
        content: The answer.
    """

    mobile_number: str
    date: datetime | None = None
    content: str = ""

    def __repr__(self) -> str:
        """Show the number masked, and nothing of the answer."""
        return f"<Response {mask(self.mobile_number)} {len(self.content)} characters>"


class GetResponsesResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetResponses``.

    Attributes:
        number_of_responses: How many there are in all.
        responses: Those from the offset on, 50 at most.
    """

    number_of_responses: int
    responses: tuple[Response, ...]


class GetResponses(Operation[GetResponsesResult], frozen=True):
    """Fetch up to 50 responses to a message.

    Source: Envoyer SMS Pro, "Fonction consultation des réponses".

    Args:
        message_id: As returned by the send.
        offset: The first one to fetch, from 0; not more than there are.

    Raises:
        CampaignNotFound: The provider does not know the message.
        NoReplies: It was sent without asking for replies.
    """

    message_id: str
    offset: int = 0

    route = routes.GET_RESPONSES

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        if self.offset < 0:
            msg = f"offset is {self.offset}, it must be at least 0; nothing was sent."
            raise InvalidRequest(msg)
        fields = {"messageid": identifier("message_id", self.message_id)}
        return fields | ({"offset": str(self.offset)} if self.offset else {})

    @classmethod
    def read(cls, answer: Node) -> GetResponsesResult:
        """Return what a successful answer says."""
        responses = answer.one("responses")
        entries = tuple(
            Response(
                mobile_number=entry.one("mobile_number").text,
                date=entry.moment("date"),
                content=entry.word("content") or "",
            )
            for entry in responses.every("response")
        )
        number = responses.count("number_of_response", "number_of_responses")
        return GetResponsesResult(
            number_of_responses=len(entries) if number is None else number, responses=entries, raw=answer.kept()
        )


class Responses(Resource):
    """Responses."""

    get = Method(GetResponses)
