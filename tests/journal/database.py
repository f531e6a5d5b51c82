"""PostgreSQL of the machine's own package, started as an unprivileged user on a free loopback port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

_ROOT = Path("/usr/lib/postgresql")
_EMPTY = "journal"
_OPEN = ("/tmp", "/dev/shm")  # noqa: S108  # a fresh folder is made there
_ITS_OWN = {"initdb", "pg_ctl"}
"""Programs that work on the server's own files."""


def programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, or None."""
    found = [path.parent for path in sorted(_ROOT.glob("*/bin/pg_ctl"))]
    on_path = shutil.which("pg_ctl")
    return found[-1] if found else Path(on_path).parent if on_path else None


def _user() -> str | None:
    """Return whom to start it as: PostgreSQL refuses to be started by root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Postgres:
    """A server of one's own.

    Args:
        folder: Where PostgreSQL's programs are.
        port: Where it is to listen.
        others: Addresses besides loopback that it listens on, each with the one that may come there.
        settings: Further lines of its configuration.
    """

    def __init__(
        self, folder: Path, port: int, others: Mapping[str, str] = MappingProxyType({}), settings: Iterable[str] = ()
    ) -> None:
        self._folder = folder
        self._has_empty = False
        self._user = _user()
        # Where every user may enter: not under pytest's own folder, nor under any that TMPDIR may name.
        place = tempfile.gettempdir() if tempfile.gettempdir() in _OPEN else _OPEN[0]
        self._home = Path(tempfile.mkdtemp(prefix="journal-postgres-", dir=place))
        if self._user is not None:
            shutil.chown(self._home, self._user)
        self._data = self._home / "data"
        self.port = port
        self._run(
            "initdb", "-D", str(self._data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            addresses = ",".join(("127.0.0.1", *others))
            file.write(f"port={self.port}\nlisten_addresses='{addresses}'\nunix_socket_directories='{self._home}'\n")
            # What it wrote outlives its own death as it is; only a machine that loses its power needs the disk's word.
            file.write("fsync=off\n")
            # Nothing here lives long enough to be worth tidying up, and each of many sessions maps the buffers.
            file.write("autovacuum=off\nshared_buffers=16MB\n")
            file.writelines(f"{line}\n" for line in settings)
        with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"host all tester {other}/32 trust\n" for other in others.values())

    def _run(self, program: str, *words: str) -> None:
        """Run one of its programs to its end.

        No time is set for it: Python would look for its end every twentieth of a second, for as long as most take.
        """
        log = self._home / "programs.log"
        with log.open("ab") as output:
            ended = subprocess.run(
                [str(self._folder / program), *words],
                # Whoever only asks the server may be anybody, and is started without a copy of this process.
                user=self._user if program in _ITS_OWN else None,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        assert ended.returncode == 0, log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._home / "server.log"), "-w", "-t", "250", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is as if it crashed."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "-t", "250", "stop")

    def create(self, name: str) -> str:
        """Create a database; return its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", name)
        return self.url(name)

    def empty(self) -> str:
        """Return the URL of a database that holds nothing and that nobody is connected to: always the same one.

        PostgreSQL takes ten times as long to create one as to empty it.
        """
        if not self._has_empty:
            self.create(_EMPTY)
            self._has_empty = True
        else:
            others = "datname = current_database() and pid <> pg_backend_pid()"
            end = f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"  # noqa: S608
            statements = (end, "drop schema public cascade", "create schema public")
            words = (word for statement in statements for word in ("-c", statement))
            place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "tester")
            self._run("psql", *place, "-q", "-v", "ON_ERROR_STOP=1", "-d", _EMPTY, *words)
        return self.url(_EMPTY)

    def url(self, name: str) -> str:
        """Return a database's URL."""
        return f"postgresql://tester:not-shown@127.0.0.1:{self.port}/{name}"

    def dump(self, name: str) -> Path:
        """Copy a database into a file, as its owner does every night."""
        path = self._home / f"{name}.sql"
        place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "tester")
        self._run("pg_dump", *place, "--clean", "--if-exists", "-f", str(path), name)
        return path

    def restore(self, name: str, path: Path) -> None:
        """Put a database back from a file."""
        place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "tester")
        self._run("psql", *place, "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(path), name)

    def ask_for_passwords(self, user: str) -> None:
        """Let a user in with a password only."""
        rules = self._data / "pg_hba.conf"
        asked = f"host all {user} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(asked + rules.read_text(encoding="utf-8"), encoding="utf-8")
        self._run("pg_ctl", "-D", str(self._data), "reload")

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._home, ignore_errors=True)
