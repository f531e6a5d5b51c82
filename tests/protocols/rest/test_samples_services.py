"""The manual's samples on prices, short addresses, voice messages and webhooks, in JSON and in XML."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from allmysms_async.protocols.rest.account import GetCreditsByCountryIsoCode, GetPrices
from allmysms_async.protocols.rest.links import GetShortUrlDomains, ShortenUrl
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.voice import CreateCode, DownloadMedia, GetMedia, SendVocal, SimpleVocal
from allmysms_async.protocols.rest.webhooks import ConfigureWebhook, DeleteWebhook, GetWebhook


def paris(*parts: int) -> datetime:
    """Return a moment by the clocks of Paris."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[arg-type]


SENT = {"status": "100", "status_text": "Your messages have been sent", "treatment_status": None}
SOUND = "https://example.com/message.mp3"
VOCAL: dict[str, Any] = {
    "recipients": ["336xxxxxxxx", "3361111111"],
    "tpoa": "0123456789",
    "url": SOUND,
    "type": "call",
}
MEDIA = {
    "label": "message vocal",
    "code": "12312312",
    "duration": Decimal(12),
    "status": "RECORDED",
    "creation_date": paris(2017, 12, 21, 9, 49, 10),
    "record_date": paris(2017, 12, 21, 9, 49, 8),
}
FRANCE = {
    "iso_code": "FR",
    "sms": Decimal("0.045"),
    "direct_deposit": Decimal("0.19"),
    "call": Decimal("0.09"),
    "prefix": "33",
}
DONE = {"status": "1", "status_text": ""}


def both(
    name: str, operation: Operation[Any], path: str, expected: dict[str, Any], **xml: Any
) -> list[tuple[str, Operation[Any], str, dict[str, Any]]]:
    """Return a case in JSON and in XML, with what XML prints otherwise: in the answer, or as ``asked`` the request."""
    asked = xml.pop("asked", operation)
    return [(name, operation, path, expected), (f"{name}_xml", asked, path, expected | xml)]


CASES = [
    *both(
        "get_credits",
        GetCreditsByCountryIsoCode("FR"),
        "getCreditsByCountryIsoCode/",
        {"iso_code": "FR", "nb_credits": Decimal(15), "cost": Decimal(15)},
    ),
    *both("get_prices", GetPrices("FR"), "getPrices/", {"countries": (FRANCE,)}),
    *both(
        "shorten_url",
        ShortenUrl("http://www.yoururl.fr"),
        "shortenUrl/",
        {"url": "http://www.yoururl.fr", "short_url": "http://bs.ms/xxxx"},
    ),
    *both(
        "get_short_url_domains",
        GetShortUrlDomains(),
        "getshorturldomains/",
        {"domains": ("bs.ms", "m-go.fr", "msms.eu", "msms.fr", "xms.lc", "myweb.re", "myurl.es")},
    ),
    (
        "simple_vocal",
        SimpleVocal(
            "https://file-examples-com.github.io/uploads/2017/11/file_example_MP3_700KB.mp3",
            "0600000000;0611111111",
            "0123456789",
        ),
        "simpleVocal",
        SENT
        | {"invalid_numbers": "", "campaign_id": "xxxxxxxx", "credits": Decimal(340)}
        | {"balance": Decimal("22.67"), "cost": Decimal("0.045")},
    ),
    *both(
        "send_vocal",
        SendVocal(**VOCAL, campaign_name="Nom de la campagne", date=paris(2013, 1, 1, 12)),
        "sendVocal/",
        SENT
        | {"invalid_numbers": "xxxxxxxxxx", "campaign_id": "xxxxxxxxxx", "credits": Decimal(340)}
        | {"balance": Decimal("22.67"), "cost": Decimal("0.19")},
        balance=Decimal(340),
        cost=Decimal(340),
        asked=SendVocal(**VOCAL, campaign_name="nom de campagne ", date=paris(2011, 11, 5, 15, 10)),
    ),
    *both(
        "create_code",
        CreateCode("message vocal"),
        "createCode/",
        {"status": "", "status_text": "", "vocal_code": "12345654"},
    ),
    *both("get_media", GetMedia("12312312"), "getMedia", DONE | {"media": MEDIA}),
    *both("download_media", DownloadMedia("12312312"), "downloadMedia", DONE | {"file": b"RIFF\0\0\0\0WAVE"}),
    *both("get_webhook", GetWebhook(), "getWebhook/", {"webhook_dlr": "", "webhook_mo": ""}),
    *both("configure_webhook", ConfigureWebhook("dlr", "https://example.com/dlr"), "configureWebhook/", DONE),
    *both("delete_webhook", DeleteWebhook("dlr"), "deleteWebhook/", DONE),
]
NAMES = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "operation", "path", "_"), CASES, ids=NAMES)
def test_request_on_services_is_the_one_of_the_manual(
    sample: Callable[..., Any], name: str, operation: Operation[Any], path: str, _: object
) -> None:
    """A request goes to the printed address with the printed fields and the printed flow."""
    sample(name).check_request(operation, path)


@pytest.mark.parametrize(("name", "operation", "_", "expected"), CASES, ids=NAMES)
def test_answer_on_services_comes_back_typed(
    sample: Callable[..., Any], name: str, operation: Operation[Any], _: str, expected: dict[str, Any]
) -> None:
    """Each field of a printed answer is in the result, under its Python name and with its one Python type."""
    sample(name).check_answer(type(operation), expected)
