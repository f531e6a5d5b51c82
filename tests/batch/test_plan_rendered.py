"""Rendered texts beside templates: a value that looks like a placeholder."""

from __future__ import annotations

from pyroaring import BitMap64

from allmysms_async import RestBackend
from allmysms_async.batch.plan import Planner
from allmysms_async.model import Recipient, SmsMessage


def test_text_rendered_to_the_template_itself_has_a_chunk_of_its_own() -> None:
    """A row whose value is ``#param_1#`` renders to the template: it is never mixed with rows that are filled in."""
    planner = Planner(
        SmsMessage("Bonjour #param_1#"), RestBackend.limits, chunk_size=10, seen=BitMap64(), accounted=BitMap64()
    )
    rows = [("33612345671", "Anne"), ("33612345672", "#param_1#"), ("33612345673", "Luc")]
    for row, (phone, name) in enumerate(rows, 1):
        assert planner.add(row, Recipient(phone, (name,))) is None
    chunks = planner.flush()
    assert [(chunk.params, [r.params for r in chunk.recipients]) for chunk in chunks] == [
        (1, [("Anne",), ("Luc",)]),
        (0, [()]),
    ]
