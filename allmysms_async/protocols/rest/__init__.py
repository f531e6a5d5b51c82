"""HTTPS API v9: JSON or XML flows in form fields, over POST.

Source: HTTPS API v9.
"""

from __future__ import annotations

from allmysms_async.protocols.rest.backend import RestBackend

__all__ = ["RestBackend"]
