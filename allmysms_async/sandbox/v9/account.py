"""The account, and what texts cost it.

Source: HTTPS API v9, §17 (getInfo), §32 (getCreditsByCountryIsoCode), §33 (getPrices).
"""

from allmysms_async.sandbox.state import euros
from allmysms_async.sandbox.state.account import CALL_CREDITS, DEPOSIT_CREDITS, FRENCH_CREDITS, price

from .call import Call
from .send import amount
from .status import Answer

__all__ = ["get_credits", "get_info", "get_prices"]

# fmt: off
_PREFIXES = {
    "FR": 33, "BE": 32, "CH": 41, "DE": 49, "ES": 34, "GB": 44, "UK": 44, "IT": 39, "LU": 352, "MC": 377,
    "NL": 31, "PT": 351, "MA": 212, "DZ": 213, "TN": 216, "SN": 221, "CA": 1, "US": 1,
}
# fmt: on
"""The countries that the sandbox has prices for, with their calling codes."""


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


def get_credits(call: Call) -> Answer:
    """Give the credits of a text to a country; the printed answer has them as texts."""
    country = call.form.word("countryIsoCode")
    if country not in _PREFIXES:
        return _UNKNOWN
    credits = price(str(_PREFIXES[country]))
    return {"isoCode": country, "nbCredits": str(credits), "cost": str(amount(euros(credits, 3)))}


def get_prices(call: Call) -> Answer:
    """Give the prices of one country or of all; voice messages go to France only."""
    country = call.form.word("countryIsoCode")
    if country and country not in _PREFIXES:
        return _UNKNOWN
    return {"countries": [_prices(code) for code in _PREFIXES if not country or code == country]}


_UNKNOWN: Answer = {"error": "Country not found"}


def _prices(country: str) -> Answer:
    """Describe one country's prices, in euros."""
    prefix = _PREFIXES[country]
    prices: Answer = {"isoCode": country, "sms": euros(price(str(prefix)), 3)}
    if country == "FR":
        prices |= {"directdeposit": euros(DEPOSIT_CREDITS, 3), "call": euros(CALL_CREDITS, 3)}
    return prices | {"prefix": prefix}
