"""The root of the package: its names, each imported when it is first asked for."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import allmysms_async

LOOK = """
import sys
before = set(sys.modules)
import allmysms_async
print(*sorted(set(sys.modules) - before))
"""


def test_names_of_the_root_are_those_that_a_type_checker_sees() -> None:
    """Each name is the very object that the import for type checkers names, and there are no others."""
    tree = ast.parse(Path(allmysms_async.__file__).read_text("utf-8"))
    (seen,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    imports = [node for node in seen.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: str(node.module) for node in imports for alias in node.names}
    assert sorted(homes) == sorted(allmysms_async.__all__)
    for name, home in homes.items():
        assert getattr(allmysms_async, name) is getattr(importlib.import_module(home), name)


def test_names_that_there_are_not_are_an_attribute_error() -> None:
    """A name with a slip is an AttributeError that names it, so that ``hasattr`` and ``from … import`` work."""
    with pytest.raises(AttributeError, match="SmsServise"):
        allmysms_async.SmsServise  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="SmsServise"):
        exec("from allmysms_async import SmsServise")  # noqa: S102
    assert set(allmysms_async.__all__) <= set(dir(allmysms_async))
    assert allmysms_async.errors.NotSent is allmysms_async.NotSent


@pytest.mark.slow
def test_public_modules_are_there_by_the_name_of_the_package_alone() -> None:
    """Each module that the root tells of is found from it."""
    told = re.findall(r"``([a-z_.]+)``", (allmysms_async.__doc__ or "").partition("modules of its own:")[2])
    asked = [name for name in told if name != "allmysms_async"]
    assert {"errors", "protocols.rest", "webhooks", "sandbox"} <= set(asked)
    program = "import allmysms_async\n" + "".join(f"print(allmysms_async.{name}.__name__)\n" for name in sorted(asked))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"allmysms_async.{name}" for name in sorted(asked)]


@pytest.mark.slow
def test_import_of_the_root_brings_nothing_else() -> None:
    """A program that only has the package installed, as pytest with its plugin, does not pay for its libraries."""
    brought = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in brought if name.startswith("allmysms_async.")] == []
    assert {"asyncio", "httpx", "msgspec", "zeep"}.isdisjoint(brought)
