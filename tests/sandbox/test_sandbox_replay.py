"""What keeps a request from being taken twice, and the order of the checks. Source: HTTPS API v9, §7.2, annex 2."""

import asyncio
import json


async def test_insufficient_credit_tells_both_amounts_and_sends_nothing(sandbox, gateway):
    """104 names what is needed and what there is, and leaves no trace."""
    sandbox.set_credits("demo", 12)
    answer = await gateway.flow("a", "0612345678", "0612345679")
    assert answer == {
        "status": 104,
        "statusText": (
            "Cr\u00e9dit insuffisant pour traiter cet envoi. A utiliser : 30 Cr\u00e9dits, Disponibles : 12 "
            "Cr\u00e9dits. Veuillez recr\u00e9diter votre compte sur AllMySMS.com"
        ),
    }
    sandbox.top_up("demo", 30)
    assert (await gateway.flow("a", "0612345678", "0612345679"))["credits"] == 0


async def test_identical_request_is_refused_for_ten_seconds(sandbox, gateway):
    """121 answers the same content again within ten seconds of the clock, whatever its identifier."""
    assert (await gateway.flow("a", "0612345678"))["status"] == 100
    assert (await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k"))["status"] == 121
    assert (await gateway.flow("b", "0612345678"))["status"] == 100
    sandbox.advance(10)
    assert (await gateway.flow("a", "0612345678"))["status"] == 100


async def test_checks_run_in_their_order(sandbox, gateway):
    """Login, then known identifier, then the flow, then an identical request, then credit."""
    flow = {"DATA": {"MESSAGE": "a", "UNIQUEIDENTIFIER": "k", "SMS": [{"MOBILEPHONE": "0612345678"}]}}
    assert (await gateway.call("sendSms", smsData="", apiKey="wrong"))["status"] == 102
    assert (await gateway.call("sendSms", smsData=json.dumps(flow)))["status"] == 100
    sandbox.set_credits("demo", 0)
    flow["DATA"]["UNIQUEIDENTIFIER"] = "l"
    assert (await gateway.call("sendSms", smsData=json.dumps(flow)))["status"] == 121
    flow["DATA"]["MESSAGE"] = ""
    assert (await gateway.call("sendSms", smsData=json.dumps(flow)))["status"] == 110
    flow["DATA"]["UNIQUEIDENTIFIER"] = "k"
    assert (await gateway.call("sendSms", smsData=json.dumps(flow)))["treatmentStatus"] == "ALREADY_TREATED"
    assert (await gateway.flow("other", "0612345678"))["status"] == 104


async def test_known_identifier_gets_the_original_answer_for_a_day(sandbox, gateway):
    """An identifier repeats its first answer for 24 hours, and is free again after."""
    first = await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k")
    sandbox.set_credits("demo", 0)
    sandbox.advance(24 * 3600 - 1)
    again = await gateway.flow("something else", "0612345679", UNIQUEIDENTIFIER="k")
    assert again == first | {"treatmentStatus": "ALREADY_TREATED"}
    assert sandbox.stats()["messages"] == 1
    sandbox.set_credits("demo", 100)
    sandbox.advance(1)
    assert "treatmentStatus" not in await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k")
    assert sandbox.stats()["messages"] == 2


async def test_identifier_of_a_refused_request_may_be_used_again(sandbox, gateway):
    """What was refused is not remembered."""
    sandbox.set_credits("demo", 0)
    assert (await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k"))["status"] == 104
    sandbox.set_credits("demo", 100)
    assert (await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k"))["status"] == 100
    assert sandbox.stats()["messages"] == 1


async def test_identifier_belongs_to_one_service_and_one_account(sandbox, gateway):
    """One identifier may be used once with each service and by each account."""
    await gateway.call(message="a", mobile="0612345678", uniqueidentifier="k")
    bulk = await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k")
    assert "treatmentStatus" not in bulk
    other = await gateway.call(
        message="a", mobile="0612345678", uniqueidentifier="k", login="demo-shop", apiKey="demo-shop-key"
    )
    assert "treatmentStatus" not in other
    assert sandbox.stats()["messages"] == 3


async def test_identifier_in_progress_is_160(sandbox, gateway, until):
    """While the first request is being handled, its identifier is refused with 160 and nothing is sent twice."""
    sandbox.faults([{"fault": "latency", "seconds": 0.03, "times": 1}])
    first = asyncio.create_task(gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k"))
    await until(lambda: sandbox.in_flight)
    second = await gateway.flow("a", "0612345678", UNIQUEIDENTIFIER="k")
    assert second["status"] == 160
    assert (await first)["status"] == 100
    assert sandbox.stats()["messages"] == 1
    assert sandbox.max_in_flight == 2
