"""A protocol's table of routes is its whole API: each operation has its line, and each line its operation."""

from types import ModuleType
from typing import Any

import pytest

from allmysms_async.protocols.envoyersmspro import EnvoyerSmsProBackend
from allmysms_async.protocols.envoyersmspro import routes as envoyersmspro
from allmysms_async.protocols.envoyersmspro.operation import Operation as EnvoyerOperation
from allmysms_async.protocols.operation import BaseOperation, BaseRoute
from allmysms_async.protocols.rest import routes as rest
from allmysms_async.protocols.rest.operation import Operation as RestOperation
from allmysms_async.protocols.soap import SoapBackend
from allmysms_async.protocols.soap import routes as soap
from allmysms_async.protocols.soap.operation import Operation as SoapOperation
from tests.cases import each

BACKENDS = (EnvoyerSmsProBackend, SoapBackend)  # they bring every operation
Kind = type[BaseOperation[Any]]
TABLES: list[tuple[ModuleType, Kind, int]] = [
    (rest, RestOperation, 38),
    (soap, SoapOperation, 7),
    (envoyersmspro, EnvoyerOperation, 12),
]
EVERY = [(module, kind) for module, base, _ in TABLES for kind in base.__subclasses__()]
EACH = each(("module", "kind"), EVERY, ids=[kind.__module__ + kind.__name__ for _, kind in EVERY])


def lines(module: ModuleType) -> dict[str, BaseRoute]:
    """Return the lines of a table by their names."""
    return {name: route for name, route in vars(module).items() if isinstance(route, BaseRoute)}


@pytest.mark.parametrize(("module", "base", "count"), TABLES)
def test_every_operation_has_one_line_of_its_table(module: ModuleType, base: Kind, count: int) -> None:
    """A table has as many lines as the manual has operations, no two alike, and no line without an operation."""
    kinds = base.__subclasses__()
    assert len(lines(module)) == len(kinds) == count
    assert {id(vars(kind)["route"]) for kind in kinds} == {id(route) for route in lines(module).values()}
    assert len({route.name for route in lines(module).values()}) == count


@EACH
def test_operation_is_found_under_its_own_name(module: ModuleType, kind: Kind) -> None:
    """A line is called as its class is, and the class says what the line says."""
    route = vars(kind)["route"]
    (name,) = (name for name, line in lines(module).items() if line is route)
    assert name.replace("_", "").lower() == kind.__name__.lower()
    assert (kind.name, kind.replay) == (route.name, route.replay)


@each("kind", RestOperation.__subclasses__())
def test_route_speaks_of_fields_that_there_are(kind: type[RestOperation[Any]]) -> None:
    """A field that a route treats otherwise is one of the operation's, so that no misspelt name changes the wire."""
    flow = kind.route.flow
    assert {*kind.route.names, *(flow.rows if flow else ())} <= set(kind.__struct_fields__)
    sharing = [each for each in RestOperation.__subclasses__() if each.route.flow is flow]
    assert flow is None or set(flow.beside) <= {field for each in sharing for field in each.__struct_fields__}


@pytest.mark.parametrize("kind", [BaseRoute, rest.Route, soap.Route, envoyersmspro.Route])
def test_route_must_say_whether_it_may_be_repeated(kind: Any) -> None:
    """Repeating is never a default: a line without that word is no line."""
    with pytest.raises(TypeError, match="replay"):
        kind("sendSms")
