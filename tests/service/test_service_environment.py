"""A service that is made of the environment, as the command line makes its own."""

import inspect
import os
import traceback
from collections.abc import Mapping

import pytest

from allmysms_async import InvalidRequest, RetryPolicy, SmsService
from allmysms_async.options import ServiceSettings
from allmysms_async.sandbox import Sandbox
from tests.cases import each

SECRET = "key-4821-is-secret"
GOOD = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": SECRET}


async def test_the_environment_is_all_that_a_program_needs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the three variables set, a program sends without a word about its account."""
    monkeypatch.setenv("ALLMYSMS_LOGIN", "demo")
    monkeypatch.setenv("ALLMYSMS_API_KEY", "demo-key\n")  # as a file of secrets has it
    monkeypatch.setenv("ALLMYSMS_BASE_URL", sandbox.http_url)

    async with SmsService.from_env() as sms:
        await sms.send("Votre code est 4821", to="06 12 34 56 78")

    assert [message["text"] for message in sandbox.messages("33612345678")] == ["Votre code est 4821"]


async def test_variables_may_be_given_and_settings_are_the_constructors(sandbox: Sandbox) -> None:
    """A mapping stands for the environment, and the settings reach the service."""
    account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
    async with SmsService.from_env(account, send_policy=RetryPolicy(attempts=1)) as sms:
        sandbox.faults([{"fault": "http_503", "times": 1}])
        with pytest.raises(Exception, match="may have been sent"):
            await sms.send("Bonjour", to="0612345678")
    assert sandbox.requests["v9.sendSms"] == 1


def test_every_setting_of_the_constructor_can_be_given() -> None:
    """What ``from_env`` takes is what the constructor takes, beside the backend."""
    named = set(inspect.signature(SmsService).parameters) - {"backend"}
    assert ServiceSettings.__annotations__.keys() == named


@each(
    ("changed", "variable"),
    [
        ({"ALLMYSMS_LOGIN": ""}, "ALLMYSMS_LOGIN is not set"),
        ({"ALLMYSMS_LOGIN": " \n"}, "ALLMYSMS_LOGIN is not set"),
        ({"ALLMYSMS_API_KEY": ""}, "ALLMYSMS_API_KEY is not set"),
        ({"ALLMYSMS_LOGIN": f"é{SECRET}"}, "ALLMYSMS_LOGIN is empty or holds characters"),
        ({"ALLMYSMS_API_KEY": f"{SECRET}\x00é"}, "ALLMYSMS_API_KEY is empty or holds characters"),
        ({"ALLMYSMS_BASE_URL": f"{SECRET}"}, "ALLMYSMS_BASE_URL is not an address"),
        ({"ALLMYSMS_BASE_URL": f"https://[{SECRET}"}, "ALLMYSMS_BASE_URL is not an address"),
        ({"ALLMYSMS_BASE_URL": f"https://demo:{SECRET}@api.allmysms.com"}, "ALLMYSMS_BASE_URL must begin with https"),
        ({"ALLMYSMS_BASE_URL": f"http://{SECRET}.example"}, "ALLMYSMS_BASE_URL must begin with https"),
    ],
)
def test_what_cannot_be_right_names_the_variable_and_shows_no_value(changed: Mapping[str, str], variable: str) -> None:
    """A variable that is missing or wrong is a typed error with its name, and with no value, in no frame either."""
    with pytest.raises(InvalidRequest) as caught:
        SmsService.from_env({**GOOD, **changed})
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(str(frame.locals) for frame in told.stack if "allmysms_async" in frame.filename) + str(caught.value)
    assert variable in str(caught.value)
    assert "nothing was sent" in str(caught.value).lower()
    assert SECRET not in shown
    assert told.__cause__ is None


def test_nothing_is_taken_from_the_process_where_variables_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping is the whole environment: a key of the process's own does not travel with another's login."""
    monkeypatch.setenv("ALLMYSMS_API_KEY", SECRET)
    assert os.environ["ALLMYSMS_API_KEY"] == SECRET
    with pytest.raises(InvalidRequest, match="ALLMYSMS_API_KEY is not set"):
        SmsService.from_env({"ALLMYSMS_LOGIN": "demo"})
