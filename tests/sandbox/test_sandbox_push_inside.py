"""Webhooks that are pushed into an ASGI application of the same process."""

import asyncio
from urllib.parse import parse_qsl

import pytest

from allmysms_async.sandbox import ControlError, Sandbox

from .called import Called

ONE = "33612345678"


class Application:
    """An ASGI application that keeps its scopes, and answers as it is told."""

    def __init__(self, body: bytes = b"OK", status: int = 200) -> None:
        """Answer this."""
        self.scopes = []
        self.body = body
        self.status = status

    async def __call__(self, scope, receive, send):
        """Answer."""
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        self.scopes.append(scope)
        if self.status == 0:
            raise RuntimeError("the application's own")
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        for byte in self.body:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await send({"type": "http.response.body"})
        assert await receive() == {"type": "http.disconnect"}


async def test_application_is_given_the_same_requests(sandbox, gateway, hooked: Called):
    """Without a socket, the path and the variables are those that an address gets."""
    await gateway.flow("Bonjour", ONE)
    await sandbox.webhooks.settled()
    application = Application()
    sandbox.push_into(application, "/hooks/t%20k?a=1")
    sandbox.reply(ONE, "é")
    await sandbox.webhooks.settled()
    (scope,) = application.scopes
    assert (scope["type"], scope["method"], scope["path"], scope["raw_path"]) == (
        *("http", "GET", "/hooks/t k", b"/hooks/t%20k"),
    )
    variables = parse_qsl(scope["query_string"].decode())
    assert [name for name, _ in variables] == [
        *("a", "smsId", "smsMoId", "receptionDate", "phoneNumber", "campaignId", "message")
    ]
    assert variables[-1] == ("message", "é")
    assert len(hooked.targets) == 1
    assert (await gateway.call("getWebhook"))["webhookMo"] == "http://application-1/hooks/t%20k?a=1"


@pytest.mark.parametrize("application", [Application(b"no"), Application(status=500), Application(status=0)])
async def test_application_that_does_not_answer_ok_is_called_again(sandbox, gateway, application, caplog):
    """It gets the event three times like an address; what it raises is logged and stops nothing."""
    sandbox.push_into(application)
    await gateway.flow("Bonjour", ONE)
    for seconds in (0, 2, 10):
        sandbox.advance(seconds)
        await sandbox.webhooks.settled()
    assert sandbox.webhooks.counts()["given_up"] >= 1
    assert len(application.scopes) >= 3
    assert bool(caplog.records) is (application.status == 0)


async def test_application_is_told_of_one_account(sandbox, gateway):
    """Each account can have its own; there is none for an account that is not there, or a path that is none."""
    main, shop = Application(), Application()
    sandbox.push_into(main)
    sandbox.push_into(shop, "/shop", login="demo-shop")
    await gateway.call(message="a", mobile=ONE, headers={"Allmysms-Subaccount": "demo-shop"})
    await sandbox.webhooks.settled()
    assert ([scope["path"] for scope in shop.scopes], main.scopes) == (["/shop"], [])
    for wrong in ({"login": "nobody"}, {"path": "hook"}):
        with pytest.raises(ControlError):
            sandbox.push_into(main, **wrong)


async def test_sandbox_that_closes_leaves_no_push_behind(until):
    """Pushes under way end with the sandbox."""
    asked = 0

    async def never(scope, receive, send):
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    async with Sandbox() as sandbox:
        sandbox.push_into(never)
        outcomes = sandbox.webhooks.push(reports=200)
        await until(lambda: asked == 64)
    assert [outcome async for outcome in outcomes] == []
    assert asyncio.all_tasks() == before
