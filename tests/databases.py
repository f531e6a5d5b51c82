"""Where journals can be: files, and a PostgreSQL that is started for the tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from .journal.database import Postgres, programs

__all__ = ["journal", "postgres", "server"]


@pytest.fixture(scope="session")
def server(reserve: Callable[[], int]) -> Iterator[Postgres | None]:
    """A running PostgreSQL, or None where the machine has none."""
    folder = programs()
    if folder is None:
        yield None
        return
    postgres = Postgres(folder, reserve())
    try:
        postgres.start()
        yield postgres
        postgres.stop("immediate")
    finally:
        postgres.remove()


@pytest.fixture
def postgres(server: Postgres | None, machine_lacks: Callable[[str], NoReturn]) -> Postgres:
    """A running PostgreSQL."""
    if server is None:
        machine_lacks("PostgreSQL (Debian: postgresql)")
    return server


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a journal can be: a file, then a database."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    running: Postgres = request.getfixturevalue("postgres")
    return running.empty()
