"""The plugin of pytest, in projects of its users."""

import re
import sys

import pytest

pytest_plugins = ["pytester"]

APP = """
from fastapi import BackgroundTasks, FastAPI
from allmysms_async import SmsService

def make_app(environ):
    app, sms = FastAPI(), SmsService.from_env(environ)

    @app.post("/login/{phone}")
    async def login(phone: str, later: BackgroundTasks):
        later.add_task(sms.send, "Votre code est 4821", phone)
        return {"sent": True}

    return app
"""

GOOD = """
import asyncio
import threading
import pytest
from httpx import ASGITransport, AsyncClient
from shop import make_app

async def test_code_reaches_the_handset(allmysms_sandbox):
    app = ASGITransport(make_app(allmysms_sandbox.environment))
    async with AsyncClient(transport=app, base_url="http://shop") as client:
        assert (await client.post("/login/0612345678")).json() == {"sent": True}
    text = allmysms_sandbox.expect("06 12 34 56 78", contains="4821")
    assert (text.text, text.phone) == ("Votre code est 4821", "33612345678")

def test_begins_with_nothing(allmysms_sandbox):
    assert allmysms_sandbox.stats()["messages"] == 0
    assert allmysms_sandbox.requests == {}

async def test_text_that_comes_later_is_waited_for(allmysms_sandbox, allmysms_service):
    expected = allmysms_sandbox.expect("0612345678", contains="Bonjour", within=250)
    assert not expected.is_settled
    sending = asyncio.create_task(allmysms_service.send("Bonjour", "0612345678"))
    assert (await expected).text == "Bonjour"
    await sending

async def test_text_that_has_come_is_there(allmysms_sandbox, allmysms_service):
    await allmysms_service.send("Bonjour", "0612345678")
    assert allmysms_sandbox.expect("0612345678").text == "Bonjour"

def test_text_from_another_thread_is_waited_for(allmysms_sandbox, allmysms_service):
    thread = threading.Thread(target=lambda: asyncio.run(allmysms_service.send("Bonjour", "0612345678")))
    thread.start()
    assert allmysms_sandbox.expect("0612345678", within=250).text == "Bonjour"
    thread.join()

async def test_each_expectation_takes_a_text_of_its_own(allmysms_sandbox, allmysms_service):
    for text in ("un", "deux"):
        await allmysms_service.send(text, "0612345678")
    assert [allmysms_sandbox.expect("0612345678").text for _ in range(2)] == ["un", "deux"]

async def test_wait_that_is_broken_off_takes_no_text(allmysms_sandbox, allmysms_service):
    waiting = asyncio.ensure_future(allmysms_sandbox.expect("0612345678", within=250))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await allmysms_service.send("Bonjour", "0612345678")
    assert allmysms_sandbox.expect("0612345678").text == "Bonjour"

@pytest.mark.allmysms(faults=[{"fault": "http_503", "times": 2}], strict=True)
async def test_outage_is_survived_in_no_time(allmysms_sandbox, allmysms_service):
    await allmysms_service.send("Bonjour", "0612345678")
    allmysms_sandbox.expect("0612345678")
    assert allmysms_sandbox.requests == {"v9.sendSms": 3}

@pytest.mark.parametrize("protocol", ["rest", "soap", "mail2sms", "mms", "envoyersmspro"])
async def test_every_protocol(protocol, allmysms_sandbox):
    async with allmysms_sandbox.service(protocol) as sms:
        await sms.send("Bonjour", "0612345678")
    assert allmysms_sandbox.expect("0612345678").message["protocol"] == {"rest": "v9"}.get(protocol, protocol)

@pytest.mark.allmysms(protocol="soap")
async def test_answers_and_time(allmysms_sandbox, allmysms_service):
    receipt = await allmysms_service.send("Bonjour", "0612345678")
    allmysms_sandbox.reply("0612345678", "Merci")
    assert [reply.text async for reply in allmysms_service.replies(receipt.campaign_id)] == ["Merci"]
    before = allmysms_sandbox.state()["clock"]
    allmysms_sandbox.advance(3600)
    assert before[:13] != allmysms_sandbox.state()["clock"][:13]
"""

ANYIO = """
import pytest

@pytest.mark.anyio
async def test_with_anyio(allmysms_sandbox, allmysms_service):
    await allmysms_service.send("Bonjour", "0612345678")
    assert (await allmysms_sandbox.expect("0612345678")).text == "Bonjour"

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

BAD = """
import pytest

async def test_other_text(allmysms_sandbox, allmysms_service):
    await allmysms_service.send("Votre code est 4812", "0612345678")
    await allmysms_service.send("Bonjour", "0698765432")
    await allmysms_sandbox.expect("0612345678", contains="4821", within=0.01)

def test_no_text(allmysms_sandbox):
    allmysms_sandbox.expect("0612345678", sender="SHOP", within=0.01)

async def test_not_awaited(allmysms_sandbox):
    allmysms_sandbox.expect("0612345678")

@pytest.mark.allmysms(strict=True)
async def test_strict(allmysms_sandbox, allmysms_service):
    await allmysms_service.send("Bonjour", ["0612345678", "0698765432"])
    allmysms_sandbox.expect("0612345678")

@pytest.mark.allmysms(protokol="rest")
def test_marker_with_a_slip(allmysms_sandbox):
    pass

@pytest.mark.allmysms(protocol="fax")
def test_marker_with_an_odd_protocol(allmysms_sandbox):
    pass

@pytest.mark.allmysms("soap")
def test_marker_without_a_keyword(allmysms_sandbox):
    pass

@pytest.mark.allmysms(faults=[{"fault": "htp_503"}])
def test_marker_with_an_odd_fault(allmysms_sandbox):
    pass
"""

WORDS = """\
E       AssertionError: A text to 336****78 that contains '####' did not come within 0.01 s. \
What arrived instead (1 of 2 to this number):
E         to 336****78, from '36180': 'Votre code est ####'
E         to 336****32, from '36180': 'Bonjour'
E       AssertionError: A text to 336****78, from 'SHOP' did not come within 0.01 s. \
Nothing arrived at all; requests that came: none.
A text to 336****78 was expected in a running event loop, where only 'await sandbox.expect(…)' waits; \
it had not come, and nothing waited for it.
1 text came that the test did not expect (strict=True):
  to 336****32, from '36180': 'Bonjour'
"""
SLIPS = """\
pytest.mark.allmysms cannot be used: Object contains unknown field `protokol`
pytest.mark.allmysms cannot be used: There is no protocol 'fax'; there are rest, soap, mail2sms, mms, envoyersmspro.
pytest.mark.allmysms takes keywords alone: protocol, faults, strict.
pytest.mark.allmysms cannot be used: There is no fault 'htp_503'; there are latency, *
"""
SETTINGS = """\
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = --strict-markers -p no:randomly
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small project with its own settings, on nobody's build server: there pytest says everything twice."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(SETTINGS)
    return pytester


@pytest.mark.slow
def test_plugin_serves_a_fastapi_project(project: pytest.Pytester) -> None:
    """What a project's tests expect of texts holds, in event loops, threads and without; warnings are errors there."""
    project.makepyfile(shop=APP, test_shop=GOOD)
    result = project.runpytest_subprocess("-q")
    result.assert_outcomes(passed=14)


@pytest.mark.slow
def test_plugin_serves_anyio(project: pytest.Pytester) -> None:
    """Tests that anyio runs have the same fixtures."""
    project.makeini("[pytest]\nfilterwarnings = error\n")
    project.makepyfile(test_anyio=ANYIO)
    project.runpytest_subprocess("-q", "-p", "no:asyncio").assert_outcomes(passed=1)


@pytest.mark.slow
def test_plugin_serves_several_processes(project: pytest.Pytester) -> None:
    """Under xdist each process has a sandbox of its own."""
    project.makepyfile(shop=APP, test_shop=GOOD)
    project.runpytest_subprocess("-q", "-n", "2", "-k", "begins or later or outage").assert_outcomes(passed=3)


@pytest.mark.slow
def test_failures_say_what_came_instead(project: pytest.Pytester) -> None:
    """Each failure is told in words that show no number and no code; a slip in the marker is one too."""
    project.makepyfile(test_shop=BAD)
    result = project.runpytest_subprocess("-q")
    result.assert_outcomes(failed=4, errors=4)
    said = [line for line in result.outlines if line in WORDS.splitlines()]
    assert said == WORDS.splitlines()
    result.stdout.fnmatch_lines(SLIPS.splitlines())
    assert "allmysms_async/testing" not in result.stdout.str()
    told = [line for line in result.outlines if not line.startswith((" ", ">"))]
    assert not any(secret in line for line in told for secret in ("12345678", "4812"))


LOOK = """
import sys, time
import _pytest.config
import pytest
before = set(sys.modules)
import allmysms_async.testing.plugin
print(*sorted(name for name in set(sys.modules) - before))
"""


@pytest.mark.slow
def test_plugin_is_inert_until_it_is_used(project: pytest.Pytester) -> None:
    """Importing the plugin, which pytest does at every start, imports nothing of the library's own or its libraries."""
    printed = project.run(sys.executable, "-c", LOOK).stdout.str().split()
    assert [name for name in printed if re.match("allmysms_async", name)] == [
        "allmysms_async",
        "allmysms_async.testing",
        "allmysms_async.testing.plugin",
    ]
    assert {"asyncio", "httpx", "msgspec", "starlette"}.isdisjoint(printed)
