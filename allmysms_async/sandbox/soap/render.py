"""Writing answers as PHP ext-soap does: rpc/encoded, objects as SOAP-ENC:Struct, lists as SOAP-ENC:Array.

Source: SOAP API, C (the printed answers).
"""

from collections.abc import Mapping
from typing import cast
from xml.sax.saxutils import escape

from allmysms_async.sandbox.exchange import Reply

__all__ = ["XML", "Answer", "fault", "render"]

XML = "text/xml; charset=utf-8"

Answer = Mapping[str, object]

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:ns1="urn:MsInnovations_Api_Soap_Wsdl" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"'
    ' SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Body>'
)
_FOOT = "</SOAP-ENV:Body></SOAP-ENV:Envelope>\n"


def render(operation: str, answer: Answer) -> Reply:
    """Write the answer to a call."""
    body = f"<ns1:{operation}Response>{_element('return', answer)}</ns1:{operation}Response>"
    return Reply((_HEAD + body + _FOOT).encode(), XML)


def fault(code: str, words: str, *, status: int = 500) -> Reply:
    """Write a Fault; PHP sends it with HTTP 500."""
    body = f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{code}</faultcode><faultstring>{escape(words)}</faultstring>"
    return Reply((_HEAD + body + "</SOAP-ENV:Fault>" + _FOOT).encode(), XML, status)


def _element(name: str, value: object) -> str:
    match value:
        case None:
            return f'<{name} xsi:nil="true"/>'
        case str():
            return f'<{name} xsi:type="xsd:string">{_text(value)}</{name}>'
        case int():
            return f'<{name} xsi:type="xsd:int">{value}</{name}>'
        case Mapping():
            held = cast("Answer", value)
            inner = "".join([_element(key, one) for key, one in held.items()])
            return f'<{name} xsi:type="SOAP-ENC:Struct">{inner}</{name}>'
        case list():
            elements = cast("list[object]", value)
            inner = "".join([_element("item", one) for one in elements])
            kind = f'SOAP-ENC:arrayType="SOAP-ENC:Struct[{len(elements)}]" xsi:type="SOAP-ENC:Array"'
            return f"<{name} {kind}>{inner}</{name}>"
        case _:
            raise TypeError(type(value))


def _text(value: str) -> str:
    """Write a text; a carriage return would be lost if it were written as it is."""
    return escape(value, {"\r": "&#13;"})
