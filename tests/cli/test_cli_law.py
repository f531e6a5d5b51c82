"""What the command line asks of marketing texts and of senders."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.prepare import marketing
from allmysms_async.sandbox import Sandbox

from .conftest import Ended

Run = Callable[..., Awaitable[Ended]]
Clients = Callable[[list[str]], Path]

SEND = ["send", "--to", "0612345678", "--purpose", "marketing", "--quiet-hours", "ignore", "--sender", "MAGASIN"]


def campaign(path: Path, *more: str) -> list[str]:
    """Return the words of a marketing campaign that does not say how to opt out."""
    usual = ["campaign", "run", str(path), "--text", "Bonjour #param_1#.", "--phone", "mobile", "--param", "prénom"]
    return [*usual, "--purpose", "marketing", "--quiet-hours", "ignore", "--include-opt-outs", *more]


async def test_marketing_without_stop_exits_2_with_the_remedy(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """One sentence says what is missing and what to do, and nobody is texted."""
    for words in ([*SEND, "Soldes"], campaign(clients(["0612345678"]), "--sender", "MAGASIN")):
        ended = await run(*words)
        assert (ended.code, ended.out) == (2, "")
        assert "must tell people in France how to opt out; nothing was sent" in ended.err
        assert "STOP au 36180" in ended.err
    assert not sandbox.messages()


async def test_add_stop_completes_the_text(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """The words stand at the end of each text, and the sender is honoured."""
    assert (await run(*SEND, "--add-stop", "Soldes")).code == 0
    path = clients(["0612345679"])
    ended = await run(*campaign(path, "--sender", "MAGASIN", "--add-stop", "--json"))
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["parts"] == 1
    assert sorted((message["text"], message["sender"]) for message in sandbox.messages()) == [
        ("Bonjour Zoé0. STOP au 36180", "MAGASIN"),
        ("Soldes STOP au 36180", "MAGASIN"),
    ]


async def test_list_of_people_abroad_needs_no_stop(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """`--no-stop` says that nobody of the list is in France."""
    ended = await run(*campaign(clients(["+32 470 12 34 56"]), "--sender", "MAGASIN", "--no-stop"))
    assert ended.code == 0, ended.err
    assert [message["text"] for message in sandbox.messages()] == ["Bonjour Zoé0."]


@pytest.mark.parametrize("command", ["send", "campaign"])
async def test_doubtful_sender_is_told_or_refused(run: Run, clients: Clients, sandbox: Sandbox, command: str) -> None:
    """A warning with the reason, and with `--strict-sender` exit code 2 and no text."""
    path = clients(["0612345678"])
    words = ["send", "--to", "0612345678", "--sender", "RDV", "--purpose", "otp", "4821"]
    if command == "campaign":
        words = campaign(path, "--sender", "RDV", "--add-stop", "--json")
    refused = await run(*words, "--strict-sender")
    assert refused.code == 2
    assert "RDV names nobody" in refused.err
    assert not sandbox.messages()
    marketing._warn.cache_clear()
    taken = await run(*words)
    assert taken.code == 0, taken.err
    assert "French operators may refuse the sender 'RDV'" in taken.err
    assert len(sandbox.messages()) == 1


async def test_hour_that_clocks_skip_or_show_twice_is_refused(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """Without a zone `--at` is what the clocks of Paris show, and these hours are none or two."""
    path = clients(["0612345678"])
    for at, words in (("2027-03-28T02:30", "clock skips"), ("2027-10-31T02:30", "show twice")):
        ended = await run(*campaign(path, "--at", at))
        assert ended.code == 2
        assert words in ended.err.replace("\n", " ")
    assert not sandbox.messages()
