"""What the marker of a test says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pytest

from allmysms_async.sandbox import ControlError, Fault

__all__ = ["PROTOCOLS", "Setting", "setting_of"]

PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a test's gateway behaves.

    Attributes:
        protocol: What ``allmysms_service`` speaks.
        faults: What goes wrong, from the beginning.
        strict: Whether a text that the test did not expect fails it.
    """

    protocol: str = "rest"
    faults: Sequence[Fault] = ()
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if self.protocol not in PROTOCOLS:
            msg = f"There is no protocol {self.protocol!r}; there are {', '.join(PROTOCOLS)}."
            raise ValueError(msg)


def setting_of(marks: Iterable[Mapping[str, object]]) -> Setting:
    """Return what a test's marks say together: the nearest one's word counts.

    Args:
        marks: The keywords of each, the nearest first, and its positional arguments under the empty name.
    """
    said: dict[str, object] = {}
    for mark in marks:
        if mark.get(""):
            pytest.fail("pytest.mark.allmysms takes keywords alone: protocol, faults, strict.", pytrace=False)
        said = {name: value for name, value in mark.items() if name} | said
    faults = said.get("faults", ())
    if isinstance(faults, Iterable) and not isinstance(faults, str | bytes | Mapping):
        said["faults"] = [msgspec.structs.asdict(each) if isinstance(each, Fault) else each for each in faults]  # pyright: ignore[reportUnknownVariableType]
    try:
        return msgspec.convert(said, Setting)
    except (msgspec.ValidationError, ControlError) as error:
        problem = str(error)
    pytest.fail(f"pytest.mark.allmysms cannot be used: {problem}", pytrace=False)
