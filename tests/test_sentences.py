"""What errors say, read from the source: whole sentences."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import allmysms_async
from allmysms_async import errors

ERRORS = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}
# What makes an error of its first argument.
MAKERS = ERRORS | {"kind"}
PACKAGE = Path(allmysms_async.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if not {"sandbox", "cli"} & set(path.relative_to(PACKAGE).parts))


def endings(value: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """Yield how a text may end, as far as the source says; one that goes on ends in a blank."""
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=[*_, ast.Constant(value=str() as text)]):
            yield text
        case ast.BinOp(op=ast.Add(), right=right):
            yield from endings(right, names)
        case ast.IfExp(body=body, orelse=other):
            yield from endings(body, names)
            yield from endings(other, names)
        case ast.Name(id=name):
            for assigned in names.get(name, []):
                yield from endings(assigned, {})
        case _:
            return


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the end of each text that an error is made of."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.setdefault(node.targets[0].id, []).append(node.value)
        grown = {
            node.target.id: [node.value]
            for node in ast.walk(function)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
        }
        names |= grown
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS and node.args:
                for text in endings(node.args[0], names):
                    yield node.lineno, text


@pytest.mark.slow
def test_sentences_end_with_a_full_stop() -> None:
    """Every text that an error is made of, and there are hundreds, ends with a full stop."""
    found = [(str(path.relative_to(PACKAGE)), *each) for path in FILES for each in sentences(path)]
    assert len(found) > 200
    assert not [(path, line, text[-60:]) for path, line, text in found if not text.endswith((".", " "))]
