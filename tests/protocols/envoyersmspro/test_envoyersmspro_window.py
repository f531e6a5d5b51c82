"""The window of requests: never more than the limit in any window, on the real SQLite of a file and of memory."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidRequest, RequestLimitReached
from allmysms_async.protocols.envoyersmspro import place_file
from allmysms_async.protocols.envoyersmspro import window as window_module
from allmysms_async.protocols.envoyersmspro.window import RequestWindow, window_of

START = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR, MARGIN = 3600.0, 2.0


def after(seconds: float) -> datetime:
    """Return a moment so long after the start."""
    return START + timedelta(seconds=seconds)


def window(limit: int = 3, path: Path | None = None) -> RequestWindow:
    """Return a window of its own."""
    one = RequestWindow("a1", path=path)
    one.wish(limit)
    return one


def test_limit_is_kept_and_the_wait_is_told() -> None:
    """After so many requests there is no place until the first that ended is one window and a margin old."""
    one = window()
    for second in range(3):
        turn = one.take(after(second), 60)
        assert turn.wait == 0
        turn.end(after(second + 1))
    refused = one.take(after(10), 60)

    assert refused.wait == pytest.approx(1 + HOUR + MARGIN - 10, abs=0.01)
    assert one.turn_in(after(10)) == pytest.approx(refused.wait)
    assert one.take(after(1 + HOUR + MARGIN), 60).wait > 0
    assert one.take(after(1 + HOUR + MARGIN + 0.002), 60).wait == 0


def test_place_is_counted_from_the_end_of_its_request() -> None:
    """A request that takes long holds its place longer: the server counts when it arrives."""
    one = window(1)
    turn = one.take(START, 60)
    assert one.turn_in(START) == pytest.approx(60 + HOUR + MARGIN, abs=0.01)  # it may still take all of its time
    turn.end(after(45))

    assert one.turn_in(after(45)) == pytest.approx(HOUR + MARGIN, abs=0.01)


def test_place_of_a_request_that_takes_too_long_is_held() -> None:
    """A machine that sleeps for a day with a request under way still counts it: it may arrive at last."""
    one = window(1)
    turn = one.take(START, 60)
    day = 24 * HOUR
    assert one.free(after(day)) == 0
    assert one.take(after(day), 60).wait == pytest.approx(HOUR + MARGIN, abs=0.01)
    turn.end(after(day + 1))

    assert one.turn_in(after(day + 1)) == pytest.approx(HOUR + MARGIN, abs=0.01)


def test_place_of_a_request_that_never_left_is_free_at_once() -> None:
    """What surely was not sent counts nowhere."""
    one = window(1)
    one.take(START, 60).give_back()

    assert one.free(START) == 1
    assert one.take(START, 60).wait == 0


@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 60), st.floats(0, 1)), max_size=60),
)
def test_no_window_ever_holds_more_than_the_limit(limit: int, steps: list[tuple[float, float, float]]) -> None:
    """Whenever requests are asked for, and whenever in its time each arrives, any 60 minutes see the limit at most."""
    one = window(limit)
    now, arrivals = 0.0, list[float]()
    for gap, length, share in steps:
        now += gap
        turn = one.take(after(now), 60)
        if turn.wait:
            assert len(arrivals) >= limit
            continue
        arrivals.append(now + length * share)
        now += length
        turn.end(after(now))
    arrivals.sort()

    for first, last in zip(arrivals, arrivals[limit:], strict=False):
        assert last - first >= HOUR


def test_lowered_limit_counts_what_was_sent_before() -> None:
    """Where the server states a lower limit, requests beyond it wait for those sent before to leave the window."""
    one = window(5)
    for second in range(5):
        one.take(after(second), 60).end(after(second))
    one.state(2, START)

    assert one.turn_in(after(5)) == pytest.approx(3 + HOUR + MARGIN - 5, abs=0.01)
    one.state(0, START)
    assert one.limit == 2


def test_kept_place_is_left_free() -> None:
    """A place that is kept for asking what the limit is, is taken by nobody else."""
    one = window(2)
    assert one.take(START, 60, keep=1).wait == 0
    assert one.take(START, 60, keep=1).wait >= 1
    assert one.take(START, 60).wait == 0


def test_server_that_refuses_closes_the_window() -> None:
    """After the server's own refusal nothing is sent for what it says, or half a window; twice that is enough."""
    one = window(50)
    assert one.close(START, 30) == 30
    assert one.turn_in(START) == 30
    assert one.take(START, 60).wait == 30
    assert one.turn_in(after(30)) == 0
    wait = one.close(START)
    assert 2 * wait >= HOUR
    assert one.turn_in(START) == wait


def test_duration_is_foreseen() -> None:
    """What fits takes no time; what does not takes a window for each time the limit is filled."""
    one = window(100)
    assert one.least_seconds(100, START) == 0
    assert one.least_seconds(101, START) == HOUR + MARGIN
    assert one.least_seconds(300, START) == 2 * (HOUR + MARGIN)
    one.take(START, 60).end(START)
    assert one.least_seconds(101, after(1000)) == pytest.approx(HOUR + MARGIN - 1000)


def test_one_window_for_an_account_in_the_process(tmp_path: Path) -> None:
    """Everybody who asks for an account's window gets the same one; another account has its own."""
    path = tmp_path / "limit.db"
    try:
        assert window_of("b1", path) is window_of("b1", tmp_path / "." / "limit.db")
        assert window_of("b1", path) is not window_of("b2", path)
        window_of("b1", path).wish(1)
        window_of("b1", path).take(START, 1)
        assert window_of("b1", path).free(START) == 0
        assert window_of("b2", path).free(START) == window_module.DEFAULT_LIMIT
    finally:
        for account in ("b1", "b2"):
            window_module._windows.pop(account, None)


CHILD = """
import sys, os
from datetime import datetime
from pathlib import Path
from allmysms_async.protocols.envoyersmspro.window import window_of
window = window_of("c1", Path(sys.argv[1]))
now = datetime.fromisoformat(sys.argv[2])
if sys.argv[3] == "die":
    window.state(2, now)
    assert window.take(now, 60).wait == 0
    os._exit(9)
print(window.known(now), window.limit, window.free(now), window.turn_in(now))
"""


def child(path: Path, now: datetime, what: str) -> subprocess.CompletedProcess[str]:
    """Use a window's file in another process."""
    command = [sys.executable, "-P", "-c", CHILD, str(path), now.isoformat(), what]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.slow
def test_window_outlives_a_process_that_dies(tmp_path: Path) -> None:
    """Places taken and the stated limit are in the file: the next process goes on, and a dead one's place is held."""
    path = tmp_path / "limit.db"
    for second in (0, 1):
        died = child(path, after(second), "die")
        assert died.returncode == 9, died.stderr
    known, limit, free, wait = child(path, after(2), "look").stdout.split()

    assert (known, limit, free) == ("True", "2", "0")
    assert float(wait) == pytest.approx(60 + HOUR + MARGIN - 2, abs=0.01)
    assert child(path, after(2 * HOUR), "look").stdout.split()[2] == "2"


def test_file_names_nobody(tmp_path: Path) -> None:
    """The file holds moments and random names: neither login nor server."""
    one = RequestWindow("d1", path=tmp_path / "limit.db")
    one.take(START, 60)
    with closing(sqlite3.connect(tmp_path / "limit.db")) as connection, connection:
        rows = connection.execute("SELECT name FROM requests_d1").fetchall()
    connection.close()

    assert len(rows) == 1
    assert len(rows[0][0]) == 16


def wait_of(one: RequestWindow, now: datetime) -> float:
    """Return what taking a place says, asking again whenever the file is busy."""
    while True:
        try:
            return one.take(now, 60).wait
        except RequestLimitReached as busy:
            again = busy.retry_after
        assert again
        time.sleep(again)


def test_threads_and_connections_share_the_limit(tmp_path: Path) -> None:
    """Many threads over two connections to one file, all at once: exactly the limit is let through.

    Who finds the file busy asks again, as the error says: how often that is, is the machine's business.
    """
    windows = [window(20, tmp_path / "limit.db") for _ in range(2)]
    taken: list[float] = []
    barrier = threading.Barrier(8)

    def take(number: int) -> None:
        chance = random.Random(number)
        barrier.wait()
        taken.extend(wait_of(windows[number % 2], after(chance.random())) for _ in range(10))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 80
    assert taken.count(0.0) == 20


RUSH = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from allmysms_async.errors import RequestLimitReached
from allmysms_async.protocols.envoyersmspro.window import RequestWindow
window = RequestWindow("c2", path=Path(sys.argv[1]))
window.wish(30)
now = datetime.fromisoformat(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
taken = 0
for number in range(60):
    while True:
        try:
            turn = window.take(now + timedelta(seconds=number), 60)
        except RequestLimitReached:
            continue  # the file is busy just now
        break
    taken += turn.wait == 0
print(taken)
"""


@pytest.mark.slow
def test_processes_at_once_share_the_limit(tmp_path: Path) -> None:
    """Four processes that take whatever they get, all at the same time, get exactly the limit together."""
    path = tmp_path / "limit.db"
    command = [sys.executable, "-P", "-c", RUSH, str(path), START.isoformat()]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    taken = [int(one.communicate(timeout=60)[0]) for one in running]

    assert sum(taken) == 30
    assert RequestWindow("c2", path=path).free(after(60)) == window_module.DEFAULT_LIMIT - 30


def test_file_of_an_earlier_version_goes_on_counting(tmp_path: Path) -> None:
    """A file that is in use stays what it is: the requests that an earlier version noted in it count."""
    path = tmp_path / "limit.db"
    moments = [round(after(second).timestamp() * 1000) for second in (-5000, 0, 1, 2)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE requests_a4 (name VARCHAR, item_timestamp INTEGER)")
        connection.executemany("INSERT INTO requests_a4 VALUES ('0123', ?)", [(moment,) for moment in moments])
    connection.close()
    one = RequestWindow("a4", path=path)
    one.wish(4)

    assert one.free(after(3)) == 1
    assert one.take(after(3), 60).wait == 0
    assert one.take(after(3), 60).wait == pytest.approx(HOUR + MARGIN - 3, abs=0.01)


def test_use_that_is_broken_off_leaves_the_file_to_others(tmp_path: Path) -> None:
    """An interrupt between looking and taking (Ctrl-C) takes no place and locks nobody out."""
    path = tmp_path / "limit.db"
    one, other = window(2, path), window(2, path)
    with pytest.raises(KeyboardInterrupt), one._places.alone():
        raise KeyboardInterrupt

    assert other.take(START, 60).wait == 0
    assert one.take(START, 60).wait == 0
    assert one.take(START, 60).wait > 0


def test_request_that_others_took_for_long_over_counts_from_its_end(tmp_path: Path) -> None:
    """A process that slept ends its request late: it counts then, whatever another process tidied up meanwhile."""
    path = tmp_path / "limit.db"
    slept, other = window(2, path), window(2, path)
    turn = slept.take(START, 60)
    other.take(after(2 * HOUR), 60).give_back()
    turn.end(after(2 * HOUR + 1))

    assert other.free(after(2 * HOUR + 2)) == 1


def test_moments_long_past_do_not_shorten_what_is_foreseen() -> None:
    """Only requests that still count tell when their places are free again."""
    one = window(2)
    one.take(START, 60).end(START)
    assert one.least_seconds(3, after(10 * HOUR)) == HOUR + MARGIN


def test_file_that_is_busy_sends_nothing_and_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that somebody else locks is a clear error before a request; after one, its answer counts for more."""
    monkeypatch.setattr(place_file, "_BUSY_SECONDS", 0.01)
    path = tmp_path / "limit.db"
    one = window(5, path)
    turn = one.take(START, 60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RequestLimitReached, match="cannot be used") as busy:
        one.take(START, 60)
    assert busy.value.retry_after is not None
    assert busy.value.retry_after <= 1
    assert not busy.value.told
    turn.end(after(1))
    other.execute("ROLLBACK")
    other.close()

    assert "could not be noted" in caplog.text
    assert one.free(after(2)) == 4


def test_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """A folder that is missing, or a file of another kind, is refused at once."""
    other = tmp_path / "letter.txt"
    other.write_text("Bonjour" * 1000)
    for path in (tmp_path / "missing" / "limit.db", other):
        with pytest.raises(InvalidRequest, match="cannot be used"):
            window_of("e1", path)


def test_one_count_whatever_the_path(tmp_path: Path) -> None:
    """No path joins the window that there is; a second file, or one beside a count in memory, is refused."""
    path = tmp_path / "limit.db"
    try:
        assert window_of("f1", None) is window_of("f1", None)
        with pytest.raises(InvalidRequest, match="same limit_path"):
            window_of("f1", path)
        assert window_of("f2", path) is window_of("f2", None)
        with pytest.raises(InvalidRequest, match="same limit_path"):
            window_of("f2", tmp_path / "other.db")
        assert not (tmp_path / "other.db").exists()
    finally:
        for account in ("f1", "f2"):
            window_module._windows.pop(account, None)


def test_clock_that_is_set_back_waits_one_window_at_most(tmp_path: Path) -> None:
    """Places and refusals of a clock that was years ahead are counted from now on, and no longer than usual."""
    one, years = window(5, tmp_path / "limit.db"), 10 * 365 * 24 * HOUR
    running = one.take(after(years), 60)
    for _ in range(4):
        one.take(after(years), 60).end(after(years))
    assert HOUR <= one.turn_in(START) <= HOUR + MARGIN + 1
    running.end(after(30))
    assert one.free(after(HOUR + MARGIN + 1)) == 4
    one.close(after(years))
    assert one.turn_in(after(2 * HOUR)) <= HOUR
    one.close(after(2 * HOUR))
    assert one.turn_in(after(3 * HOUR)) == 0


def test_less_of_what_is_wished_and_stated_counts(tmp_path: Path) -> None:
    """The server's word is remembered for a day, the caller's is for the process alone; neither raises the other."""
    path = tmp_path / "limit.db"
    one = RequestWindow("a2", path=path)
    assert (one.limit, one.known(START)) == (window_module.DEFAULT_LIMIT, False)
    one.wish(50)
    one.state(15000, START)
    assert (one.limit, one.known(START)) == (50, True)
    next_one = RequestWindow("a2", path=path)
    assert (next_one.limit, next_one.known(START)) == (15000, True)
    assert not next_one.known(after(24 * HOUR + 1))
    next_one.state(20, after(1))
    next_one.wish(50)
    assert next_one.limit == 20


def test_question_that_failed_is_asked_again_a_window_later() -> None:
    """Without an answer the default stays for a window, not for good."""
    one = RequestWindow("a3")
    one.state(None, START)
    assert one.known(after(HOUR))
    assert not one.known(after(HOUR + MARGIN + 1))


def test_refusal_of_the_server_counts_for_everybody(tmp_path: Path) -> None:
    """What the server refused one process is told to the others, and is part of what is foreseen."""
    path = tmp_path / "limit.db"
    one, other = window(50, path), window(50, path)
    one.close(START, 1000)
    assert other.take(START, 60).wait == 1000
    assert other.least_seconds(1, START) == 1000
    assert other.least_seconds(0, START) == 0
    assert other.least_seconds(51, START) == HOUR + MARGIN


_FORKED = """
import multiprocessing, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from allmysms_async.protocols.envoyersmspro.window import RequestWindow

fork, now = multiprocessing.get_context("fork"), datetime(2027, 3, 2, 10, tzinfo=UTC)
window = RequestWindow("a1", path=Path(sys.argv[1]) if sys.argv[1] else None)
window.wish(10)
over, places = threading.Event(), fork.SimpleQueue()

def look():
    while not over.is_set():
        window.turn_in(now)

def child():
    turn = window.take(now, 60)
    turn.end(now)
    places.put((turn.wait == 0, window.free(now)))

window.take(now, 60).end(now)
threads = [threading.Thread(target=look) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(4):
    process = fork.Process(target=child)
    process.start()
    process.join(60)
    print(process.exitcode, *places.get())
over.set()
for thread in threads:
    thread.join()
print(window.free(now))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["in a file", "in memory"])
def test_child_process_takes_places_of_its_own(tmp_path: Path, kept: str) -> None:
    """A process forked off while other threads count goes on counting: with a file together with its parent."""
    path = str(tmp_path / "limit.db") if kept == "in a file" else ""
    command = [sys.executable, "-W", "error", "-c", _FORKED, path]
    told = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (told.stderr, told.returncode) == ("", 0)
    if path:
        assert told.stdout.splitlines() == ["0 True 8", "0 True 7", "0 True 6", "0 True 5", "5"]
    else:
        assert told.stdout.splitlines() == ["0 True 8"] * 4 + ["9"]
