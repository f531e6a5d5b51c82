"""Lengths that are told by columns are those that each text by itself has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import InvalidText
from allmysms_async.preview.measure import Measure
from allmysms_async.text import Coding, Template
from tests.cases import each

LITERALS = ("", "Bonjour ", "x" * 150, "€", "a\n", "{}", "l’", "😀", "x" * 65)
VALUES = st.text("ab€]\n’ç😀", max_size=90)


@pytest.mark.slow
@given(
    text=st.lists(st.sampled_from([*LITERALS, "#param_1#", "#param_2#"]), max_size=8),
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12),
    appended=st.sampled_from(["", " STOP au 36180 "]),
)
def test_columns_are_measured_as_each_text_is(text: list[str], rows: list[tuple[str, str]], appended: str) -> None:
    """Units and parts of many rows at once are those of ``Template.size``, in both codings."""
    template = Template("".join(["#param_1##param_2#", *text]), appended)
    measure = Measure(template)
    for coding in Coding:
        try:
            sizes = [template.size(row, coding) for row in rows]
        except InvalidText:  # no chunk in GSM-7 holds what it lacks
            continue
        columns = list(zip(*rows, strict=True))
        assert measure.units(coding, columns) == [size.units for size in sizes]
        assert measure.parts(coding, columns) == [size.parts for size in sizes]
        assert [measure.whole(coding, template.render(row)) for row in rows] == [size.units for size in sizes]


@each(
    ("coding", "value", "units", "parts"),
    [
        (Coding.GSM7, "a" * 160, 160, 1),
        (Coding.GSM7, "a" * 161, 161, 2),
        (Coding.GSM7, "a" * 152 + "€" + "a" * 152, 306, 3),
        (Coding.GSM7, "]" * 153, 306, 3),
        (Coding.UNICODE, "ç" * 70, 70, 1),
        (Coding.UNICODE, "ç" * 71, 71, 2),
        (Coding.UNICODE, "😀" * 67, 134, 3),
        (Coding.UNICODE, "ç" * 135, 135, 3),
    ],
)
def test_boundaries_are_those_of_the_manual(coding: Coding, value: str, units: int, parts: int) -> None:
    """Lengths worked out by hand on either side of each boundary."""
    measure = Measure(Template("#param_1#"))
    assert (measure.units(coding, [[value, value]]), measure.parts(coding, [[value, value]])) == (
        [units, units],
        [parts, parts],
    )
