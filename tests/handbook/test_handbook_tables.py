"""The handbook's tables are the code's: ``python tests/handbook/tables.py`` writes them anew."""

import re

import allmysms_async
from allmysms_async import RestBackend
from allmysms_async.backend import CAPABILITIES
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.handbook import FOLDER, pages, plain_markdown
from allmysms_async.model import Reason
from allmysms_async.protocols.rest.operation import Operation
from tests.cases import each

from . import tables


@each("name", tables.TABLES)
def test_table_is_that_of_the_code(name: str) -> None:
    """Each table is the one that the code gives."""
    page, render = tables.TABLES[name]
    said = tables.written(name, (FOLDER / page).read_text(encoding="utf-8"))
    assert said == render(), "run python tests/handbook/tables.py"


def test_capabilities_are_those_of_the_backends() -> None:
    """What an error says of who can do something is what the backends can do."""
    for capability, (_, names) in CAPABILITIES.items():
        assert tuple(name for name, backend in tables.BACKENDS.items() if isinstance(backend, capability)) == names


def test_every_section_of_the_manual_has_its_method() -> None:
    """The API has one method for each of §6 to §43, and one name for each."""
    found = tables.methods(RestBackend("demo", "key").api)
    assert [section for section, _, _ in found] == list(range(6, 44))
    assert len({name for _, name, _ in found}) == len({kind.name for _, _, kind in found}) == 38
    assert {kind for _, _, kind in found} == set(Operation.__subclasses__())


def test_each_word_of_a_vocabulary_is_explained() -> None:
    """Reasons, exit codes, variables and extras are all there, and no others."""
    assert set(tables.REASONS) == set(Reason)
    assert set(tables.CODES) == set(ExitCode)
    assert set(tables.VARIABLES) == tables.variables_of_the_source()
    assert set(tables.EXTRAS) == tables.extras_of_the_package()


def test_reference_has_every_name_of_the_root() -> None:
    """Whatever a program imports from ``allmysms_async`` is in the reference."""
    reference = "\n".join(
        plain_markdown(page.path.read_text(encoding="utf-8")) for page in pages() if page.name.startswith("reference/")
    )
    assert [name for name in allmysms_async.__all__ if not re.search(rf"\b{name}\b", reference)] == []
