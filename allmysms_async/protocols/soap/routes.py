"""The seven operations at a glance: how each is called, and whether it may be repeated.

Source: SOAP API, C.
"""

from __future__ import annotations

from allmysms_async.protocols.operation import BaseRoute


class Route(BaseRoute, frozen=True):
    """How an operation is called.

    Attributes:
        login_name: Name of the argument that holds the login.
    """

    login_name: str = "clientCode"


SEND_SMS = Route("sendSms", "never")
GET_ACKS = Route("getAcks", "safe")
GET_PULL = Route("getPull", "safe")
GET_INFO = Route("getInfo", "safe")
GET_STOP = Route("getStop", "safe", login_name="clientId")
CREATE_SUB_ACCOUNT = Route("createSubAccount", "never")
DELETE_CAMPAIGN = Route("deleteCampaign", "never", login_name="clientId")
