"""Reading recipients from files: each row as it was meant, or refused with its line."""

from __future__ import annotations

from allmysms_async.source.csv_file import CsvSource, read_csv

__all__ = ["CsvSource", "read_csv"]
