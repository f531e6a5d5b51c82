"""The MMS module: an XML flow in a form field, answered by lines ``key=value``.

Source: MMS module.
"""

from __future__ import annotations

from allmysms_async.protocols.mms.backend import MmsBackend

__all__ = ["MmsBackend"]
