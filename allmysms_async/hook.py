"""The former name of ``allmysms_async.hooks``, kept for one version."""

from __future__ import annotations

import warnings

from allmysms_async import hooks

__all__: list[str] = []


def __getattr__(name: str) -> object:
    """Return what ``hooks`` has by that name, and say where it is now."""
    if name not in hooks.__all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    msg = f"allmysms_async.hook is allmysms_async.hooks now: import {name} from there. The former name goes soon."
    warnings.warn(msg, DeprecationWarning, stacklevel=2)
    return getattr(hooks, name)
