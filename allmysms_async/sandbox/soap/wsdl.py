"""The description of the service, on the sandbox's own reading of the manual.

Its inputs are typed as the printed requests; its answers are untyped, since each element of a printed answer has a
type of its own. Nothing is imported, so that clients need no network.

Source: SOAP API, B and C; "Envoi de requêtes SOAP" (the addresses).
"""

__all__ = ["SERVER_PATH", "description"]

SERVER_PATH = "/soap/server.php"

_NAMESPACE = "http://api.msinnovations.com/api/soap/server.php"
_ANSWERS = "urn:MsInnovations_Api_Soap_Wsdl"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_WHO = ("clientCode:string", "passCode:string")
_WHO_ID = ("clientId:string", "passCode:string")

_OPERATIONS = {
    "sendSms": (*_WHO, "messageData:MsInnovations_Api_Soap_Objects_MessageData"),
    "getAcks": (*_WHO, "campId:string"),
    "getPull": (*_WHO, "campId:string"),
    "getInfo": _WHO,
    "deleteCampaign": (*_WHO_ID, "campId:string"),
    "getStop": _WHO_ID,
    "createSubAccount": (*_WHO, "subAccount:MsInnovations_Api_Soap_Objects_SubAccount"),
}
_MESSAGE_DATA = (
    "message:string dynamic:int? lowcost:int? campaignName:string? cliMsgId:string? date:string? tpoa:string? "
    "mailNotif:int? sms:ArrayOfMsinnovations_api_soap_objects_sms"
)
_SUB_ACCOUNT = (
    "firstName:string lastName:string society:string mobile:string email:string login:string password:string "
    "phone:string? website:string? address:string? zip:string? city:string? country:string? "
    "sendEmailToCustomer:int? sendEmailToMasterAccount:int? postPaid:int?"
)
_TYPES = {
    "MsInnovations_Api_Soap_Objects_MessageData": _MESSAGE_DATA,
    "ArrayOfMsinnovations_api_soap_objects_sms": "item:MsInnovations_Api_Soap_Objects_Sms*",
    "MsInnovations_Api_Soap_Objects_Sms": "mobilePhone:string params:ArrayOfString?",
    "ArrayOfString": "item:string*",
    "MsInnovations_Api_Soap_Objects_SubAccount": _SUB_ACCOUNT,
}
_OCCURS = {"?": ' minOccurs="0"', "*": ' minOccurs="0" maxOccurs="unbounded"'}


def description(root: str) -> bytes:
    """Return the WSDL of a service that answers under a root."""
    types = "".join([_type(name, fields) for name, fields in _TYPES.items()])
    messages = "".join([_messages(name, parts) for name, parts in _OPERATIONS.items()])
    ports = "".join(
        [
            f'<operation name="{name}"><input message="tns:{name}Request"/><output message="tns:{name}Response"/>'
            "</operation>"
            for name in _OPERATIONS
        ]
    )
    bindings = "".join([_binding(name) for name in _OPERATIONS])
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
        f' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:tns="{_NAMESPACE}" targetNamespace="{_NAMESPACE}"'
        f' name="AllMySMS"><types><xsd:schema targetNamespace="{_NAMESPACE}">{types}</xsd:schema></types>{messages}'
        f'<portType name="SandboxPort">{ports}</portType><binding name="SandboxBinding" type="tns:SandboxPort">'
        f'<soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>{bindings}</binding>'
        '<service name="SandboxService"><port name="SandboxPort" binding="tns:SandboxBinding">'
        f'<soap:address location="{root}{SERVER_PATH}"/></port></service></definitions>\n'
    ).encode()


def _kind(name: str) -> str:
    """Return a type's qualified name."""
    return f"xsd:{name}" if name in ("string", "int") else f"tns:{name}"


def _type(name: str, fields: str) -> str:
    """Return a type; its fields are `name:type`, with `?` where optional and `*` where repeated."""
    elements: list[str] = []
    for field in fields.split():
        label, _, kind = field.partition(":")
        occurs = _OCCURS.get(kind[-1], "")
        elements.append(f'<xsd:element name="{label}" type="{_kind(kind.rstrip("?*"))}"{occurs}/>')
    return f'<xsd:complexType name="{name}"><xsd:sequence>{"".join(elements)}</xsd:sequence></xsd:complexType>'


def _messages(name: str, parts: tuple[str, ...]) -> str:
    listed = "".join(
        [f'<part name="{label}" type="{_kind(kind)}"/>' for label, _, kind in (part.partition(":") for part in parts)]
    )
    answer = f'<message name="{name}Response"><part name="return" type="xsd:anyType"/></message>'
    return f'<message name="{name}Request">{listed}</message>{answer}'


def _binding(name: str) -> str:
    """Return how an operation travels."""
    both = "".join(
        [
            f'<{side}><soap:body use="encoded" namespace="{namespace}" encodingStyle="{_ENCODING}"/></{side}>'
            for side, namespace in (("input", _NAMESPACE), ("output", _ANSWERS))
        ]
    )
    return f'<operation name="{name}"><soap:operation soapAction="{_NAMESPACE}#{name}"/>{both}</operation>'
