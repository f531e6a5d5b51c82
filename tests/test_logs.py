"""The log: every record names its event in the table, with the fields that it says, and nothing personal."""

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import allmysms_async
from allmysms_async import logs
from allmysms_async.errors import GatewayError, NotSent

PACKAGE = Path(allmysms_async.__file__).parent
PAGE = PACKAGE / "handbook" / "reference" / "logs.md"
LEVELS = {name: name.upper() for name in ("debug", "info", "warning", "error", "critical")} | {"exception": "ERROR"}


def records() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call that logs, with its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            on = node.func.value
            if node.func.attr in {*LEVELS, "log"} and isinstance(on, ast.Name) and on.id in {"_log", "log", "logger"}:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def told(call: ast.Call) -> tuple[str, set[str]]:
    """Return the event that a call names, and the fields that it gives."""
    [extra] = [one.value for one in call.keywords if one.arg == "extra"]
    if isinstance(extra, ast.Dict):  # the sandbox shares nothing with the client, a table of names neither
        given = {key.value: value for key, value in zip(extra.keys, extra.values, strict=True)}  # type: ignore[union-attr]
        return given.pop("allmysms_event").value, set(given)  # type: ignore[attr-defined]
    assert isinstance(extra, ast.Call)
    assert ast.unparse(extra.func) == "logs.fields"
    [event] = extra.args
    assert isinstance(event, ast.Constant)
    return event.value, {str(one.arg) for one in extra.keywords}


@pytest.mark.slow
def test_every_record_names_its_event_and_fields_as_the_table_does() -> None:
    """No call logs without an event of the table; its level and fields are the table's, and no event is left over."""
    seen: set[str] = set()
    for place, call in records():
        event, given = told(call)
        level, fields, _ = logs.EVENTS[event]
        beside = {"code", "request"} if "error" in given else set()
        assert given == set(fields) - beside, place
        method = call.func.attr  # type: ignore[attr-defined]
        assert method == "log" or LEVELS[method] in level.split(" or "), place
        seen.add(event)
    assert seen == set(logs.EVENTS)


def test_no_field_is_one_of_pythons_own() -> None:
    """Every event's fields fit into a record: none is taken already."""
    for event, (_, fields, _) in logs.EVENTS.items():
        given = logs.fields(event, **{name: 1 for name in fields if name != "error"})
        record = logging.getLogger("allmysms_async").makeRecord("x", 20, "x", 1, "x", (), None, extra=given)
        assert {name for name in vars(record) if name.startswith("allmysms_")} == set(given)


@pytest.mark.parametrize("code", ["33612345678", "deux mots", None])
def test_an_error_is_told_by_its_class_alone(code: str | None) -> None:
    """Neither its words, nor a code that may be a number, are fields; what is short and plain is."""
    error = GatewayError("0612345678: Votre code est 4821", request="sendSms", code=code)
    shown = {"allmysms_event": "retry", "allmysms_error": "GatewayError", "allmysms_request": "sendSms"}
    assert logs.fields("retry", error=error, attempt=2) == shown | {"allmysms_attempt": 2}
    assert logs.fields("retry", error=NotSent("no", code="102"))["allmysms_code"] == "102"


def test_the_handbook_lists_every_event() -> None:
    """The page has the table's rows, in its order, and no others."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [
        (name, event.level, ", ".join(f"`{field}`" for field in event.fields) or "-", event.meaning)
        for name, event in logs.EVENTS.items()
    ]
