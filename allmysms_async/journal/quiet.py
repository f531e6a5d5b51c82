"""The loggers of the libraries below that would tell texts and numbers: nothing of theirs may be in a log."""

from __future__ import annotations

import logging

__all__ = ["LOGGING_NAME"]

LOGGING_NAME = "allmysms_journal"
"""Of the engines here, so that those of the application log as it wishes."""

# SQLAlchemy logs every statement with its values, and every row that it reads.
logging.getLogger(f"sqlalchemy.engine.Engine.{LOGGING_NAME}").setLevel(logging.WARNING)
