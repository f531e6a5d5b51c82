"""What every backend promises when something goes wrong: nobody twice, and the truth about everybody."""

from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, CampaignStopped, NotSent, OutcomeUnknown
from allmysms_async.backend import CAPABILITIES

PEOPLE = [f"06100{number:05d}" for number in range(200)]


async def test_wrong_credentials_send_nothing(answering: Any) -> None:
    """A wrong secret is AuthenticationFailed for a send, and stops a campaign with everybody waiting."""
    service = answering.service(secret="another-secret")

    with pytest.raises(AuthenticationFailed) as caught:
        await service.send(answering.message("Bonjour"), PEOPLE[0])
    with pytest.raises(CampaignStopped) as stopped:
        await service.run(answering.campaign("Bonjour", PEOPLE), chunk_size=20)

    assert isinstance(stopped.value.reason, AuthenticationFailed)
    result = stopped.value.result
    assert (result.accepted, result.rejected, result.failed, result.unknown) == (0, 0, 0, 0)
    assert answering.texts == {}
    assert "another-secret" not in f"{caught.value!r} {stopped.value!r} {stopped.value.reason!r}"


@pytest.mark.slow
async def test_without_a_server_nothing_was_sent(bench: Any, nowhere: Any) -> None:
    """No connection is NotSent: nobody's outcome is unknown, and all can be sent later."""
    service = bench.service(place=nowhere)

    with pytest.raises(NotSent):
        await service.send(bench.message("Bonjour"), PEOPLE[0])
    with pytest.raises(CampaignStopped) as stopped:
        await service.run(bench.campaign("Bonjour", PEOPLE), chunk_size=20)

    assert isinstance(stopped.value.reason, NotSent)
    result = stopped.value.result
    assert (result.accepted, result.rejected, result.unknown) == (0, 0, 0)
    assert bench.texts == {}


@pytest.mark.parametrize("which", [0, 1], ids=["before", "after"])
@pytest.mark.parametrize("chance", [0.4, 1.0], ids=["some", "all"])
async def test_a_campaign_that_loses_its_connections_texts_nobody_twice(bench: Any, which: int, chance: float) -> None:
    """Whether a lost request was carried out or not: with a key it is repeated, without one it is unknown."""
    # Without a key, three in a row without the gateway's word stop the run.
    fault = {"fault": bench.wire.losses[which], "probability": chance, "times": 30 if bench.wire.keyed else 2}
    bench.sandbox.faults([fault], seed=3)

    states = await bench.outcomes(bench.service(), bench.campaign("Bonjour", PEOPLE), chunk_size=10)

    texted = bench.texts
    assert max(map(len, texted.values()), default=0) <= 1
    assert all(phone in texted for phone in states.get("accepted", []))
    assert not any(phone in texted for phone in states.get("failed", []) + states.get("rejected", []))
    if bench.wire.keyed:
        assert set(states) == {"accepted"}
    else:
        assert states["unknown"]


@pytest.mark.parametrize("which", [0, 1], ids=["before", "after"])
async def test_a_send_that_loses_its_connections_texts_nobody_twice(bench: Any, which: int) -> None:
    """send() repeats under its key; a protocol without keys says that it does not know."""
    bench.sandbox.faults([{"fault": bench.wire.losses[which], "times": 2}])
    service = bench.service()

    if bench.wire.keyed:
        receipt = await service.send(bench.message("Bonjour"), PEOPLE[0])
        assert len(receipt.accepted) == 1
        assert bench.texts == {"33610000000": ["Bonjour"]}
    else:
        with pytest.raises(OutcomeUnknown):
            await service.send(bench.message("Bonjour"), PEOPLE[0])
        assert len(bench.sandbox.messages()) == which


async def test_the_table_of_capabilities_is_true(bench: Any) -> None:
    """A backend has the capabilities that the library says it has, and no others."""
    backend = bench.backend()

    claimed = {capability for capability, (_, backends) in CAPABILITIES.items() if bench.wire.name in backends}
    assert {capability for capability in CAPABILITIES if isinstance(backend, capability)} == claimed
    await backend.aclose()
