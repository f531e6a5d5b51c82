"""A real browser for the pages that the library makes."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not there: apt-get install chromium"),
]
"""Marks of tests that need one."""

LOOKS = [(1400, "light"), (400, "dark")]
"""How wide a window is, and which colours a person likes."""


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """A browser without a window."""
    from playwright.async_api import async_playwright

    args = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    async with async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=CHROMIUM, args=args)
        yield running
        await running.close()


async def found_by_axe(page: Any) -> list[tuple[str, str]]:
    """Return what axe finds to mend on a page: the rule, and the first element."""
    from axe_playwright_python.async_playwright import Axe

    violations = (await Axe().run(page)).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in violations]
