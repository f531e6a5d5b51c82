"""What was in the README under another name keeps working for one version, and says where it is now."""

import importlib

import pytest

from allmysms_async import hooks
from tests.cases import each


@each("name", hooks.__all__)
def test_hooks_are_still_found_in_their_former_module(name: str) -> None:
    """What was imported from ``allmysms_async.hook`` is the same thing, with a warning that names its new place."""
    former = importlib.import_module("allmysms_async.hook")
    with pytest.warns(DeprecationWarning, match=r"allmysms_async\.hooks") as told:
        found = getattr(former, name)
    assert found is getattr(hooks, name)
    assert [one.filename for one in told] == [__file__]


def test_a_name_that_never_was_is_not_found_in_a_former_module() -> None:
    """The former module answers for nothing that it never had."""
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = importlib.import_module("allmysms_async.hook").nothing_of_the_kind
