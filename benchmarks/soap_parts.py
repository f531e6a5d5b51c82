"""SOAP's request written and its answer read, without I/O: by the library's codec, and by zeep and lxml alone."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any

import zeep
from lxml import etree

from allmysms_async import Recipient
from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Accepted, Secret
from allmysms_async.protocols.soap import codec
from allmysms_async.protocols.soap.envelope import EnvelopeBuilder
from allmysms_async.protocols.soap.receipt import receipt
from allmysms_async.protocols.soap.sms import SendSms

__all__ = ["SIZE", "ByLibrary", "ByZeep", "people"]

SIZE = 200
"""Recipients of a request, as SOAP's backend has them by default."""

_ROOM = "allmysms_async.protocols.soap"
_TEXT = "Soldes demain, -20 %. STOP au 36180"
_ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/" \
xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:MsInnovations_Api_Soap_Wsdl" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/">\
<SOAP-ENV:Body><ns1:sendSmsResponse><return xsi:type="SOAP-ENC:Struct">\
<status xsi:type="xsd:string">100</status><statusText xsi:type="xsd:string">Envoyé</statusText>\
<credits xsi:type="xsd:string">1440</credits><invalidNumbers xsi:type="xsd:string"></invalidNumbers>\
<campaignId xsi:type="xsd:string">ap_111110693496</campaignId>\
<ids SOAP-ENC:arrayType="SOAP-ENC:Struct[{count}]" xsi:type="SOAP-ENC:Array">{items}</ids>\
</return></ns1:sendSmsResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>
"""
_ITEM = """<item xsi:type="SOAP-ENC:Struct"><mobilePhone xsi:type="xsd:string">{phone}</mobilePhone>\
<id xsi:type="xsd:string">{number}</id><part xsi:type="xsd:string">1</part></item>"""


def people(count: int) -> list[Recipient]:
    """Return so many recipients, by canonical numbers."""
    return [Recipient(str(33_610_000_000 + number)) for number in range(count)]


def _answer(recipients: list[Recipient]) -> bytes:
    """Return the answer that accepts recipients, with an identifier for each."""
    items = [_ITEM.format(phone=one.phone, number=32_845_703 + place) for place, one in enumerate(recipients)]
    return _ANSWER.format(count=len(items), items="".join(items)).encode()


class ByLibrary:
    """The library's way, as the backend goes it: from recipients to bytes, from bytes to what became of each."""

    def __init__(self, recipients: list[Recipient]) -> None:
        self._recipients = tuple(recipients)
        self._response = HttpResponse(status=200, headers={}, body=_answer(recipients))
        self._builder = EnvelopeBuilder()
        self._credentials = codec.Credentials(login=Secret("demo"), passcode=Secret("k"))

    def work(self) -> int:
        """Write a request and read its answer; return how many were accepted."""
        operation = SendSms(message=_TEXT, recipients=self._recipients, lowcost=False, campaign_name="bench")
        codec.encode(
            operation, self._credentials, self._builder, endpoint="http://h", timeout=60, max_response_bytes=1 << 26
        )
        result = codec.decode(SendSms, self._response)
        found = receipt(result, self._recipients, len(self._recipients), scheduled=False).results
        return sum(isinstance(one, Accepted) for one in found)


class ByZeep:
    """The least that zeep and lxml can do: build the envelope, write it, parse the answer, look numbers up in it."""

    def __init__(self, recipients: list[Recipient]) -> None:
        library: Any = zeep  # half of it has no types
        document = resources.files(_ROOM).joinpath("allmysms.wsdl").read_bytes()
        self._client = library.Client(io.BytesIO(document), settings=library.Settings(strict=True))
        self._phones = [one.phone for one in recipients]
        self._answer = _answer(recipients)

    def work(self) -> int:
        """Write a request and read its answer; return how many were accepted."""
        rows = [{"mobilePhone": phone, "params": {"item": []}} for phone in self._phones]
        data = {"message": _TEXT, "dynamic": 0, "lowcost": 0, "campaignName": "bench", "sms": {"item": rows}}
        envelope = self._client.create_message(
            self._client.service, "sendSms", clientCode="demo", passCode="k", messageData=data
        )
        etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
        returned = etree.fromstring(self._answer)[0][0][0]
        ids = {
            item.findtext("mobilePhone"): (item.findtext("id"), item.findtext("part")) for item in returned.find("ids")
        }
        return sum(phone in ids for phone in self._phones)
