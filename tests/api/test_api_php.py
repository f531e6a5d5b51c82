"""A public client of the API, in PHP, against the sandbox: sending, reports, lists and sub-accounts.

davaxi/allmysms is on no registry that a test machine can be counted on to reach, so the requests that it makes are
written down in ``tests/php/client.php`` and made by PHP's own curl. Where ``ALLMYSMS_PHP_CLIENT`` names a folder with
the client itself, it is driven too, and every request of it is compared with the one that is written down.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from allmysms_async.sandbox import Sandbox

SCRIPT = Path(__file__).parents[1] / "php" / "client.php"
FOLDER = os.environ.get("ALLMYSMS_PHP_CLIENT")
MODES = {"what it sends": [], **({"itself": [FOLDER]} if FOLDER else {})}


@pytest.fixture
def php_curl(machine_lacks: Callable[[str], NoReturn]) -> str:
    """The PHP interpreter, with its curl extension."""
    found = shutil.which("php") or machine_lacks("PHP with its curl extension (Debian: php-cli php-curl)")
    modules = subprocess.run([found, "-m"], capture_output=True, text=True, timeout=280, check=False).stdout
    if "curl" not in modules.lower().split():
        machine_lacks("PHP's curl extension (Debian: php-curl)")
    return found


async def driven(php: str, sandbox: Sandbox, folder: list[str]) -> dict[str, Any]:
    """Run the script, and return the answers that it got."""
    process = await asyncio.create_subprocess_exec(
        php,
        str(SCRIPT),
        f"{sandbox.http_url}/http",
        *folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()
    answers: dict[str, Any] = json.loads(out)
    return answers


@pytest.mark.parametrize("folder", MODES.values(), ids=MODES)
async def test_public_php_client_works_against_the_sandbox(php_curl: str, sandbox: Sandbox, folder: list[str]) -> None:
    """Multipart bodies, a path without its slash, absent values as empty strings: the sandbox takes what is sent."""
    answers = await driven(php_curl, sandbox, folder)
    assert (answers["simple"]["status"], answers["simple"]["cost"]) == (100, 0.09)
    assert (answers["bulk"]["status"], answers["bulk"]["nbContacts"]) == (100, 1)
    assert [message["text"] for message in sandbox.messages("0612345678")] == ["L'été & après", "Bonjour STOP au 36180"]
    assert sandbox.messages("0612345678")[1]["sender"] == "MAGASIN"
    assert [ack["phoneNumber"] for ack in answers["acks"]["acks"]] == ["33612345678"]
    assert answers["acks"]["cliMsgId"] == "mine"
    assert answers["create_list"]["status"] == "1"
    # It posts contacts to the address of createList: that is refused, and inserts nothing.
    assert answers["insert_contacts"] == {"status": 105, "statusText": "Flux XML Vide"}
    assert [(one["listName"], one["contacts"]) for one in answers["lists"]["lists"]] == [("clients", "0")]
    assert answers["contacts"] == {"contacts": []}
    assert answers["delete_list"]["status"] == "1"
    assert answers["create_account"] == {"status": "1", "text": "Sub-account successfully created"}
    assert answers["give_credits"] == {"subAccount": [{"Login": "zoe", "Credits": 150, "Balance": 0.45}]}
    assert answers["update_account"]["status"] == "1"
    listed = {one["Login"]: one for one in answers["accounts"]["subAccounts"]}
    assert (listed["zoe"]["FirstName"], listed["zoe"]["City"], listed["zoe"]["Credits"]) == ("Zoé", "Nice", "150")
    assert (answers["info"]["lastName"], answers["info"]["credits"]) == ("Martin", 150)
    assert answers["delete_account"]["status"] == "1"
    assert {account["login"] for account in sandbox.state()["accounts"]} == {"demo", "demo-shop", "demo-test"}
