"""The table of routes is the whole API: each method has its line, and each line its method."""

from typing import Any

import pytest

from allmysms_async.protocols.operation import BaseRoute
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.routes import Route

TABLE = {name: route for name, route in vars(routes).items() if isinstance(route, Route)}


def test_every_method_has_one_line_of_the_table() -> None:
    """The 38 lines are those of the 38 methods, no two alike."""
    kinds = Operation.__subclasses__()
    assert len(TABLE) == len(kinds) == 38
    assert {id(kind.route) for kind in kinds} == {id(route) for route in TABLE.values()}
    assert len({route.path for route in TABLE.values()}) == 38


@pytest.mark.parametrize("kind", Operation.__subclasses__())
def test_method_is_found_under_its_own_name(kind: type[Operation[Any]]) -> None:
    """A line is called as its class is, and says what the class says."""
    (name,) = (name for name, route in TABLE.items() if route is kind.route)
    assert name.replace("_", "").lower() == kind.__name__.lower() == kind.route.name.lower()
    assert (kind.name, kind.replay) == (kind.route.name, kind.route.replay)


@pytest.mark.parametrize("kind", Operation.__subclasses__())
def test_route_speaks_of_fields_that_there_are(kind: type[Operation[Any]]) -> None:
    """A field that a route treats otherwise is one of the operation's, so that no misspelt name changes the wire."""
    flow = kind.route.flow
    named = {*kind.route.names, *(flow.rows if flow else ())}
    assert named <= set(kind.__struct_fields__)
    sharing = [each for each in Operation.__subclasses__() if each.route.flow is flow]
    assert flow is None or set(flow.beside) <= {field for each in sharing for field in each.__struct_fields__}


@pytest.mark.parametrize("kind", [BaseRoute, Route])
def test_route_must_say_whether_it_may_be_repeated(kind: Any) -> None:
    """Repeating is never a default: a line without that word is no line."""
    with pytest.raises(TypeError, match="replay"):
        kind("sendSms")
