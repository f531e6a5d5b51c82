"""What a preview asks of the gateway, and of the source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    GatewayError,
    InvalidRequest,
    NotSent,
    NoValidNumber,
    Reason,
    Recipient,
    Rejected,
    RetryPolicy,
    SmsMessage,
    SmsService,
    UnsupportedFeature,
)
from allmysms_async.backend import SendRequest
from allmysms_async.model import Estimate

from .conftest import Pricing, Taking

PEOPLE = [f"06{number:08d}" for number in range(10_000_000, 10_000_010)]


def campaign(people: Any = PEOPLE) -> Campaign:
    """Return a campaign of one part for each."""
    return Campaign("essai", SmsMessage("Bonjour", purpose="transactional"), people)


async def test_price_list_is_kept() -> None:
    """Two previews and a look at the prices ask for it once; after an hour it is asked for again."""
    backend, clock = Pricing(), Still()
    async with SmsService(backend, clock=clock) as sms:
        await sms.preview(campaign())
        await sms.preview(campaign())
        assert {price.country for price in await sms.prices()} == {"FR", "BE", "US", "CA", "DO"}
        assert backend.listed == 1
        clock.seconds = 3601.0
        await sms.prices()
    assert backend.listed == 2


class Still:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.seconds = 0.0

    def now(self) -> Any:
        """Return a moment."""
        from datetime import UTC, datetime, timedelta

        return datetime(2027, 3, 2, 9, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return what it was moved by."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.seconds += seconds


async def test_preview_goes_on_without_prices() -> None:
    """A gateway that does not answer is told of, and parts are told all the same."""
    backend = Pricing()
    backend.problem = NotSent("Nobody answers.")
    async with SmsService(backend, send_policy=RetryPolicy(attempts=1), clock=Still()) as sms:
        preview = await sms.preview(campaign())
    assert (preview.parts, preview.cost) == (10, None)
    assert preview.notes == ("The price list could not be had: Nobody answers.",)


async def test_preview_leaves_the_list_to_the_run() -> None:
    """A source that can be read only once is refused unread: the run after it would have nobody."""
    read = iter(PEOPLE)

    async def later() -> AsyncIterator[str]:
        yield PEOPLE[0]

    async with SmsService(Taking()) as sms:
        for source in (read, later(), (phone for phone in PEOPLE)):
            with pytest.raises(InvalidRequest, match="only once"):
                await sms.preview(campaign(source))
        assert len(list(read)) == 10
        once = campaign(Again())
        assert (await sms.preview(once)).recipients == 10
        assert (await sms.run(once)).accepted == 10


class Again:
    """Begins anew each time."""

    def __iter__(self) -> Iterator[str]:
        """Yield everybody."""
        yield from PEOPLE


async def test_simulation_is_refused_where_there_is_none() -> None:
    """Before anything is read, and naming who has it."""
    async with SmsService(Taking()) as sms:
        with pytest.raises(UnsupportedFeature):
            await sms.preview(campaign(), simulate=True)


def estimate(request: SendRequest) -> Estimate:
    """See one recipient less in the second request, whose parts cost more."""
    people = len(request.recipients)
    if PEOPLE[4][1:] not in "".join(request.phones):
        return Estimate(recipients=people, parts=people, credits=None, cost=people * Decimal("0.045"))
    refused = (Rejected(request.phones[0], Reason.OPTED_OUT),)
    return Estimate(recipients=people - 1, parts=people - 1, credits=None, cost=Decimal(1), rejected=refused)


async def test_difference_is_named() -> None:
    """Figures side by side, how many requests differ, and the lines of the first one."""
    people = [Recipient(phone, (), at + 2) for at, phone in enumerate(PEOPLE)]
    async with SmsService(Pricing(estimate)) as sms:
        preview = await sms.preview(campaign(people), simulate=True, chunk_size=4)
    simulation = preview.simulation
    assert simulation is not None
    assert (simulation.requests, simulation.recipients, simulation.parts) == (3, 9, 9)
    assert (simulation.cost, dict(simulation.rejections)) == (Decimal("1.270"), {Reason.OPTED_OUT: 1})
    told = {each.what: (each.here, each.gateway, each.requests, each.first) for each in simulation.differences}
    assert told == {
        "recipients": (10, 9, 1, (6, 9)),
        "parts": (10, 9, 1, (6, 9)),
        "cost": (Decimal("0.450"), Decimal("1.270"), 1, (6, 9)),
    }


async def test_requests_that_the_gateway_would_refuse_are_told() -> None:
    """A request without any valid number counts as rejected, another refusal by its words; neither ends the preview."""
    errors = iter([NoValidNumber("No valid number.", code="114"), GatewayError("The sender is refused.", code="117")])

    def refuse(request: SendRequest) -> Estimate:
        raise next(errors)

    async with SmsService(Pricing(refuse), concurrency=1) as sms:
        preview = await sms.preview(campaign(), simulate=True, chunk_size=5)
    simulation = preview.simulation
    assert simulation is not None
    assert (simulation.recipients, dict(simulation.rejections)) == (0, {Reason.INVALID_AT_GATEWAY: 5})
    assert list(simulation.refused.values()) == [1]
    assert "sender" in next(iter(simulation.refused))


async def test_refused_login_ends_a_simulation() -> None:
    """It would be refused for each request: it is raised at once, as it is."""

    def refuse(request: SendRequest) -> Estimate:
        raise AuthenticationFailed("The login is refused.", code="102")

    async with SmsService(Pricing(refuse)) as sms:
        with pytest.raises(AuthenticationFailed):
            await sms.preview(campaign(), simulate=True, chunk_size=2)


async def test_empty_list_is_told_as_such() -> None:
    """Nobody would be sent to, and nothing is raised."""
    async with SmsService(Taking()) as sms:
        preview = await sms.preview(campaign([]))
    assert (preview.rows, preview.recipients, preview.parts, preview.histogram) == (0, 0, 0, {})


@pytest.mark.parametrize("options", [{"simulate": "yes"}, {"chunk_size": 0}, {"max_speed": 1}])
async def test_options_that_cannot_be_right_are_refused(options: Any) -> None:
    """As they are for a run, by name."""
    async with SmsService(Taking()) as sms:
        with pytest.raises(InvalidRequest, match=next(iter(options))):
            await sms.preview(campaign(), **options)
