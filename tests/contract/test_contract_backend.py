"""What every backend promises as an object: clear refusals, an end, and no secret shown."""

import asyncio
import copy
import logging
import pickle
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import Contact, MmsMessage, NewSubAccount, SmsService, UnsupportedFeature
from allmysms_async.backend import Reconciles
from allmysms_async.protocols.rest.account import GetInfo

DAY = datetime(2027, 3, 2, tzinfo=UTC)

CALLS: dict[str, Callable[[SmsService], Any]] = {
    "Sends": lambda sms: sms.send("Bonjour", "0612345678"),
    "SendsMms": lambda sms: sms.send(MmsMessage(text="Bonjour"), "0612345678"),
    "Simulates": lambda sms: sms.simulate("Bonjour", "0612345678"),
    "Cancels": lambda sms: sms.cancel("1"),
    "ReportsDelivery": lambda sms: sms.delivery_reports("1"),
    "ReceivesReplies": lambda sms: sms.replies("1"),
    "DescribesAccount": lambda sms: sms.account(),
    "ListsPrices": lambda sms: sms.prices(),
    "ListsCampaigns": lambda sms: sms.campaigns(DAY, DAY),
    "ListsOptOuts": lambda sms: sms.opt_outs(),
    "ChecksOptOuts": lambda sms: sms.opted_out("0612345678"),
    "AddsOptOuts": lambda sms: sms.add_opt_out("0612345678"),
    "RemovesOptOuts": lambda sms: sms.remove_opt_out("0612345678"),
    "CreatesSubAccounts": lambda sms: sms.create_sub_account(
        NewSubAccount(first_name="Zoé", last_name="Martin", email="zoe@example.com")
    ),
    "ListsSubAccounts": lambda sms: sms.sub_accounts(),
    "ActsForSubAccounts": lambda sms: _acting(sms),
    "KeepsLists": lambda sms: sms.populate_list("clients", [Contact("0612345678")]),
    "Calls": lambda sms: sms.call(GetInfo()),
    "Reconciles": lambda sms: _looked_up(sms),
}


async def _looked_up(sms: SmsService) -> None:
    """Look an unanswered send up, as a campaign does that is continued."""
    await sms.capable(Reconciles).find_send("soldes [0000/1]", [DAY])


async def _acting(sms: SmsService) -> None:
    """Act for a sub-account."""
    sms.with_sub_account("boutique")


async def ask(call: Callable[[SmsService], Any], service: SmsService) -> None:
    """Make a call, and wait for its answer or for the first of its answers."""
    answer = call(service)
    await (answer if isinstance(answer, Awaitable) else anext(answer))


async def test_what_a_backend_lacks_is_refused_before_the_wire(lacking: Any) -> None:
    """A call that the protocol does not have raises UnsupportedFeature, naming the backend and nothing else."""
    bench, capability = lacking
    service = bench.service()

    with pytest.raises(UnsupportedFeature, match=f"backend {bench.wire.name} has no ") as caught:
        await ask(CALLS[capability.__name__], service)

    assert bench.wire.name not in caught.value.backends
    assert bench.sandbox.requests == {}


async def test_a_backend_is_closed_as_often_as_one_likes(bench: Any) -> None:
    """aclose() before any use, after it, again, and twice at once are all fine."""
    unused = bench.backend()
    await unused.aclose()
    await unused.aclose()

    service = bench.service()
    await service.send(bench.message("Bonjour"), "0612345678")
    await asyncio.gather(service.backend.aclose(), service.backend.aclose())
    await service.aclose()
    await service.aclose()

    assert list(bench.texts) == ["33612345678"]


async def test_a_backend_says_its_name(bench: Any) -> None:
    """The name is the one that capabilities and errors speak of, and its limits make sense."""
    backend = bench.backend()

    assert backend.name == bench.wire.name
    limits = backend.limits
    assert 1 <= limits.recipients <= limits.max_recipients
    assert limits.max_gsm_units > 0
    assert limits.idempotent == bench.wire.keyed
    await backend.aclose()


async def test_a_backend_shows_no_secret(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr() nor a log at its most talkative holds the secret, the text or the number."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("allmysms_async").debug("whatever is logged is seen here")
    service = bench.service()
    bench.sandbox.faults([{"fault": bench.wire.losses[0], "times": 1}])

    await asyncio.gather(service.send(bench.message("code 4821"), "0612345678"), return_exceptions=True)

    shown = f"{service.backend!r} {service.backend!s} {service!r} {caplog.text}"
    assert caplog.records
    for word in (bench.wire.secret, "code 4821", "0612345678", "33612345678"):
        assert word not in shown


async def test_a_backend_cannot_be_pickled_or_copied(bench: Any) -> None:
    """A backend holds a secret and connections: neither leaves the process nor is shared by accident."""
    backend = bench.backend()

    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            attempt(backend)
    await backend.aclose()
