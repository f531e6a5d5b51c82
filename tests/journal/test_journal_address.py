"""What a journal's path or URL may say, and that none of it shows a password."""

import subprocess
import sys

import pytest

from allmysms_async import InvalidRequest
from allmysms_async.journal.address import address_of
from allmysms_async.journal.database import Database
from tests.cases import each

OPTIONS = {
    "sslmode=require": {"ssl": "require"},
    "ssl=verify-full": {"ssl": "verify-full"},
    "connect_timeout=3": {"timeout": 3.0},
    "passfile=/home/me/pass": {"passfile": "/home/me/pass"},
    "application_name=soldes": {"server_settings": {"application_name": "soldes"}},
    "sslmode=disable&connect_timeout=2.5": {"ssl": "disable", "timeout": 2.5},
}


@each(("query", "given"), OPTIONS.items())
def test_options_reach_the_driver(query, given):
    """The usual options of a PostgreSQL URL mean what they mean to every other program."""
    assert address_of(f"postgresql://me@127.0.0.1/soldes?{query}").options == given


def test_socket_can_be_named():
    """A folder with PostgreSQL's socket is given as other programs take it."""
    assert dict(address_of("postgresql:///soldes?host=/run/postgresql").url.query) == {"host": "/run/postgresql"}


@each(
    ("url", "told"),
    [
        ("postgresql://me@h/db?sslmode=perhaps", "sslmode must be one of disable, allow"),
        ("postgresql://me@h/db?sslmode=require&sslmode=disable", "sslmode"),
        ("postgresql://me@h/db?connect_timeout=soon", "connect_timeout"),
        ("postgresql://me@h/db?connect_timeout=0", "connect_timeout"),
        ("postgresql://me@h/db?connect_timeout=nan", "connect_timeout"),
        ("postgresql://me@h/db?pool_size=3", "pool_size"),
        ("postgresql://me@h/db?password=sesame", "password"),
        ("sqlite:///soldes.db?timeout=5", "timeout"),
        ("sqlite:///file:soldes.db?mode=ro", "uri=true"),
        ("mysql://me:sesame@h/db", "mysql"),
    ],
)
def test_options_that_are_not_known_are_refused(url, told):
    """An option that would be passed over, or crash, is refused by its name and without its value."""
    with pytest.raises(InvalidRequest, match=told) as refused:
        Database(url)
    assert "sesame" not in str(refused.value)


@each(
    "password",
    ["p@ss-word", "@ss-word", "p@ss:word", "p@ss/word", "p@ss?word", "p@ss#word", "p:a@ss/w@ord", "p@ss?x=word"],
)
def test_password_with_an_at_sign_is_refused_and_not_shown(password):
    """What follows the "@" would be taken for the host, and shown: it must be percent-encoded."""
    with pytest.raises(InvalidRequest, match="%40") as refused:
        Database(f"postgresql://me:{password}@127.0.0.1:1/db")
    assert "ss" not in str(refused.value).replace("password", "").replace("address", "")
    assert "word" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize("password", ["p%40ss-word", "p/ss-word", "p?ss-word", "p:ss-word"])
def test_label_shows_no_password(password):
    """A journal's name to people has no user and no password."""
    assert Database(f"postgresql://me:{password}@127.0.0.1:1/db").label == "postgresql://127.0.0.1:1/db"


@each(
    "url",
    ["postgresql://a:0/x", "postgresql://a:99999/x", "postgresql:///x?host=a&port=x", "postgresql:///x?host=a:65536",
     "postgresql:///x?host=a&host=b&port=5432&port=70000", "postgresql:///x?host=a,b&port=5432,0"],
)  # fmt: skip
def test_port_that_is_none_is_refused(url: str) -> None:
    """A port that no server has is refused in a sentence, wherever the URL says it."""
    with pytest.raises(InvalidRequest, match="has a port that is none"):
        address_of(url)


@each(
    "url",
    ["postgresql://a/x", "postgresql://[::1]:5432/x", "postgresql:///x?host=a:5432&host=[::1]:5433",
     "postgresql:///x?host=a,b&port=5432,5433", "postgresql:///x?host=::1&port=1"],
)  # fmt: skip
def test_ports_of_several_servers_are_taken(url: str) -> None:
    """Every form in which the driver takes servers and ports is taken."""
    assert address_of(url).label.endswith("/x")


@each(
    "where",
    [
        ":memory:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file::memory:?uri=true&cache=shared",
        "sqlite:///file:soldes?mode=memory&cache=shared&uri=true",
        "sqlite:///file:?uri=true",
        "sqlite:///file:/soldes?vfs=memdb&uri=true",
    ],
)
def test_journal_in_memory_is_refused(where):
    """A record that ends with the process protects nobody from a second text: it is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match="in memory"):
        Database(where)


IMPORTS = """
import asyncio, sys
import allmysms_async.journal as journal
from allmysms_async.campaign import import_journal
from allmysms_async.journal.database import Database

heavy = {"sqlalchemy.orm", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql", "asyncpg"}
Database("a.db")
asyncio.run(import_journal("a.db"))
asyncio.run(import_journal("sqlite:///a.db"))
print(sorted(heavy & set(sys.modules)))
asyncio.run(import_journal("postgresql://nobody@127.0.0.1/nothing"))
before = set(sys.modules)
Database("postgresql://nobody@127.0.0.1/nothing")
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.slow
def test_each_kind_of_journal_imports_what_it_takes_beforehand(tmp_path):
    """A file brings nothing of PostgreSQL's; a server's libraries are all there before the event loop needs them."""
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS], check=False, capture_output=True, text=True, timeout=100, cwd=tmp_path
    )
    assert (ended.stdout, ended.stderr) == ("[]\n[]\n", "")


PASSES = """
import asyncio, gc, sys
import allmysms_async
from allmysms_async.campaign import import_journal

passes = []

def note(phase, about):
    if phase == "start" and about["generation"] == 2:
        passes.append("sqlalchemy" in sys.modules)

ballast = [[] for _ in range({ballast})]
gc.collect()
gc.set_threshold(700, 10, 10_000)  # no full pass but those that are asked for
{before}
settings = gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()
gc.callbacks.append(note)
asyncio.run(import_journal("a.db"))
print(passes, settings == (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ballast", "before", "passes"),
    [(0, "", [False]), (0, "gc.disable()", []), (0, "import sqlalchemy", []), (400_000, "", [])],
    ids=["small", "switched off", "imported already", "large"],
)
def test_garbage_is_collected_before_the_libraries_are_there(tmp_path, ballast, before, passes):
    """A small process has its full pass before the libraries double its objects, and no setting of it is touched.

    Where a program has switched the collector off, or is so large that the libraries do not matter, it is left alone.
    """
    code = PASSES.format(ballast=ballast, before=before)
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=100, cwd=tmp_path
    )
    assert (ended.stdout, ended.stderr) == (f"{passes} True\n", "")
