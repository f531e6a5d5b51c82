"""The README's table of methods is rendered from the operations: ``python tests/test_readme_methods.py`` prints it."""

import re
from pathlib import Path
from typing import Any

from allmysms_async import RestBackend
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.protocols.rest.operation import Operation

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- methods -->", "<!-- /methods -->"
REPLAY = {"safe": "yes", "key": "with its key", "never": "never"}


def methods(api: RestApi) -> list[tuple[int, str, Operation[Any] | type[Operation[Any]]]]:
    """Return section, Python name and class of every operation, in the order of the manual."""
    found: list[tuple[int, str, Any]] = []
    for group, resource in vars(api).items():
        if isinstance(resource, Resource):
            for name, method in vars(type(resource)).items():
                if isinstance(method, Method):
                    kind: Any = method.operation
                    section = re.search(r"Source: HTTPS API v9, §(\d+)", kind.__doc__)
                    assert section, kind
                    found.append((int(section[1]), f"{group}.{name}", kind))
    return sorted(found, key=lambda entry: entry[0])


def table(api: RestApi) -> str:
    """Return the table in Markdown."""
    rows = ["| § | method | `api.` | what it does | repeated by `sms.call` |", "|---|---|---|---|---|"]
    for section, name, kind in methods(api):
        what = kind.__doc__.split("\n")[0].split("; ")[0].split(", in one attempt")[0].rstrip(".")
        rows.append(f"| {section} | `{kind.name}` | `{name}` | {what} | {REPLAY[kind.replay]} |")
    return "\n".join(rows)


def test_every_section_of_the_manual_has_its_method() -> None:
    """The API has one method for each of §6 to §43, and one name for each."""
    found = methods(RestBackend("demo", "key").api)
    assert [section for section, _, _ in found] == list(range(6, 44))
    assert len({name for _, name, _ in found}) == len({kind.name for _, _, kind in found}) == 38
    assert {kind for _, _, kind in found} == set(Operation.__subclasses__())


def test_table_of_methods_is_rendered_from_the_operations() -> None:
    """The README's table is the one that the operations give."""
    text = README.read_text(encoding="utf-8")
    assert BEGIN in text
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table(RestBackend("demo", "key").api)


if __name__ == "__main__":
    print(table(RestBackend("demo", "key").api))  # noqa: T201  that is what it is for
