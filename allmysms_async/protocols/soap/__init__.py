"""The SOAP API: PHP ext-soap, rpc/encoded. zeep builds the requests, lxml reads the answers.

Source: SOAP API.
"""

from __future__ import annotations

from allmysms_async.protocols.soap.backend import SoapBackend

__all__ = ["SoapBackend"]
