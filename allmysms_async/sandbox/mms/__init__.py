"""The MMS module: an XML flow in a form field, answered by lines `key=value`.

Source: MMS module.
"""

from .face import MmsFace

__all__ = ["MmsFace"]
