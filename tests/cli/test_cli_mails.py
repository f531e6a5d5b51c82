"""``allmysms mails read``: how many errors were mailed back, what they mean, and how many of them are new."""

import json
from pathlib import Path

import pytest

from .conftest import Run

MAILS = {
    "a.eml": b"Message-ID: <1@allmysms.com>\n\nStatus=104\nStatusText=A utiliser: 45, Disponibles: 12\n",
    "b.eml": b"Message-ID: <2@allmysms.com>\n\nStatus=104\nStatusText=A utiliser: 5, Disponibles: 1\n",
    "c.eml": b"Message-ID: <3@allmysms.com>\n\nStatus=102\nStatusText=no\n",
    "d.eml": b"Message-ID: <4@allmysms.com>\n\nStatus=199\nStatusText=no\n",
    "e.eml": b"Subject: Soldes\n\nTout est moins cher\n",
}


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """A folder of mails, four of which are errors."""
    folder = tmp_path / "mails"
    folder.mkdir()
    for name, mail in MAILS.items():
        (folder / name).write_bytes(mail)
    return folder


async def test_errors_are_counted_by_their_meaning(run: Run, mails: Path, tmp_path: Path) -> None:
    """A person is told how many there are, how many are new, and what each status means."""
    journal = str(tmp_path / "journal.db")
    first = await run("mails", "read", "--folder", str(mails), journal)
    assert first.code == 0
    assert "5 mails read: 4 errors, 4 new." in first.out
    lines = {line.split()[0]: line.split()[1:3] for line in first.out.splitlines()[1:]}
    assert lines["104"] == ["2", "2"]
    assert "not enough credit" in first.out
    assert "a status that the manual does not list" in first.out
    (mails / "a.eml").unlink()
    (mails / "f.eml").write_bytes(MAILS["a.eml"].replace(b"<1@", b"<5@"))
    again = await run("mails", "read", "--folder", str(mails), journal)
    assert "5 mails read: 4 errors, 1 new." in again.out


async def test_json_has_the_same_figures(run: Run, mails: Path, tmp_path: Path) -> None:
    """One line of JSON; the journal may be named by the environment."""
    for new in (4, 0):
        ended = await run(
            "mails", "read", "--folder", str(mails), "--json", ALLMYSMS_JOURNAL=str(tmp_path / "journal.db")
        )
        said = json.loads(ended.out)
        meanings = said.pop("meanings")
        assert said == {
            "mails": 5,
            "unreadable": 0,
            "errors": 4,
            "new": new,
            "by_status": {"102": 1, "104": 2, "199": 1},
            "kept": {"102": 1, "104": 2, "199": 1},
        }
        assert set(meanings) == {"102", "104", "199"}
        assert "credit" in meanings["104"]


async def test_a_folder_without_errors_is_no_failure(run: Run, tmp_path: Path) -> None:
    """Nothing found is what everybody hopes for."""
    (tmp_path / "mails").mkdir()
    ended = await run("mails", "read", "--folder", str(tmp_path / "mails"), str(tmp_path / "journal.db"))
    assert (ended.code, ended.out.strip()) == (0, "0 mails read: 0 errors, 0 new.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("J",), "--folder or --imap"),
        (("--folder", "x", "--imap", "h", "--user", "u", "J"), "--folder or --imap"),
        (("--imap", "h", "J"), "go together"),
        (("--user", "u", "--folder", "x", "J"), "go together"),
        (("--imap", "h", "--user", "u", "J"), "ALLMYSMS_IMAP_PASSWORD"),
        (("--imap", "h", "--user", "u", "--password", "p", "J"), "No such option"),
        (("--imap", "a b", "--user", "u", "J"), "ALLMYSMS_IMAP_PASSWORD"),
        (("--folder", "missing", "J"), "missing"),
        (("--folder", ""), "empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_is_one_sentence(
    run: Run, words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing or too much is said, with the code of bad usage, and no password is an option."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALLMYSMS_IMAP_PASSWORD", raising=False)
    ended = await run("mails", "read", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_a_server_that_is_not_there_is_one_sentence(run: Run, reserve, tmp_path: Path) -> None:
    """It says that nothing was changed, and does not show the password."""
    ended = await run(
        *("mails", "read", "--imap", "127.0.0.1", "--port", str(reserve()), "--user", "u", str(tmp_path / "j.db")),
        ALLMYSMS_IMAP_PASSWORD="n0tShown",
    )
    assert ended.code == 1
    assert "cannot be reached" in ended.err
    assert "Nothing in the mailbox was changed" in ended.err
    assert "n0tShown" not in ended.err
