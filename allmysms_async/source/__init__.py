"""Reading recipients from files: each row as it was meant, or refused with its line."""

from __future__ import annotations

from allmysms_async.source.check import ListCheck, SampleRow, check_list
from allmysms_async.source.csv_file import CsvSource, read_csv
from allmysms_async.source.sheet import SheetSource, read_xlsx

__all__ = ["CsvSource", "ListCheck", "SampleRow", "SheetSource", "check_list", "read_csv", "read_xlsx"]
