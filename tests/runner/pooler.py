"""PgBouncer of the machine's own package, before a PostgreSQL of the tests, as an unprivileged user."""

import asyncio
import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

__all__ = ["pooled", "program"]


def program() -> str | None:
    """Return PgBouncer's program, or None."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _user() -> str | None:
    """Return whom to start it as: it refuses to be started by root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.asynccontextmanager
async def pooled(journal: str, port: int, mode: str, server: int, size: int = 20) -> AsyncIterator[str]:
    """Start PgBouncer with its own defaults; give the journal's address through it.

    Args:
        journal: The database's address, whose user may come in without a password.
        port: Where it is to listen.
        mode: Of its pool: ``session`` or ``transaction``.
        server: PostgreSQL's port.
        size: Sessions of the server's that it keeps at most.
    """
    home = Path(tempfile.mkdtemp(prefix="runner-pgbouncer-", dir="/tmp"))  # fresh, and removed
    user = _user()
    if user is not None:
        shutil.chown(home, user)
    settings = home / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server} user=tester\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n",
        encoding="utf-8",
    )
    log = home / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(program() or "pgbouncer", str(settings)), user=user, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(250):
            while True:
                assert process.returncode is None, log.read_text(encoding="utf-8")
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.01)
        yield journal.replace(f":{server}/", f":{port}/")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shutil.rmtree(home, ignore_errors=True)
