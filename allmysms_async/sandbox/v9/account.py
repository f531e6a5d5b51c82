"""The account.

Source: HTTPS API v9, §17 (getInfo).
"""

from allmysms_async.sandbox.state import euros
from allmysms_async.sandbox.state.account import FRENCH_CREDITS

from .call import Call
from .send import amount
from .status import Answer

__all__ = ["get_info"]


def get_info(call: Call) -> Answer:
    """Describe the account, its key included: that is what the gateway does."""
    account = call.account
    return {
        "status": "Active Account",
        "credits": amount(account.credits),
        "nbSms": int(account.credits // FRENCH_CREDITS),
        "referenceCountryIso": account.country,
        "apiKey": account.api_key,
        "lastName": account.last_name,
        "firstName": account.first_name,
        "society": account.society,
        "email": account.email,
        "balance": amount(euros(account.credits, 2)),
        "alerting": account.alerting,
    }
