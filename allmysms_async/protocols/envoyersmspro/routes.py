"""The twelve functions at a glance: how each is called, and whether it may be repeated.

Source: Envoyer SMS Pro.
"""

from __future__ import annotations

from allmysms_async.protocols.operation import BaseRoute


class Route(BaseRoute, frozen=True):
    """How a function is called; its name is the last two parts of its address, exactly as printed."""


# Messages.
SEND_MESSAGE = Route("message/send", "never")
GET_MESSAGE_STATS = Route("message/stats", "safe")
CANCEL_MESSAGE = Route("message/cancel", "never")

# Accounts.
GET_ACCOUNT_STATUS = Route("account/status", "safe")
GET_ALL_ACCOUNTS = Route("account/getallaccounts", "safe")
CREATE_ACCOUNT = Route("account/create", "never")
DELETE_ACCOUNT = Route("account/delete", "never")
TRANSFER_SMS = Route("account/transfer", "never")

# STOP SMS.
ACTIVATE_STOP = Route("stopsms/activate", "never")
DEACTIVATE_STOP = Route("stopsms/deactivate", "never")
CHECK_STOP = Route("stopsms/check", "safe")

# Responses.
GET_RESPONSES = Route("response/get", "safe")
