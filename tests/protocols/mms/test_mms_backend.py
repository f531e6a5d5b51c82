"""The MMS backend over real sockets to the sandbox: five kinds, campaigns, refusals before the wire, faults."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    CampaignStopped,
    HttpRefused,
    InsufficientCredit,
    InvalidNumber,
    InvalidRequest,
    InvalidText,
    MmsBackend,
    MmsMessage,
    NotPermitted,
    NoValidNumber,
    OutcomeUnknown,
    Reason,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
    UnsupportedFeature,
)
from allmysms_async.backend import SendRequest
from allmysms_async.errors import ConnectionLost, MediaRefused, ProtocolError, RequestTimeout, ServerFailure
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.text import Coding
from allmysms_async.transports.httpx import HttpxTransport
from tests.cases import each

IMAGE = "http://www.example.com/a.jpg"
QUICK = RetryPolicy(base=0.001)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
async def sms(sandbox: Sandbox) -> AsyncIterator[SmsService]:
    """A service on the sandbox."""
    backend = MmsBackend("demo", "demo-pass", base_url=sandbox.http_url, timeout=300)
    async with SmsService(backend, policy=QUICK, send_policy=QUICK) as service:
        yield service


@pytest.mark.parametrize(
    ("message", "media"),
    [
        (MmsMessage(text="x" * 1000), None),
        (MmsMessage(text="x" * 100, image="http://www.example.com/A.GIF"), "http://www.example.com/A.GIF"),
        (MmsMessage(text="V", video="http://w.fr/v.3gp", duration=1000), "http://w.fr/v.3gp (1000 s)"),
        (MmsMessage(text="S", sound="http://w.fr/s.midi", duration=0), "http://w.fr/s.midi (0 s)"),
        (
            MmsMessage(text="D", sound="http://w.fr/s.amr", image="http://w.fr/i.jpeg", duration=9),
            "http://w.fr/i.jpeg; http://w.fr/s.amr (9 s)",
        ),
    ],
    ids=["text", "image", "video", "sound", "sound and image"],
)
async def test_each_kind_arrives(sandbox: Sandbox, sms: SmsService, message: MmsMessage, media: str | None) -> None:
    """Each of the five kinds reaches the handset with its text and its media, to 06 and to 07."""
    receipt = await sms.send(message, ["06 12 34 56 78", "+33 7 12 34 56 78"])

    assert [accepted.phone for accepted in receipt.accepted] == ["33612345678", "33712345678"]
    assert (receipt.parts, receipt.scheduled) == (2, False)
    assert receipt.campaign_id
    assert receipt.credits_left == Decimal(999_999_970)
    assert [(got["text"], got.get("media")) for got in sandbox.messages()] == [(message.text, media)] * 2


@pytest.mark.slow
async def test_ten_thousand_people_are_each_sent_one(sandbox: Sandbox, sms: SmsService) -> None:
    """A campaign of an MMS goes out 200 at a time; every handset has it once, every row is accepted."""
    people = [f"07{number:08d}" for number in range(10_000, 20_000)]
    message = MmsMessage(text="Soldes", image=IMAGE, purpose="marketing")
    result = await sms.run(Campaign("soldes", message, people, None, "ignore"))

    assert (result.rows, result.accepted, result.parts, result.complete) == (10_000, 10_000, 10_000, True)
    assert sandbox.stats() == {"messages": 10_000, "handsets": 10_000, "max_per_handset": 1}
    assert sandbox.requests == {"mms.sendmms": 50}
    assert {message.get("media") for message in sandbox.messages()} == {IMAGE}


async def test_a_plain_text_is_an_mms_with_a_text_alone(sandbox: Sandbox, sms: SmsService) -> None:
    """An SmsMessage, or a text, goes as an MMS of kind 0, of any script, 1000 characters long."""
    text = "Привет 👋\nà tous " + "x" * 900
    receipt = await sms.send(text, "0612345678")
    assert receipt.parts == 1
    assert [message["text"] for message in sandbox.messages()] == [text]


async def test_texts_are_rendered_for_each(sandbox: Sandbox, sms: SmsService) -> None:
    """Placeholders of an MMS are filled in here; the length is checked for each."""
    people = [Recipient("0612345670", ("Zoé",)), Recipient("0612345671", ("x" * 100,)), Recipient("0612345672", ("€",))]
    message = MmsMessage(text="Bonjour #param_1#", image=IMAGE, purpose="marketing")
    result = await sms.run(Campaign("c", message, people, None, "ignore"))
    assert (result.accepted, dict(result.rejections)) == (1, {Reason.TEXT_TOO_LONG: 1, Reason.INVALID_PARAM: 1})
    assert [message["text"] for message in sandbox.messages()] == ["Bonjour Zoé"]


async def test_numbers_outside_metropolitan_france_are_refused_here(sandbox: Sandbox, sms: SmsService) -> None:
    """Overseas, foreign and fixed: refused before the wire, in a send by an error, in a campaign by a reason."""
    outside = ["0690123456", "+262692123456", "+34612345678", "+33639123456", "+687751234"]
    for phone in outside:
        with pytest.raises(InvalidNumber, match="metropolitan France") as caught:
            await sms.send("Bonjour", phone)
        assert caught.value.reason == "outside_france"
        assert phone not in str(caught.value)
    with pytest.raises(InvalidNumber, match="land line"):
        await sms.send("Bonjour", "0142345678")
    assert sandbox.requests == {}

    result = await sms.run(
        Campaign("c", SmsMessage("x", purpose="marketing"), [*outside, "0612345678", "0142345678"], None, "ignore")
    )
    assert (result.accepted, dict(result.rejections)) == (1, {Reason.OUTSIDE_FRANCE: 5, Reason.LAND_LINE: 1})
    assert sandbox.stats()["messages"] == 1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"image": "https://www.example.com/a.jpg"}, "http://"),
        ({"image": "http://www.example.com/a.jpg?x=1&y=.jpg"}, "without &"),
        ({"image": "http://www.example.com/a.png"}, "end in"),
        ({"image": "http://www.example.com/a b.jpg"}, "blanks"),
        ({"image": "http://www.example.com/é.jpg"}, "plain characters"),
        ({"image": "http://www.example.com/<a>.jpg"}, "plain characters"),
        ({"image": "http://www.example.com/a.jpg\n"}, "plain characters"),
        ({"image": "http:///a.jpg"}, "http://"),
        ({"image": "http://w.fr/" + "a" * 1000 + ".jpg"}, "http://"),
        ({"image": ""}, "http://"),
        ({"video": "http://w.fr/v.mp4", "duration": 1}, "end in .3gp"),
        ({"sound": "http://w.fr/s.mp3", "duration": 1}, "end in .mid"),
        ({"video": "http://w.fr/v.3gp"}, "duration goes with"),
        ({"sound": "http://w.fr/s.mid"}, "duration goes with"),
        ({"image": IMAGE, "duration": 1}, "duration goes with"),
        ({"duration": 1}, "duration goes with"),
        ({"video": "http://w.fr/v.3gp", "duration": 1001}, "0 to 1000"),
        ({"video": "http://w.fr/v.3gp", "duration": -1}, "0 to 1000"),
        ({"video": "http://w.fr/v.3gp", "duration": 1.5}, "whole seconds"),
        ({"video": "http://w.fr/v.3gp", "duration": True}, "whole seconds"),
        ({"video": "http://w.fr/v.3gp", "image": IMAGE, "duration": 1}, "not a video with others"),
        ({"video": "http://w.fr/v.3gp", "sound": "http://w.fr/s.mid", "duration": 1}, "not a video with others"),
    ],
)
async def test_media_that_cannot_be_right_are_refused_here(
    sandbox: Sandbox, sms: SmsService, options: dict[str, Any], what: str
) -> None:
    """Addresses, durations and what goes together are checked before the wire."""
    with pytest.raises(InvalidRequest, match=what):
        await sms.send(MmsMessage(text="x", **options), "0612345678")
    with pytest.raises(InvalidRequest, match=what):
        sms.stream(Campaign("c", MmsMessage(text="x", purpose="marketing", **options), ["0612345678"]))
    assert sandbox.requests == {}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (MmsMessage(text="x" * 1001), "text_too_long"),
        (MmsMessage(text="x" * 998 + "\n\n"), "text_too_long"),
        (MmsMessage(text="x" * 101, image=IMAGE), "text_too_long"),
        (MmsMessage(text="x" * 99 + "\n", image=IMAGE), "text_too_long"),
        (MmsMessage(text="  "), "malformed"),
        (MmsMessage(text="10 €"), "malformed"),
        (MmsMessage(text="a\0"), "malformed"),
    ],
    ids=["long", "newlines", "long caption", "newline in caption", "empty", "euro", "control"],
)
async def test_texts_that_cannot_be_right_are_refused_here(
    sandbox: Sandbox, sms: SmsService, message: MmsMessage, reason: str
) -> None:
    """1000 characters alone, 100 beside media, a newline counting 2; and no € that would arrive as E."""
    with pytest.raises(InvalidText) as caught:
        await sms.send(message, "0612345678")
    assert caught.value.reason == reason
    assert sandbox.requests == {}


@pytest.mark.parametrize(
    "options",
    [{"sender": "MAGASIN"}, {"reference": "r"}, {"track_links": True}, {"priority": True}, {"wants_replies": True}],
    ids=str,
)
async def test_options_of_texts_that_an_mms_lacks_are_refused(sms: SmsService, options: dict[str, Any]) -> None:
    """A sender or another option that would be lost is refused, naming a backend that has it."""
    with pytest.raises(UnsupportedFeature) as caught:
        await sms.send(SmsMessage("x", **options), "0612345678")
    assert caught.value.backends == ("rest",)


async def test_other_backends_refuse_an_mms(sandbox: Sandbox) -> None:
    """An MMS to a backend for texts is refused before the wire, naming the one that sends it."""
    async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as rest:
        message = MmsMessage(text="x", image=IMAGE, purpose="marketing")
        with pytest.raises(UnsupportedFeature, match="backend rest has no MMS") as caught:
            await rest.send(message, "0612345678")
        assert caught.value.backends == ("mms",)
        with pytest.raises(UnsupportedFeature):
            rest.stream(Campaign("c", message, ["0612345678"]))
    assert sandbox.requests == {}


async def test_accounts_are_told_apart_without_being_shown() -> None:
    """The identity differs by login and by server, not by password, and shows neither."""
    backends = [
        MmsBackend("demo", "demo-pass"),
        MmsBackend("demo", "another-pass"),
        MmsBackend("other", "demo-pass"),
        MmsBackend("demo", "demo-pass", base_url="https://other.example"),
    ]
    first, same, *others = (backend.identity for backend in backends)
    assert first == same
    assert len({first, *others}) == 3
    assert "demo" not in first
    await asyncio.gather(*(backend.aclose() for backend in backends))


async def test_half_a_character_is_refused(sandbox: Sandbox) -> None:
    """A lone surrogate cannot be written as UTF-8, however it came to the backend."""
    backend = MmsBackend("demo", "demo-pass", base_url=sandbox.http_url)
    message = SmsMessage("a\ud800")
    recipients = [Recipient("33612345678")]
    with pytest.raises(InvalidText, match="half of a character"):
        await backend.send(
            SendRequest(message=message, text=message.text, coding=Coding.UNICODE, recipients=recipients)
        )
    assert sandbox.requests == {}
    await backend.aclose()


async def test_a_transport_that_is_given_stays_open(sandbox: Sandbox) -> None:
    """Closing the backend leaves the caller's own transport to the caller."""
    async with HttpxTransport() as transport:
        for _ in range(2):
            backend = MmsBackend("demo", "demo-pass", base_url=sandbox.http_url, transport=transport)
            assert (await backend.account()).status == "Compte actif"
            await backend.aclose()


async def test_a_date_waits_for_its_time(sandbox: Sandbox, sms: SmsService) -> None:
    """A scheduled MMS is taken now and sent then, by the clocks of Paris."""
    receipt = await sms.send(MmsMessage(text="x", send_at=datetime(2027, 3, 2, 10, 30, tzinfo=UTC)), "0612345678")
    assert receipt.scheduled
    assert sandbox.messages() == []
    sandbox.advance(2 * 3600)
    assert [message["received_at"] for message in sandbox.messages()] == ["2027-03-02T11:30:00+01:00"]


async def test_account_is_described(sandbox: Sandbox, sms: SmsService) -> None:
    """The account's words and credits; another's where one may see it."""
    account = await sms.account()
    assert (account.status, account.credits) == ("Compte actif", Decimal(1_000_000_000))
    backend = sms.backend
    assert isinstance(backend, MmsBackend)
    assert (await backend.account_of("demo-test")).credits == Decimal(1_500)
    with pytest.raises(AuthenticationFailed) as unknown:
        await backend.account_of("nobody")
    assert unknown.value.code == "301"
    other = MmsBackend("demo-test", "demo-test-pass", base_url=sandbox.http_url)
    with pytest.raises(NotPermitted) as hidden:
        await other.account_of("demo")
    assert hidden.value.code == "302"
    await other.aclose()


async def test_credit_that_runs_out_stops_the_send(sandbox: Sandbox, sms: SmsService) -> None:
    """104 and 103 are told with what is needed and left; nothing was sent."""
    sandbox.set_credits("demo", 20)
    with pytest.raises(InsufficientCredit) as few:
        await sms.send("x", ["0612345678", "0612345679"])
    assert (few.value.code, few.value.needed, few.value.available) == ("104", Decimal(30), Decimal(20))
    sandbox.set_credits("demo", 0)
    with pytest.raises(InsufficientCredit) as none:
        await sms.send("x", "0612345678")
    assert none.value.code == "103"
    assert sandbox.messages() == []


async def test_numbers_that_opted_out_are_rejected(sandbox: Sandbox, sms: SmsService) -> None:
    """InvalidNums is read for each; with nobody left it is NoValidNumber."""
    sandbox.opt_out("0612345678")
    receipt = await sms.send("x", ["0612345678", "0612345679"])
    assert [(each.phone, each.reason) for each in receipt.rejected] == [("33612345678", Reason.INVALID_AT_GATEWAY)]
    assert [each.phone for each in receipt.accepted] == ["33612345679"]
    with pytest.raises(NoValidNumber):
        await sms.send("x", "0612345678")


FAULTS: list[tuple[dict[str, Any], type[BaseException] | None]] = [
    ({"fault": "reset_before"}, ConnectionLost),
    ({"fault": "reset_after"}, ConnectionLost),
    ({"fault": "hang_after"}, RequestTimeout),
    ({"fault": "http_500"}, ServerFailure),
    ({"fault": "http_503_after"}, ServerFailure),
    ({"fault": "http_404"}, HttpRefused),
    ({"fault": "redirect"}, HttpRefused),
    ({"fault": "http_429", "retry_after": 0}, None),
    ({"fault": "status_102"}, AuthenticationFailed),
    ({"fault": "status_200"}, NotPermitted),
    ({"fault": "truncated"}, ConnectionLost),
    ({"fault": "garbage"}, ProtocolError),
    ({"fault": "html"}, ProtocolError),
    ({"fault": "empty"}, ProtocolError),
    ({"fault": "wrong_charset"}, ProtocolError),
]


@pytest.mark.parametrize(("fault", "cause"), FAULTS, ids=[str(fault["fault"]) for fault, _ in FAULTS])
async def test_no_fault_sends_twice(
    sandbox: Sandbox,
    sms: SmsService,
    until: Any,
    pass_time: Any,
    fault: dict[str, Any],
    cause: type[BaseException] | None,
) -> None:
    """Each fault is one clear error; what may have been sent is never repeated, and what was not may be."""
    sandbox.faults([fault | {"times": 1}])
    if cause is None:
        assert (await sms.send("x", "0612345678")).accepted
    elif issubclass(cause, OutcomeUnknown):
        sending = asyncio.create_task(sms.send("x", "0612345678"))
        if cause is RequestTimeout:
            await until(lambda: sandbox.messages() and sandbox.in_flight)
            pass_time(300)
        with pytest.raises(OutcomeUnknown) as caught:
            await sending
        assert type(caught.value.__cause__) is cause
        assert sandbox.requests == {"mms.sendmms": 1}
    else:
        with pytest.raises(cause):
            await sms.send("x", "0612345678")
        assert sandbox.messages() == []
    assert sandbox.stats()["max_per_handset"] <= 1


async def test_media_that_the_gateway_refuses_stop_the_campaign(sandbox: Sandbox, sms: SmsService) -> None:
    """The media is one for all: after the first refusal nothing more is sent, and everybody can be sent to again."""
    sandbox.faults([{"fault": "status_115"}])
    people = [f"336100{number:05d}" for number in range(800)]
    with pytest.raises(CampaignStopped) as caught:
        await sms.run(
            Campaign("mms", MmsMessage(image=IMAGE, text="x", purpose="marketing"), people, None, "ignore"),
            concurrency=1,
        )
    assert isinstance(caught.value.reason, MediaRefused)
    assert sandbox.requests == {"mms.sendmms": 1}
    result = caught.value.result
    assert (result.rejected, result.accepted) == (0, 0)


async def test_an_answer_cut_in_the_middle_is_not_guessed(sandbox: Sandbox, sms: SmsService) -> None:
    """Half of an answer, as if it were whole: what it does not say is unknown, and nothing is repeated."""
    sandbox.faults([{"fault": "truncated_json", "probability": 0.5}], seed=3)
    people = [f"06{number:08d}" for number in range(10_000, 11_000)]
    result = await sms.run(Campaign("c", SmsMessage("x", purpose="marketing"), people, None, "ignore"))
    assert result.unknown > 0
    assert result.accepted + result.unknown == 1_000
    assert sandbox.stats() == {"messages": 1_000, "handsets": 1_000, "max_per_handset": 1}


@each(
    "url",
    [
        "http://api.msinnovations.com",
        "ftp://x.example",
        "https://u:p@x.example",
        "https://:p@x.example",
        "https://@x.example",
        "https://x.example/@y",
        "https://x.example/?a=b",
        "https://x.example/?",
        "https://x.example/#a",
        "https://x.example:port",
        "https://[::1",
        "x.example",
    ],
)
def test_addresses_that_would_show_the_password_are_refused(url: str) -> None:
    """Plain http to another host needs leave; credentials and queries have no place in an address."""
    with pytest.raises(InvalidRequest, match="base_url"):
        MmsBackend("demo", "demo-pass", base_url=url)


async def test_plain_http_is_used_where_it_is_allowed() -> None:
    """allow_plain_http=True takes the manual's own address; https is the default."""
    with pytest.warns(UserWarning, match="in clear to api.msinnovations.com"):
        allowed = MmsBackend("demo", "demo-pass", base_url="http://api.msinnovations.com/", allow_plain_http=True)
    assert repr(allowed) == "<MmsBackend http://api.msinnovations.com>"
    usual = MmsBackend("demo", "demo-pass")
    assert repr(usual) == "<MmsBackend https://api.msinnovations.com>"
    await asyncio.gather(allowed.aclose(), usual.aclose())


@each("value", ["", "a\nb", "a\0b"], ids=ascii)
@each("field", ["login", "password"])
def test_credentials_that_cannot_be_right_are_refused(field: str, value: str) -> None:
    """Empty ones and those with controls."""
    with pytest.raises(InvalidRequest, match=field):
        MmsBackend(**{"login": "demo", "password": "demo-pass", field: value})


@pytest.mark.parametrize("show", [repr, str, lambda value: f"{[value]}"], ids=["repr", "str", "list"])
def test_messages_show_no_text(show: Callable[[object], str]) -> None:
    """An MMS shows its kind and its length."""
    message = MmsMessage(text="code 4821", image=IMAGE)
    assert "4821" not in show(message)
    assert "image 9 characters" in show(message)
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301  its own bytes


def test_credentials_show_nothing_and_stay_here() -> None:
    """Neither login, which may be a number, nor password is shown or pickled."""
    held = MmsBackend("0612345678", "s3cret")._credentials
    assert repr(held) == "<Credentials>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(held)
