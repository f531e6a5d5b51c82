"""The pages that commands write, in a real browser."""

from pathlib import Path
from typing import Any

import pytest

from allmysms_async.sandbox import Sandbox
from tests.browser import LOOKS, found_by_axe, in_a_browser

from .conftest import Run

pytestmark = in_a_browser

ROWS = ["mobile;prenom", *(f"06123456{at:02d};François" for at in range(20)), "0612345600;Luc", "0144556677;Fixe", ";"]
COLUMNS = ("--phone", "mobile", "--param", "prenom", "--purpose", "transactional")


@pytest.mark.parametrize("command", ["report", "preview"])
async def test_page_is_for_everybody(run: Run, sandbox: Sandbox, tmp_path: Path, browser: Any, command: str) -> None:
    """axe finds nothing to mend in a report and a preview, narrow and wide, light and dark; nothing is fetched."""
    clients, journal, page = (tmp_path / name for name in ("clients.csv", "j.db", "page.html"))
    clients.write_text("\n".join(ROWS), encoding="utf-8")
    words = (str(clients), "--text", "Bonjour #param_1#, l’offre vous attend", *COLUMNS)
    if command == "preview":
        await run("preview", *words, "--html", str(page))
    else:
        await run("campaign", "run", *words, "--journal", str(journal))
        await run("campaign", "report", str(journal), "--html", str(page))
    for width, scheme in LOOKS:
        problems: list[str] = []
        looked = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        looked.on("console", lambda message: problems.append(message.text))  # noqa: B023  # looked at in this turn
        looked.on("request", lambda request: problems.append(request.url))  # noqa: B023  # likewise
        await looked.goto(page.as_uri())
        assert problems == [page.as_uri()]
        assert await found_by_axe(looked) == []
        assert await looked.evaluate("document.documentElement.scrollWidth") <= width
        await looked.screenshot(path=tmp_path / f"{command}-{width}.png", full_page=True)
        await looked.close()
