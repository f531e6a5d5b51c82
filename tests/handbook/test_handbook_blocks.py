"""No block of the README or the handbook is of a kind that nothing runs or checks."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.cases import each

from .blocks import PAGES, Block, blocks, name_of
from .run import LANGUAGES
from .shell import NOT_RUN, commands, is_ours
from .tables import extras_of_the_package

CHECKED = {
    **dict.fromkeys(LANGUAGES, "test_handbook_examples.py, test_handbook_workers.py"),
    **dict.fromkeys(("toml", "php", "ini", "yaml"), "test_handbook_files.py"),
    "nginx": "test_handbook_nginx.py",
    **dict.fromkeys(("{toctree}", "{eval-rst}"), "this file, and Sphinx in nox -s docs"),
}
"""The languages of blocks, each with what runs or checks every block in it."""


def test_every_block_is_of_a_kind_that_is_run_or_checked() -> None:
    """Each language has its tests, each kind that is tested occurs, and no block is left out by a mark above it."""
    assert {block.name: block.language for block in blocks() if block.language not in CHECKED} == {}
    assert set(CHECKED) == {block.language for block in blocks()}
    assert [name_of(path) for path in PAGES if re.search("<!--.*skip", path.read_text(encoding="utf-8"))] == []
    for names in CHECKED.values():
        for name in re.findall(r"test_\w+\.py", names):
            assert Path(__file__).with_name(name).exists()


def test_only_what_has_to_be_is_left_out_of_shell_blocks() -> None:
    """A command that no test runs is listed with its reason; nothing else is listed, least of all one of our own."""
    found = [words for block in blocks("sh") for words, _ in commands(block.text)]
    assert {" ".join(words) for words in found if not is_ours(words)} == set(NOT_RUN)


def test_packages_are_installed_with_extras_that_there_are() -> None:
    """Whatever is installed with extras has these extras."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    found = re.findall(r"(?:allmysms_async|'\.)\[([\w,]+)\]", text)
    assert len(found) > 5
    assert {extra for each in found for extra in each.split(",")} <= extras_of_the_package()


@pytest.mark.parametrize("block", blocks("{toctree}"), ids=lambda block: block.name)
def test_contents_list_pages_that_there_are(block: Block) -> None:
    """Each line of a table of contents finds pages."""
    (folder,) = {path.parent for path in PAGES if name_of(path) == block.page}
    entries = [line for line in block.text.splitlines() if line and not line.startswith(":")]
    assert entries
    assert [each for each in entries if not list(folder.glob(f"{each}.md"))] == []


@each("block", blocks("{eval-rst}"), ids=lambda block: block.name)
def test_reference_names_what_there_is(block: Block) -> None:
    """Each directive of the reference names a module, a class or a function that is there."""
    found = re.findall(r"^\.\. auto(module|class|function|exception|data|attribute|method):: (\S+)$", block.text, re.M)
    assert len(found) == len(re.findall(r"^\.\. ", block.text, re.M)) > 0
    for kind, name in found:
        module, _, last = name.rpartition(".")
        assert import_module(name) if kind == "module" else hasattr(import_module(module), last)
