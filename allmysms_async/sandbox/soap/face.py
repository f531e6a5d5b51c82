"""Which operation a request calls, and how its answer is written.

Source: SOAP API, C, and "Envoi de requêtes SOAP" (the addresses).
"""

from collections.abc import Callable, Mapping

from allmysms_async.sandbox.exchange import Pause, Reply, Request
from allmysms_async.sandbox.state import Account, Reason, Refused, World

from . import ask
from .parse import Broken, Call, read_call
from .render import XML, Answer, fault, render
from .send import send_sms
from .status import DENIED, NO_ACCOUNT, refusal, said
from .wsdl import SERVER_PATH, description

__all__ = ["SoapFace"]

_WSDL, _CALL = "wsdl", "call"
# The manual writes wSDL.php, which its readers write wsdl.php.
_PATHS = {"/soap/wsdl.php": _WSDL, SERVER_PATH: _CALL}

_WORK: Mapping[str, Callable[[World, Account, Call], Answer]] = {
    "sendSms": lambda world, account, call: send_sms(world, account, call.arguments.get("messageData")),
    "getAcks": ask.get_acks,
    "getPull": ask.get_pull,
    "getInfo": ask.get_info,
    "deleteCampaign": ask.delete_campaign,
    "getStop": ask.get_stop,
    "createSubAccount": ask.create_sub_account,
}

# How each operation says that the login is wrong. The manual says it of the first four; the others are guesses.
_STRANGER: Mapping[str, Answer] = {
    "sendSms": refusal(Refused(Reason.NO_ACCOUNT)),
    "getAcks": {"status": DENIED, "acks": None, "cliMsgId": ""},
    "getPull": {"status": DENIED, "pulls": None, "answer": None, "cliMsgId": ""},
    "getInfo": {"status": NO_ACCOUNT, "credits": "0"},
    "deleteCampaign": {"status": "CAMPNOTFOUND"},
    "getStop": {"status": DENIED, "answer": None},
    "createSubAccount": {"status": "0", "text": "bad parameters"},
}


class SoapFace:
    """The SOAP API."""

    name = "soap"

    def __init__(self, world: World) -> None:
        """Play on a state."""
        self._world = world

    def operation(self, path: str) -> str | None:
        """Return whether a path is the description's or the server's."""
        return _PATHS.get(path.lower())

    async def answer(self, request: Request, operation: str, pause: Pause) -> Reply:
        """Carry a call out, or describe the service."""
        await pause()
        if operation == _WSDL or (request.method == "GET" and request.query.lower() == b"wsdl"):
            return Reply(description(f"http://{request.header(b'host')}"), XML)
        if request.method != "POST":
            return fault("Client", "Bad Request")
        try:
            call = read_call(request.body)
        except Broken:
            return fault("Client", "Bad Request")
        work = _WORK.get(call.name)
        if work is None:
            return fault("Server", "Function is not a valid method for this service")
        account = self._world.account(call.word("clientCode", "clientId"))
        if account is None or not account.lets_in(call.word("passCode")):
            return render(call.name, _STRANGER[call.name])
        try:
            return render(call.name, work(self._world, account, call))
        except Refused as refused:
            return render(call.name, refusal(refused))

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer a status without any effect."""
        try:
            return render(read_call(request.body).name, said(code))
        except Broken:
            return fault("Client", "Bad Request")
