"""The SOAP API as the sandbox plays it.

Source: SOAP API.
"""

from .face import SoapFace

__all__ = ["SoapFace"]
