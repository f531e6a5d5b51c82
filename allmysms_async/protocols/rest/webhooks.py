"""Addresses that the gateway calls with reports and answers as they come.

Source: HTTPS API v9, §41 to §43.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from allmysms_async.errors import InvalidRequest
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Done, Result, Wire

__all__ = [
    "ConfigureWebhook",
    "ConfigureWebhookResult",
    "DeleteWebhook",
    "DeleteWebhookResult",
    "GetWebhook",
    "GetWebhookResult",
    "WebhookType",
    "Webhooks",
]

WebhookType: TypeAlias = Literal["dlr", "mo"]
"""``dlr`` is called with delivery reports, ``mo`` with answers."""


class GetWebhookResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetWebhook``; an address that is not set is an empty text.

    Attributes:
        webhook_dlr: Called with delivery reports.
        webhook_mo: Called with answers.
    """

    webhook_dlr: Annotated[str | None, Wire(trim=True)] = None
    webhook_mo: Annotated[str | None, Wire(trim=True)] = None


class ConfigureWebhookResult(Done, frozen=True, kw_only=True):
    """Answer to ``ConfigureWebhook``."""


class DeleteWebhookResult(ConfigureWebhookResult, frozen=True, kw_only=True):
    """Answer to ``DeleteWebhook``, with the fields of the answer to ``ConfigureWebhook``."""


class GetWebhook(Operation[GetWebhookResult], frozen=True):
    """Fetch the addresses that are called.

    Source: HTTPS API v9, §41.

    Raises:
        GatewayError: The gateway answered with an error.
    """

    route = routes.GET_WEBHOOK


def _check(kind: str) -> None:
    """Refuse a type that the gateway does not have."""
    if kind not in {"dlr", "mo"}:
        msg = "The type of a webhook must be dlr (delivery reports) or mo (answers); nothing was sent."
        raise InvalidRequest(msg)


class ConfigureWebhook(Operation[ConfigureWebhookResult], frozen=True):
    """Set the address that is called with reports or with answers.

    The gateway tries the address at once. It may limit the number of calls.

    Source: HTTPS API v9, §42.

    Args:
        type: ``dlr`` for delivery reports, ``mo`` for answers.
        url: The address; it must answer ``OK`` within 5 seconds.

    Raises:
        GatewayError: The address did not answer so; the webhook is as it was.
    """

    type: WebhookType
    url: str

    route = routes.CONFIGURE_WEBHOOK

    def __post_init__(self) -> None:
        """Refuse an unknown type."""
        _check(self.type)


class DeleteWebhook(Operation[DeleteWebhookResult], frozen=True):
    """Stop the calls to the address set before.

    Source: HTTPS API v9, §43.

    Args:
        type: ``dlr`` for delivery reports, ``mo`` for answers.

    Raises:
        GatewayError: The gateway refused; the webhook is as it was.
    """

    type: WebhookType

    route = routes.DELETE_WEBHOOK

    def __post_init__(self) -> None:
        """Refuse an unknown type."""
        _check(self.type)


class Webhooks(Resource):
    """Addresses that the gateway calls with reports and answers as they come."""

    get_webhook = Method(GetWebhook)
    configure_webhook = Method(ConfigureWebhook)
    delete_webhook = Method(DeleteWebhook)
