"""Short addresses.

Source: HTTPS API v9, §34 and §35.
"""

from __future__ import annotations

from typing import Annotated

from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire

__all__ = ["GetShortUrlDomains", "GetShortUrlDomainsResult", "Links", "ShortenUrl", "ShortenUrlResult"]


class ShortenUrlResult(Result, frozen=True, kw_only=True):
    """Answer to ``ShortenUrl``.

    Attributes:
        url: The long address.
        short_url: The short one.
    """

    url: Annotated[str | None, Wire(trim=True)] = None
    short_url: Annotated[str | None, Wire(trim=True)] = None


class GetShortUrlDomainsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetShortUrlDomains``.

    Attributes:
        domains: Domains that short addresses are made in.
    """

    domains: Annotated[tuple[str, ...], Wire(("domains",), item="domain")] = ()


class ShortenUrl(Operation[ShortenUrlResult], frozen=True):
    """Make a short address for a long one.

    Asking again after a lost answer makes another one at worst, which costs nothing.

    Source: HTTPS API v9, §34.

    Args:
        url: The long address; the gateway must be able to open it.

    Raises:
        GatewayError: The gateway refused it.
    """

    url: str

    route = routes.SHORTEN_URL


class GetShortUrlDomains(Operation[GetShortUrlDomainsResult], frozen=True):
    """Fetch the domains that short addresses are made in.

    Source: HTTPS API v9, §35.

    Raises:
        GatewayError: The gateway answered with an error.
    """

    route = routes.GET_SHORT_URL_DOMAINS


class Links(Resource):
    """Short addresses."""

    shorten_url = Method(ShortenUrl)
    get_short_url_domains = Method(GetShortUrlDomains)
