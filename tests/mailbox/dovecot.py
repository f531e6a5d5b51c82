"""Dovecot of the machine's own package, started as an unprivileged user on a free loopback port, with TLS."""

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import trustme

USER = "sms@shop.example"
PASSWORD = 's3cret "quoted" \\ café'
PROGRAM = shutil.which("dovecot") or next((path for path in ("/usr/sbin/dovecot",) if os.path.exists(path)), None)
"""Where it is, or None."""

_NOBODY = 65534
_PATIENCE = 250.0


class Dovecot:
    """A mail server of one's own.

    Args:
        authority: Vouches for it.
        port: Where it is to listen.
    """

    def __init__(self, authority: trustme.CA, port: int) -> None:
        assert PROGRAM is not None
        uid, gid = (os.getuid(), os.getgid()) if os.getuid() else (_NOBODY, _NOBODY)
        user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        self.port = port
        # Not under pytest's own folder, which other users may not enter.
        self._home = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))  # fresh, and removed
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(self._home / "server.pem")
        self.authority = self._home / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.trust = ssl.create_default_context(cafile=str(self.authority))
        (self._home / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        (self._home / "mails").mkdir()
        (self._home / "conf").write_text(
            _CONFIGURATION.format(home=self._home, port=port, uid=uid, gid=gid, user=user, group=group),
            encoding="utf-8",
        )
        changes: dict[str, Any] = {}
        if not os.getuid():
            changes = {"user": uid, "group": gid, "extra_groups": [gid]}
            for path in (self._home, *self._home.iterdir()):
                os.chown(path, uid, gid)
        with (self._home / "errors").open("wb") as errors:
            command = [PROGRAM, "-F", "-c", str(self._home / "conf")]
            self._process = subprocess.Popen(command, cwd="/", stdout=errors, stderr=errors, **changes)
        self._wait()

    def _wait(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise AssertionError((self._home / "errors").read_text() + self.log)

    @property
    def log(self) -> str:
        """What it wrote down."""
        log = self._home / "log"
        return log.read_text() if log.exists() else ""

    def client(self) -> imaplib.IMAP4_SSL:
        """Return the standard library's client, logged in."""
        client = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=self.trust, timeout=_PATIENCE)
        client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        return client

    def put(self, folder: str, mails: list[bytes]) -> None:
        """Put mails into a folder, which is made if it is not there."""
        with self.client() as client:
            client.create(folder)
            for mail in mails:
                kind, said = client.append(folder, "", "", mail.replace(b"\n", b"\r\n"))
                assert kind == "OK", said

    def renumber(self, folder: str) -> None:
        """Have a folder begin anew, empty, with other numbers for its mails."""
        with self.client() as client:
            assert client.delete(folder)[0] == "OK"
            assert client.create(folder)[0] == "OK"

    def seen(self, folder: str) -> tuple[list[bytes], int]:
        """Return the flags of a folder's mails, and how many no client was told of yet."""
        with self.client() as client:
            client.select(folder, readonly=True)
            recent = client.response("RECENT")[1][0]
            kind, said = client.fetch("1:*", "(FLAGS)")
            assert kind == "OK", said
            return [each for each in said if isinstance(each, bytes)], int(recent or 0)

    def stop(self) -> None:
        """Stop it, and remove everything."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        finally:
            shutil.rmtree(self._home, ignore_errors=True)


_CONFIGURATION = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
ssl = required
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.pem
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}
}}
mail_location = maildir:{home}/mails
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
