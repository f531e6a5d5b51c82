"""Asking for what comes back, for those whom no webhook reaches: growing intervals, within each protocol's limits."""

from __future__ import annotations

from allmysms_async.watch.ask import Pace
from allmysms_async.watch.catch_up import catch_up
from allmysms_async.watch.session import Watched, Watcher, WatchOptions, checked, sends_for_replies, sends_of

__all__ = ["Pace", "WatchOptions", "Watched", "Watcher", "catch_up", "checked", "sends_for_replies", "sends_of"]
