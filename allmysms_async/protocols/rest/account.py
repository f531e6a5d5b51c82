"""The account, and what texts cost it.

Source: HTTPS API v9, §17, §32, §33.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, NoReturn

from allmysms_async.model import Secret
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Shown

__all__ = [
    "AccountApi",
    "CountryPrices",
    "GetCreditsByCountryIsoCode",
    "GetCreditsByCountryIsoCodeResult",
    "GetInfo",
    "GetInfoResult",
    "GetPrices",
    "GetPricesResult",
]


class GetInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetInfo``.

    Attributes:
        status: The account's state in words.
        credits: Credits left.
        nb_sms: One-part texts that can be sent to the reference country.
        reference_country_iso: Reference country, two letters.
        api_key: The account's API key; a secret, shown nowhere.
        last_name: Of the account's owner.
        first_name: Of the account's owner.
        society: The owner's company.
        email: The owner's address.
        balance: Euros left.
        alerting: 0, it may not use the channel for urgent messages; 1, it may; 2, it does by default.
    """

    status: str | None = None
    credits: Decimal | None = None
    nb_sms: int | None = None
    reference_country_iso: str | None = None
    api_key: Secret | None = None
    last_name: str | None = None
    first_name: str | None = None
    society: str | None = None
    email: str | None = None
    balance: Decimal | None = None
    alerting: int | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key."""
        msg = "The answer to getInfo holds the account's API key and cannot be pickled."
        raise TypeError(msg)


class GetInfo(Operation[GetInfoResult], frozen=True):
    """Fetch the account's state and credits.

    Source: HTTPS API v9, §17.

    Args:
        sub_account: Login of the sub-account to ask about.

    Raises:
        AuthenticationFailed: No account has this login and key.
    """

    sub_account: str | None = None

    route = routes.GET_INFO


class GetCreditsByCountryIsoCodeResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetCreditsByCountryIsoCode``.

    Attributes:
        iso_code: The country, two capital letters.
        nb_credits: Credits that one text part to it costs.
        cost: Euros that it costs.
    """

    iso_code: str | None = None
    nb_credits: Decimal | None = None
    cost: Decimal | None = None


class CountryPrices(Shown, frozen=True, kw_only=True):
    """What the services cost in one country, in euros without tax.

    Attributes:
        iso_code: The country, two capital letters.
        sms: One text part.
        direct_deposit: One voice message on an answering machine; France only.
        call: One call that is answered; France only.
        prefix: The country's calling code, such as ``33``.
    """

    iso_code: str | None = None
    sms: Decimal | None = None
    direct_deposit: Annotated[Decimal | None, Wire(("directdeposit", "directDeposit"))] = None
    call: Decimal | None = None
    prefix: str | None = None


class GetPricesResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetPrices``.

    Attributes:
        countries: The prices, one entry for each country.
    """

    countries: Annotated[tuple[CountryPrices, ...], Wire(("countries",), item="country")] = ()


class GetCreditsByCountryIsoCode(Operation[GetCreditsByCountryIsoCodeResult], frozen=True):
    """Fetch what one text part to a country costs.

    Source: HTTPS API v9, §32.

    Args:
        country_iso_code: Two capital letters, such as ``FR``.

    Raises:
        GatewayError: The gateway does not know the country.
    """

    country_iso_code: str

    route = routes.GET_CREDITS_BY_COUNTRY_ISO_CODE


class GetPrices(Operation[GetPricesResult], frozen=True):
    """Fetch the prices of every service, in one country or in all.

    Source: HTTPS API v9, §33.

    Args:
        country_iso_code: Two capital letters, such as ``FR``; all countries without it.

    Raises:
        GatewayError: The gateway does not know the country.
    """

    country_iso_code: str | None = None

    route = routes.GET_PRICES


class AccountApi(Resource):
    """The account, and what texts cost it."""

    get_info = Method(GetInfo)
    get_credits_by_country_iso_code = Method(GetCreditsByCountryIsoCode)
    get_prices = Method(GetPrices)
