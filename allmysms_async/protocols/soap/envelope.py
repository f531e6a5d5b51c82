"""Operations -> envelopes, by zeep and a WSDL from a file. Imported with zeep when the first request is built.

zeep renders names and order by the WSDL; what rpc/encoded asks for beyond that (``encodingStyle``, ``xsi:type``) is
added on the way out, since without it PHP takes every figure for a text.

Source: SOAP API, C (the printed envelopes).
"""

from __future__ import annotations

import importlib.resources
import io
import pathlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import zeep
import zeep.exceptions
from lxml import etree

from allmysms_async.errors import InvalidRequest

__all__ = ["EnvelopeBuilder"]

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_XSD = "http://www.w3.org/2001/XMLSchema"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE = f"{{{_XSI}}}type"


def _bundled(name: str) -> bytes:
    return importlib.resources.files(__package__ or "").joinpath(name).read_bytes()


class _Offline:
    """What zeep loads through: nothing beside the WSDL that it was given, least of all from the network."""

    def load(self, url: str) -> bytes:
        """Return the schema of SOAP's own types, which many a WSDL names.

        Raises:
            InvalidRequest: It is another document.
        """
        if url.rstrip("/") == _ENCODING.rstrip("/"):
            return _bundled("soap-encoding.xsd")
        msg = "The WSDL imports another document, which is not fetched; nothing was sent."
        raise InvalidRequest(msg, remedy="Give a WSDL that holds everything, or none.")


_Type: TypeAlias = tuple[str, dict[str, "_Type"], Any]
"""A type as it is written, what an element of it may hold by tag (filled in when it is needed), and zeep's own."""


class _Encoded:
    """A plugin of zeep's: adds what rpc/encoded asks for to what zeep has rendered.

    Args:
        prefixes: The prefix of each namespace that a type may be in.
    """

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._types: dict[int, _Type] = {}

    def egress(
        self, envelope: Any, http_headers: dict[str, str], operation: Any, binding_options: object
    ) -> tuple[Any, dict[str, str]]:
        """Set ``encodingStyle`` on the call and ``xsi:type`` on everything in it."""
        call = envelope.find(f"{{{_SOAP}}}Body")[0]
        call.set(f"{{{_SOAP}}}encodingStyle", _ENCODING)
        self._set_types(call, self._children_of(operation.input.body.type))
        return envelope, http_headers

    def _set_types(self, parent: Any, declared: dict[str, _Type]) -> None:
        """Set the types of an element's children, and of theirs."""
        for child in parent[:]:  # as a slice: several times as fast as to iterate
            written, inner, kind = declared[child.tag]
            child.set(_TYPE, written)
            if len(child):
                if not inner:  # looked up once it is needed: a type may hold itself
                    inner.update(self._children_of(kind))
                self._set_types(child, inner)

    def _children_of(self, kind: Any) -> dict[str, _Type]:
        """Return what an element of a type may hold, by tag."""
        return {tag: self._type(element.type) for tag, element in getattr(kind, "elements", ())}

    def _type(self, kind: Any) -> _Type:
        known = self._types.get(id(kind))
        if known is None:
            known = self._types[id(kind)] = (self._written(kind), {}, kind)
        return known

    def _written(self, kind: Any) -> str:
        name = etree.QName(kind.qname or kind._default_qname)  # zeep's anyType has only the latter
        return f"{self._prefixes[name.namespace]}:{name.localname}"


class EnvelopeBuilder:
    """Builds envelopes after a WSDL.

    Not for several threads at a time: zeep works its types out while it renders the first envelopes.

    Args:
        wsdl: Path of a WSDL, or None for the one in this package.

    Raises:
        InvalidRequest: The file cannot be read, is no WSDL, or wants something to be fetched.
    """

    def __init__(self, wsdl: str | pathlib.Path | None = None) -> None:
        library: Any = zeep  # half of it has no types
        settings = library.Settings(strict=True, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True)
        try:
            document = _bundled("allmysms.wsdl") if wsdl is None else pathlib.Path(wsdl).read_bytes()
            client = library.Client(io.BytesIO(document), transport=_Offline(), settings=settings)
            prefixes = _prefixes(client)
            for uri, prefix in prefixes.items():
                client.set_ns_prefix(prefix, uri)
            client.plugins.append(_Encoded(prefixes))
            self._client: Any = client
            self._service: Any = client.service
        except OSError:
            msg = "The WSDL cannot be read; nothing was sent."
            raise InvalidRequest(msg) from None
        except (zeep.exceptions.Error, etree.Error, ValueError, LookupError, AttributeError) as error:
            if isinstance(error, InvalidRequest):  # a ValueError too: from the loader, and says more
                raise
            msg = f"The WSDL is not one that can be used ({type(error).__name__}); nothing was sent."
            raise InvalidRequest(msg) from None

    def build(self, operation: str, arguments: Mapping[str, Any]) -> tuple[bytes, str]:
        """Return an envelope and its ``SOAPAction``.

        Args:
            operation: Wire name of the operation.
            arguments: Its arguments by their wire names, in any order.

        Raises:
            InvalidRequest: The WSDL does not have the operation, or not with these arguments.
        """
        try:
            envelope = self._client.create_message(self._service, operation, **arguments)
            action = str(self._service._binding.get(operation).soapaction or "")
        except (zeep.exceptions.Error, ValueError, TypeError, LookupError) as error:
            msg = f"{operation}: the WSDL does not have this request ({type(error).__name__}); nothing was sent."
            raise InvalidRequest(msg) from None
        return etree.tostring(envelope, encoding="utf-8", xml_declaration=True), action


def _prefixes(client: Any) -> dict[str, str]:
    """Return a prefix for each namespace that a WSDL's types are in."""
    prefixes = {_XSD: "xsd", _XSI: "xsi", _SOAP: "soapenv"}
    for kind in client.wsdl.types.types:
        namespace = None if kind.qname is None else kind.qname.namespace
        if namespace is not None and namespace not in prefixes:
            prefixes[namespace] = f"ser{len(prefixes) - 3 or ''}"
    return prefixes
