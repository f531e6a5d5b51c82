"""Hours of marketing texts: a table worked out by hand with a calendar, and what must hold of every moment."""

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import law
from allmysms_async.errors import InvalidRequest
from tests.cases import each

SAME = ""
"""The moment itself is legal."""

# Zone by its code, the moment, the first legal moment from it on. Rule `gateway`, with the margin of 10 minutes.
# fmt: off
TABLE = [
    # An ordinary Friday in Paris.
    ("33", "2026-11-27T00:00:00+01:00", "2026-11-27T08:00:00+01:00"),
    ("33", "2026-11-27T07:59:59+01:00", "2026-11-27T08:00:00+01:00"),
    ("33", "2026-11-27T07:59:59.999999+01:00", "2026-11-27T08:00:00+01:00"),
    ("33", "2026-11-27T08:00:00+01:00", SAME),
    ("33", "2026-11-27T12:00:00+01:00", SAME),
    ("33", "2026-11-27T19:49:59+01:00", SAME),
    ("33", "2026-11-27T19:49:59.999999+01:00", SAME),
    ("33", "2026-11-27T19:50:00+01:00", "2026-11-28T08:00:00+01:00"),
    ("33", "2026-11-27T19:59:59+01:00", "2026-11-28T08:00:00+01:00"),
    ("33", "2026-11-27T20:00:00+01:00", "2026-11-28T08:00:00+01:00"),
    ("33", "2026-11-27T23:59:59+01:00", "2026-11-28T08:00:00+01:00"),
    # A Saturday, the Sunday after it.
    ("33", "2026-11-28T08:00:00+01:00", SAME),
    ("33", "2026-11-28T19:50:00+01:00", "2026-11-30T08:00:00+01:00"),
    ("33", "2026-11-29T00:00:00+01:00", "2026-11-30T08:00:00+01:00"),
    ("33", "2026-11-29T12:00:00+01:00", "2026-11-30T08:00:00+01:00"),
    ("33", "2026-11-30T07:59:59+01:00", "2026-11-30T08:00:00+01:00"),
    # The same by another clock than the zone's.
    ("33", "2026-11-27T06:59:59+00:00", "2026-11-27T07:00:00+00:00"),
    ("33", "2026-11-27T07:00:00+00:00", SAME),
    ("33", "2026-11-28T07:59:00+09:00", "2026-11-28T16:00:00+09:00"),
    # The clocks go back on Sunday 25 October 2026: Saturday in summer time, Monday in winter time.
    ("33", "2026-10-24T19:49:59+02:00", SAME),
    ("33", "2026-10-24T19:50:00+02:00", "2026-10-26T08:00:00+01:00"),
    ("33", "2026-10-25T02:30:00+02:00", "2026-10-26T08:00:00+01:00"),
    ("33", "2026-10-25T02:30:00+01:00", "2026-10-26T08:00:00+01:00"),
    ("33", "2026-10-26T06:59:59+00:00", "2026-10-26T07:00:00+00:00"),
    # They go forward on Sunday 29 March 2026.
    ("33", "2026-03-28T19:49:59+01:00", SAME),
    ("33", "2026-03-28T20:00:00+01:00", "2026-03-30T08:00:00+02:00"),
    ("33", "2026-03-30T05:59:59+00:00", "2026-03-30T06:00:00+00:00"),
    ("33", "2026-03-30T06:00:00+00:00", SAME),
    # Easter: 5 April 2026; the Monday after it, Ascension (14 May), the Monday after Pentecost (25 May).
    ("33", "2026-04-03T12:00:00+02:00", SAME),
    ("33", "2026-04-04T19:50:00+02:00", "2026-04-07T08:00:00+02:00"),
    ("33", "2026-04-06T12:00:00+02:00", "2026-04-07T08:00:00+02:00"),
    ("33", "2026-05-14T09:00:00+02:00", "2026-05-15T08:00:00+02:00"),
    ("33", "2026-05-23T21:00:00+02:00", "2026-05-26T08:00:00+02:00"),
    ("33", "2026-05-25T10:00:00+02:00", "2026-05-26T08:00:00+02:00"),
    # Easter 2027 is 28 March, when the clocks go forward too.
    ("33", "2027-03-27T19:50:00+01:00", "2027-03-30T08:00:00+02:00"),
    # Other holidays: 1 January 2027 (a Friday), 1 and 8 May 2026 (Fridays), 14 July (a Tuesday), 15 August (a
    # Saturday), 1 November (a Sunday), 11 November (a Wednesday), 25 December (a Friday).
    ("33", "2026-12-31T20:00:00+01:00", "2027-01-02T08:00:00+01:00"),
    ("33", "2027-01-01T10:00:00+01:00", "2027-01-02T08:00:00+01:00"),
    ("33", "2026-05-01T10:00:00+02:00", "2026-05-02T08:00:00+02:00"),
    ("33", "2026-05-08T10:00:00+02:00", "2026-05-09T08:00:00+02:00"),
    ("33", "2026-07-14T08:00:00+02:00", "2026-07-15T08:00:00+02:00"),
    ("33", "2026-08-14T20:00:00+02:00", "2026-08-17T08:00:00+02:00"),
    ("33", "2026-10-31T20:00:00+01:00", "2026-11-02T08:00:00+01:00"),
    ("33", "2026-11-11T10:00:00+01:00", "2026-11-12T08:00:00+01:00"),
    ("33", "2026-12-24T19:55:00+01:00", "2026-12-26T08:00:00+01:00"),
    ("33", "2026-12-26T10:00:00+01:00", SAME),
    # The days of others are none in metropolitan France: abolition in Martinique, Guadeloupe, Guyane, Mayotte.
    ("33", "2026-05-22T10:00:00+02:00", SAME),
    ("33", "2026-05-27T10:00:00+02:00", SAME),
    ("33", "2026-06-10T10:00:00+02:00", SAME),
    ("33", "2026-04-27T10:00:00+02:00", SAME),
    # One instant, Friday 27 November 2026 at 12:00 UTC: La Réunion 16:00 and Mayotte 15:00, Martinique and Guadeloupe
    # 08:00, Guyane and Saint-Pierre 09:00, New Caledonia 23:00, Wallis Saturday 00:00, Tahiti 02:00.
    ("33", "2026-11-27T12:00:00+00:00", SAME),
    ("262", "2026-11-27T12:00:00+00:00", SAME),
    ("596", "2026-11-27T12:00:00+00:00", SAME),
    ("590", "2026-11-27T12:00:00+00:00", SAME),
    ("594", "2026-11-27T12:00:00+00:00", SAME),
    ("508", "2026-11-27T12:00:00+00:00", SAME),
    ("687", "2026-11-27T12:00:00+00:00", "2026-11-27T21:00:00+00:00"),
    ("681", "2026-11-27T12:00:00+00:00", "2026-11-27T20:00:00+00:00"),
    ("689", "2026-11-27T12:00:00+00:00", "2026-11-27T18:00:00+00:00"),
    # An hour and a second before: 06:59:59 in Martinique, 07:59:59 in Guyane and on Saint-Pierre.
    ("262", "2026-11-27T10:59:59+00:00", SAME),
    ("596", "2026-11-27T10:59:59+00:00", "2026-11-27T12:00:00+00:00"),
    ("594", "2026-11-27T10:59:59+00:00", "2026-11-27T11:00:00+00:00"),
    ("508", "2026-11-27T10:59:59+00:00", "2026-11-27T11:00:00+00:00"),
    # Four hours after: 20:00 on La Réunion, noon in Martinique, 13:00 on Saint-Pierre.
    ("262", "2026-11-27T16:00:00+00:00", "2026-11-28T05:00:00+00:00"),
    ("596", "2026-11-27T16:00:00+00:00", SAME),
    ("508", "2026-11-27T16:00:00+00:00", SAME),
    # La Réunion and Mayotte have one code, and Mayotte's clock is an hour behind: 09:00 there is 08:00 here.
    ("262", "2026-11-27T08:59:59+04:00", "2026-11-27T09:00:00+04:00"),
    ("262", "2026-11-27T09:00:00+04:00", SAME),
    ("262", "2026-11-27T19:49:59+04:00", SAME),
    ("262", "2026-11-27T19:50:00+04:00", "2026-11-28T09:00:00+04:00"),
    # Saturday's end, then Sunday: it is over on La Réunion when it still is Sunday in Mayotte.
    ("262", "2026-11-29T23:59:00+04:00", "2026-11-30T09:00:00+04:00"),
    ("262", "2026-11-30T00:30:00+04:00", "2026-11-30T09:00:00+04:00"),
    # Abolition: Mayotte 27 April 2026 (a Monday), La Réunion 20 December 2027 (a Monday).
    ("262", "2026-04-25T20:00:00+04:00", "2026-04-28T09:00:00+04:00"),
    ("262", "2026-04-27T12:00:00+04:00", "2026-04-28T09:00:00+04:00"),
    ("262", "2027-12-18T20:00:00+04:00", "2027-12-21T09:00:00+04:00"),
    ("262", "2027-12-20T12:00:00+04:00", "2027-12-21T09:00:00+04:00"),
    # Martinique: Good Friday, abolition on 22 May (a Friday), Schoelcher on 21 July (a Tuesday), 2 November (a Monday);
    # carnival (17 February) and Mi-Carême (12 March) are days like any other.
    ("596", "2026-04-03T10:00:00-04:00", "2026-04-04T08:00:00-04:00"),
    ("596", "2026-05-22T10:00:00-04:00", "2026-05-23T08:00:00-04:00"),
    ("596", "2026-05-27T10:00:00-04:00", SAME),
    ("596", "2026-07-21T10:00:00-04:00", "2026-07-22T08:00:00-04:00"),
    ("596", "2026-10-31T20:00:00-04:00", "2026-11-03T08:00:00-04:00"),
    ("596", "2026-02-17T10:00:00-04:00", SAME),
    ("596", "2026-03-12T10:00:00-04:00", SAME),
    ("596", "2026-11-27T19:49:59-04:00", SAME),
    ("596", "2026-11-27T19:50:00-04:00", "2026-11-28T08:00:00-04:00"),
    # Guadeloupe, Saint-Martin and Saint-Barthélemy: 27 May (a Wednesday) and 28 May, 9 October (a Friday).
    ("590", "2026-05-22T10:00:00-04:00", SAME),
    ("590", "2026-05-26T20:00:00-04:00", "2026-05-29T08:00:00-04:00"),
    ("590", "2026-05-28T10:00:00-04:00", "2026-05-29T08:00:00-04:00"),
    ("590", "2026-10-09T10:00:00-04:00", "2026-10-10T08:00:00-04:00"),
    ("590", "2026-04-03T10:00:00-04:00", "2026-04-04T08:00:00-04:00"),
    ("590", "2026-07-21T10:00:00-04:00", "2026-07-22T08:00:00-04:00"),
    ("590", "2026-03-12T10:00:00-04:00", SAME),
    # Guyane: 10 June 2026 (a Wednesday), and no Good Friday.
    ("594", "2026-06-10T10:00:00-03:00", "2026-06-11T08:00:00-03:00"),
    ("594", "2026-04-03T10:00:00-03:00", SAME),
    ("594", "2026-05-22T10:00:00-03:00", SAME),
    # Saint-Pierre-et-Miquelon has summer time from 8 March to 1 November 2026, as North America has.
    ("508", "2026-03-07T19:50:00-03:00", "2026-03-09T08:00:00-02:00"),
    ("508", "2026-03-09T09:59:59+00:00", "2026-03-09T10:00:00+00:00"),
    ("508", "2026-10-31T19:50:00-02:00", "2026-11-02T08:00:00-03:00"),
    ("508", "2026-11-02T10:59:59+00:00", "2026-11-02T11:00:00+00:00"),
    # New Caledonia: 24 September 2026 (a Thursday). Its Monday begins when it is Sunday in Paris.
    ("687", "2026-09-24T10:00:00+11:00", "2026-09-25T08:00:00+11:00"),
    ("687", "2026-11-29T21:00:00+00:00", SAME),
    ("687", "2026-11-29T20:59:59+00:00", "2026-11-29T21:00:00+00:00"),
    ("687", "2026-11-27T19:50:00+11:00", "2026-11-28T08:00:00+11:00"),
    # French Polynesia: 08:00 in Tahiti is 08:30 in the Marquesas and 09:00 in the Gambier Islands, whose 19:50 is 18:50
    # in Tahiti.
    ("689", "2026-11-27T07:59:59-10:00", "2026-11-27T08:00:00-10:00"),
    ("689", "2026-11-27T08:00:00-10:00", SAME),
    ("689", "2026-11-27T18:49:59-10:00", SAME),
    ("689", "2026-11-27T18:50:00-10:00", "2026-11-28T08:00:00-10:00"),
    # Good Friday, 5 March (a Thursday), 20 November (a Friday) 2026; 29 June no more since 2025, as it was in 2024.
    ("689", "2026-04-03T10:00:00-10:00", "2026-04-04T08:00:00-10:00"),
    ("689", "2026-03-05T10:00:00-10:00", "2026-03-06T08:00:00-10:00"),
    ("689", "2026-11-20T10:00:00-10:00", "2026-11-21T08:00:00-10:00"),
    ("689", "2026-06-29T10:00:00-10:00", SAME),
    ("689", "2024-06-29T10:00:00-10:00", "2024-07-01T08:00:00-10:00"),
    # Wallis-et-Futuna: 28 April (a Tuesday), 29 June (a Monday), 29 July (a Wednesday) 2026.
    ("681", "2026-04-28T10:00:00+12:00", "2026-04-29T08:00:00+12:00"),
    ("681", "2026-06-27T20:00:00+12:00", "2026-06-30T08:00:00+12:00"),
    ("681", "2026-07-29T10:00:00+12:00", "2026-07-30T08:00:00+12:00"),
    ("681", "2026-11-27T19:49:59+12:00", SAME),
]
# The same with other arguments.
OTHERS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("33", "2026-11-27T19:59:59+01:00", SAME, {"margin": timedelta()}),
    ("33", "2026-11-27T20:00:00+01:00", "2026-11-28T08:00:00+01:00", {"margin": timedelta()}),
    ("33", "2026-11-27T18:59:59+01:00", SAME, {"margin": timedelta(hours=1)}),
    ("33", "2026-11-27T19:00:00+01:00", "2026-11-28T08:00:00+01:00", {"margin": timedelta(hours=1)}),
    ("33", "2026-04-03T12:00:00+02:00", "2026-04-04T08:00:00+02:00", {"alsace_moselle": True}),
    ("33", "2026-04-02T19:50:00+02:00", "2026-04-04T08:00:00+02:00", {"alsace_moselle": True}),
    ("33", "2026-12-24T20:00:00+01:00", "2026-12-28T08:00:00+01:00", {"alsace_moselle": True}),
    ("594", "2026-04-03T10:00:00-03:00", SAME, {"alsace_moselle": True}),
    ("33", "2026-11-27T21:49:59+01:00", SAME, {"rule": "af2m"}),
    ("33", "2026-11-27T21:50:00+01:00", "2026-11-28T08:00:00+01:00", {"rule": "af2m"}),
    ("33", "2026-11-27T21:59:59+01:00", SAME, {"rule": "af2m", "margin": timedelta()}),
    ("33", "2026-11-28T22:00:00+01:00", "2026-11-30T08:00:00+01:00", {"rule": "af2m", "margin": timedelta()}),
    ("33", "2026-11-29T12:00:00+01:00", "2026-11-30T08:00:00+01:00", {"rule": "af2m"}),
    ("33", "2026-05-01T12:00:00+02:00", "2026-05-02T08:00:00+02:00", {"rule": "af2m"}),
    ("689", "2026-11-27T20:49:59-10:00", SAME, {"rule": "af2m"}),
]
# fmt: on
ROWS = [*((*row, {}) for row in TABLE), *OTHERS]

moments = st.datetimes(
    min_value=datetime(2024, 1, 1), max_value=datetime(2032, 12, 31), timezones=st.sampled_from([UTC, timezone.max])
)
options = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(sorted(law.RULES)),
        "margin": st.timedeltas(timedelta(), law.MAX_MARGIN),
        "alsace_moselle": st.booleans(),
    }
)
zones = st.sampled_from([*law.ZONES.values(), law.ELSEWHERE])


def test_table_is_long_enough() -> None:
    """Every zone of France is in it."""
    assert len(ROWS) > 80
    assert {code for code, *_ in TABLE} == set(law.ZONES)


@each(("code", "at", "expected", "more"), ROWS)
def test_moments_worked_out_by_hand(code: str, at: str, expected: str, more: dict[str, Any]) -> None:
    """A text may be sent at a moment, or else from the next legal one on, and not a microsecond before."""
    zone, instant = law.ZONES[code], datetime.fromisoformat(at)
    first = law.next_legal(zone, instant, **more)
    assert law.may_send(zone, instant, **more) is (expected == SAME)
    assert first == datetime.fromisoformat(expected or at)
    if expected != SAME:
        assert not law.may_send(zone, first - timedelta(microseconds=1), **more)


@each(
    ("code", "at", "end"),
    [
        ("33", "2026-11-27T08:00:00+01:00", "2026-11-27T19:50:00+01:00"),
        ("33", "2026-11-27T19:49:59+01:00", "2026-11-27T19:50:00+01:00"),
        ("33", "2026-10-26T07:00:00+00:00", "2026-10-26T18:50:00+00:00"),
        ("262", "2026-11-27T09:00:00+04:00", "2026-11-27T19:50:00+04:00"),
        ("689", "2026-11-27T08:00:00-10:00", "2026-11-27T18:50:00-10:00"),
        ("33", "2026-11-27T07:00:00+01:00", "2026-11-27T07:00:00+01:00"),
    ],
)
def test_end_of_the_hours(code: str, at: str, end: str) -> None:
    """The hours end by the first clock of the zone that says so; of none at all a moment is its own end."""
    assert law.legal_until(law.ZONES[code], datetime.fromisoformat(at)) == datetime.fromisoformat(end)


def test_moments_are_told_by_the_zones_clock() -> None:
    """What is said to people is a time of day there."""
    found = law.next_legal(law.ZONES["596"], datetime(2026, 11, 28, 2, tzinfo=UTC))
    assert found.isoformat() == "2026-11-28T08:00:00-04:00"


@given(zone=zones, instant=moments, more=options)
def test_next_legal_is_legal_and_idempotent(zone: law.Zone, instant: datetime, more: dict[str, Any]) -> None:
    """It may be sent then, and it comes at or after the moment."""
    found = law.next_legal(zone, instant, **more)
    assert found >= instant
    assert law.may_send(zone, found, **more)
    assert law.next_legal(zone, found, **more) == found


@given(zone=zones, instant=moments, more=options, share=st.floats(0, 1, exclude_max=True))
def test_next_legal_is_the_first(zone: law.Zone, instant: datetime, more: dict[str, Any], share: float) -> None:
    """Nothing may be sent at any moment between."""
    found = law.next_legal(zone, instant, **more)
    between = instant + (found - instant) * share
    assert between >= found or not law.may_send(zone, between, **more)


@given(zone=zones, instant=moments, more=options, share=st.floats(0, 1, exclude_max=True))
def test_hours_are_legal_to_their_end(zone: law.Zone, instant: datetime, more: dict[str, Any], share: float) -> None:
    """Until then a text may be sent at any moment, and not any more then."""
    begin = law.next_legal(zone, instant, **more)
    end = law.legal_until(zone, begin, **more)
    assert end > begin
    if zone is law.ELSEWHERE:
        assert end == law.NO_END
        return
    assert not law.may_send(zone, end, **more)
    assert law.may_send(zone, min(begin + (end - begin) * share, end - timedelta(microseconds=1)), **more)


@each(
    ("more", "words"),
    [
        ({"instant": datetime(2026, 11, 27, 12)}, "no time zone"),
        ({"instant": "2026-11-27"}, "datetime"),
        ({"rule": "statute"}, "gateway or af2m"),
        ({"margin": timedelta(hours=7)}, "0 to 6 hours"),
        ({"margin": timedelta(seconds=-1)}, "0 to 6 hours"),
        ({"margin": 10}, "timedelta"),
        ({"zone": "33"}, "Zone"),
    ],
)
@each("function", [law.may_send, law.next_legal, law.legal_until])
def test_wrong_arguments_are_typed_errors(function: Any, more: dict[str, Any], words: str) -> None:
    """A naive moment is no moment, and there is no rule but those of the table."""
    usual: dict[str, Any] = {"zone": law.ZONES["33"], "instant": datetime(2026, 11, 27, 12, tzinfo=UTC)}
    with pytest.raises(InvalidRequest, match=words):
        function(**(usual | more))


def test_rules_have_dates_and_sources() -> None:
    """Each says since when it holds and where it stands."""
    assert list(law.RULES) == ["gateway", "af2m"]
    for name, rule in law.RULES.items():
        assert rule.name == name
        assert rule.source
        assert rule.since.year >= 2022


def test_zones_are_one_of_each_after_pickling() -> None:
    """They are compared by identity, also those that came from another process."""
    for zone in (*law.ZONES.values(), law.ELSEWHERE):
        assert pickle.loads(pickle.dumps(zone)) is zone  # noqa: S301  # made here


@pytest.mark.slow
def test_library_of_holidays_is_imported_when_it_is_needed() -> None:
    """Importing the law imports no holidays; asking for hours does, or loading them before."""
    code = (
        "import sys, json; from allmysms_async import law; before = 'holidays' in sys.modules; law.load_holidays();"
        "print(json.dumps([before, 'holidays' in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=250)
    assert json.loads(run.stdout) == [False, True]
