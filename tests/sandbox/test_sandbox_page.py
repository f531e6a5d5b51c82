"""The sandbox's page in a real browser: what a person sees and does, with a keyboard, in two languages and colours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from allmysms_async import RestBackend, SmsService
from allmysms_async.sandbox import Clock, Sandbox
from tests.browser import LOOKS, found_by_axe, in_a_browser

pytestmark = in_a_browser
PHONE = "33612345678"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox with some people in it."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        async with SmsService(RestBackend("demo", "demo-key", base_url=running.http_url)) as sms:
            await sms.send("Bonjour", [f"06{number:08d}" for number in range(10_000_000, 10_000_300)])
            await sms.send("Bientôt l\u2019été", PHONE)
        yield running


async def opened(browser: Any, sandbox: Sandbox, problems: list[str], **options: Any) -> Any:
    """Return the page, whose problems are collected."""
    page = await browser.new_page(**options)
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not _is_own(request.url, sandbox) else None)
    await page.goto(f"{sandbox.http_url}/")
    await page.locator("#rows button strong").first.wait_for()
    return page


def _is_own(url: str, sandbox: Sandbox) -> bool:
    return url.startswith(f"{sandbox.http_url}/")


async def test_person_reads_and_answers(browser: Any, sandbox: Sandbox) -> None:
    """Texts appear as they come, are found by number and text, and are answered; STOP opts out."""
    from playwright.async_api import expect

    problems: list[str] = []
    page = await opened(browser, sandbox, problems, locale="en-GB")
    await expect(page.locator("#live")).to_contain_text("Live")
    await page.fill("#search", "06 12 34")
    await expect(page.locator("#rows button strong")).to_have_count(1)
    await page.press("#search", "Tab")
    await page.press("#scroller", "Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_contain_text(f"+{PHONE}")
    await expect(page.locator("#lines mark").first).to_have_text("ô")
    async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
        await sms.send("Votre code est <b>4821</b>", PHONE)
    await expect(page.locator("#lines li")).to_have_count(2)
    await expect(page.locator("#lines")).to_contain_text("<b>4821</b>")
    async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
        await sms.send("Rentrez bien", [PHONE, "0698765432"])
    await expect(page.locator("#lines li")).to_have_count(3)
    await page.fill("#reply", "Merci")
    await page.press("#reply", "Enter")
    await expect(page.locator("#lines li.own")).to_contain_text("Merci")
    await page.get_by_role("button", name="STOP").click()
    await expect(page.locator("#who")).to_contain_text("opted out")
    assert sandbox.state()["opt_outs"] == 1
    assert problems == []


async def test_long_list_is_walked_by_keyboard(browser: Any, sandbox: Sandbox) -> None:
    """Of a long list only what is seen is in the page; keys go to its end and back."""
    from playwright.async_api import expect

    problems: list[str] = []
    page = await opened(browser, sandbox, problems)
    assert await page.locator("#rows li").count() < 60
    await page.locator("#rows button").first.focus()
    await page.keyboard.press("End")
    await expect(page.locator("#rows button:focus")).to_contain_text("+33610000000")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#rows button:focus")).to_contain_text("+33610000001")
    await page.keyboard.press("Home")
    await expect(page.locator("#rows button:focus")).to_contain_text(f"+{PHONE}")
    assert problems == []


async def test_sandbox_is_operated(browser: Any, sandbox: Sandbox) -> None:
    """Faults are switched on and off, credits set, the clock moved, requests read, and all of it forgotten."""
    from playwright.async_api import expect

    problems: list[str] = []
    page = await opened(browser, sandbox, problems, locale="fr-FR")
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("tab", name="Faults").click()
    await page.select_option("#fault-kind", "http_NNN")
    await page.fill("#fault-times", "2")
    await page.get_by_role("button", name="Switch on").click()
    await expect(page.locator("#fault-rules")).to_contain_text("http_503")
    await page.get_by_role("button", name="Switch off http_503").click()
    await expect(page.locator("#fault-rules")).to_contain_text("No fault is in force.")
    await page.keyboard.press("Tab")
    await page.get_by_role("tab", name="Accounts").click()
    await page.select_option("#credit-login", "demo-test")
    await page.fill("#credit-value", "42")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.locator("#account-table")).to_contain_text("42")
    await page.get_by_role("button", name="+1 h").click()
    await expect(page.locator("#clock")).to_have_text("2027-03-02 11:00:00")
    await page.get_by_role("tab", name="Requests").click()
    await page.locator("#request-list details summary").first.click()
    await expect(page.locator("#request-list pre").first).to_contain_text("smsData")
    await page.get_by_role("tab", name="Campaigns").click()
    await expect(page.locator("#campaign-table tbody tr")).to_have_count(2)
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("tab", name="Accounts").click()
    await page.get_by_role("button", name="Reset the sandbox").click()
    await page.get_by_role("tab", name="Handsets").click()
    await expect(page.locator("#found")).to_have_text("No text has arrived yet.")
    assert problems == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
async def test_page_is_for_everybody(browser: Any, sandbox: Sandbox, width: int, scheme: str) -> None:
    """axe finds nothing to mend in any part of the page, narrow and wide, light and dark, French and English."""
    language = "fr-FR" if scheme == "light" else "en-GB"
    problems: list[str] = []
    options: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "locale": language}
    # The checker itself is put into the page, which lets no script in.
    page = await opened(browser, sandbox, problems, bypass_csp=True, **options)
    await page.locator("#rows button").first.click()
    await page.locator("#lines li").first.wait_for()
    assert await page.evaluate("document.documentElement.lang") == language[:2]
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for tab in ("handsets", "campaigns", "accounts", "faults", "requests"):
        await page.click(f"#tab-{tab}")
        assert await found_by_axe(page) == []
    assert problems == []
