"""The HTTPS API v9 as the sandbox plays it.

Source: HTTPS API v9.
"""

from .face import V9Face

__all__ = ["V9Face"]
