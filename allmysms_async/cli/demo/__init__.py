"""``allmysms demo``: a campaign to a messy list, over every protocol, to a sandbox; what it must come to is checked."""

from __future__ import annotations

from allmysms_async.cli.demo.run import run_demo

__all__ = ["run_demo"]
