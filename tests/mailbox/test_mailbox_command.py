"""``allmysms mails read --imap`` against a real mail server, as a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path

from .dovecot import PASSWORD, USER, Dovecot
from .mails import OTHERS, error_mail

SCRIPT = Path(sys.executable).with_name("allmysms")


async def read(dovecot: Dovecot, folder: str, journal: Path, password: str = PASSWORD) -> tuple[int, str, str]:
    """Run the command; return its code and what it says."""
    place = ("--imap", "localhost", "--port", str(dovecot.port), "--user", USER, "--mailbox", folder)
    process = await asyncio.create_subprocess_exec(
        *(str(SCRIPT), "mails", "read", *place, "--json", str(journal)),
        env=os.environ | {"ALLMYSMS_IMAP_PASSWORD": password, "SSL_CERT_FILE": str(dovecot.authority)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_each_run_reads_what_is_new(dovecot: Dovecot, tmp_path: Path) -> None:
    """The journal holds what came and where to read on: the second run reads only the later mails."""
    journal = tmp_path / "journal.db"
    await asyncio.to_thread(dovecot.put, "Commande", [error_mail("104", 1), error_mail("102", 2), OTHERS[0]])
    code, out, err = await read(dovecot, "Commande", journal)
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert (said["mails"], said["errors"], said["new"], said["kept"]) == (3, 2, 2, {"102": 1, "104": 1})
    await asyncio.to_thread(dovecot.put, "Commande", [error_mail("104", 3), error_mail("104", 1)])
    said = json.loads((await read(dovecot, "Commande", journal))[1])
    assert (said["mails"], said["errors"], said["new"], said["kept"]) == (2, 2, 1, {"102": 1, "104": 2})


async def test_a_wrong_password_stops_it(dovecot: Dovecot, tmp_path: Path) -> None:
    """Exit code 3, one sentence, and nothing of the password."""
    code, out, err = await read(dovecot, "INBOX", tmp_path / "journal.db", "n0tShown")
    assert (code, out) == (3, "")
    assert "refused the login" in err
    assert "n0tShown" not in err
