"""One folder for each wire protocol; everything about that wire is there and nowhere else."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_ROOMS = frozenset({"envoyersmspro", "mail2sms", "mms", "rest", "soap"})


if not TYPE_CHECKING:  # a type checker would take any name, with a slip in it, too

    def __getattr__(name: str) -> object:
        if name not in _ROOMS:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return importlib.import_module(f"{__name__}.{name}")
