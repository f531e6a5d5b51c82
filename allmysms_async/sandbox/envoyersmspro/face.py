"""Which function a request calls, who calls it, and whether the request limit lets it through.

Source: Envoyer SMS Pro, "Pré-requis".
"""

from collections.abc import Callable, Mapping

from allmysms_async.sandbox.exchange import Pause, Reply, Request
from allmysms_async.sandbox.fault import ControlError
from allmysms_async.sandbox.form import read_form
from allmysms_async.sandbox.numbering import canonical
from allmysms_async.sandbox.state import World

from . import account, message
from .answer import Failed, failure
from .call import Call, authenticate
from .ledger import Holder, Ledger
from .window import RequestCount

__all__ = ["EnvoyerSmsProFace"]

_UNKNOWN = "unknown"
_WORK: Mapping[str, Callable[[Call], Reply]] = {
    "message/send": message.send,
    "message/stats": message.stats,
    "message/cancel": message.cancel,
    "account/status": account.status,
    "account/getallaccounts": account.everything,
    "account/create": account.create,
    "account/delete": account.delete,
    "account/transfer": account.transfer,
    "stopsms/activate": account.activate,
    "stopsms/deactivate": account.deactivate,
    "stopsms/check": account.check,
    "response/get": message.responses,
}
_OVER_THE_LIMIT = Reply(b"Bad Request", "text/html; charset=UTF-8", status=400)
_NOT_FOUND = Reply(b"Not Found", "text/html; charset=UTF-8", status=404)


class EnvoyerSmsProFace:
    """Envoyer SMS Pro: login `demo`, password `demo-pass`, account 1, which may make 15000 requests in 60 minutes."""

    name = "envoyersmspro"

    def __init__(self, world: World) -> None:
        """Play on a state."""
        self._world = world
        self._ledger = Ledger(world)

    def reset(self) -> None:
        """Forget accounts, messages and requests."""
        self._ledger.reset()

    # -- what tests and developers ask of it --------------------------------------------------------------------------

    def _holder(self, login: str, account_id: int) -> Holder:
        holder = self._ledger.holders(login).get(account_id) if self._world.account(login) else None
        if holder is None:
            raise ControlError(f"There is no account {account_id} of {login!r}.")
        return holder

    def limit_requests(
        self, limit: int, *, login: str = "demo", account_id: int = 1, seconds: float | None = None
    ) -> None:
        """Let an account make so many requests in 60 minutes, and count them from none.

        Raises:
            ControlError: There is no such account, or the limit is below 1.
        """
        if limit < 1:
            raise ControlError("The limit must be at least 1.")
        holder = self._holder(login, account_id)
        holder.limit = limit
        holder.count = RequestCount(seconds or holder.count.seconds)

    def request_count(self, login: str = "demo", account_id: int = 1) -> RequestCount:
        """Return how many requests of an account arrived, how many were refused, and the most in any 60 minutes.

        Raises:
            ControlError: There is no such account.
        """
        return self._holder(login, account_id).count

    def respond(self, message_id: str, phone: str, text: str) -> None:
        """Let somebody answer a message.

        Raises:
            ControlError: There is no such message, or the number is none.
        """
        number = canonical(phone.strip())
        if number is None or message_id not in self._ledger.messages:
            raise ControlError("There is no such message, or the number is no mobile number.")
        self._ledger.respond(message_id, number, text)

    # -- requests -----------------------------------------------------------------------------------------------------

    def operation(self, path: str) -> str | None:
        """Return the function that a path under `/api` names, with or without a final slash."""
        steps = [step for step in path.split("/") if step]
        if not steps or steps[0] != "api":
            return None
        name = "/".join(steps[1:])
        return name if name in _WORK else _UNKNOWN

    async def answer(self, request: Request, operation: str, pause: Pause) -> Reply:
        """Carry a function out."""
        work = _WORK.get(operation)
        if work is None:
            return _NOT_FOUND
        if request.method not in ("GET", "POST"):
            return Reply(b"Method Not Allowed", "text/html", status=405, headers=((b"allow", b"GET, POST"),))
        form = read_form(request)
        await pause()
        try:
            login, holder = authenticate(self._ledger, request, form)
            if not holder.count.admit(self._world.clock.now(), holder.limit):
                return _OVER_THE_LIMIT
            return work(Call(self._world, self._ledger, login, holder, form, request.method == "POST"))
        except Failed as failed:
            return failure(failed, _repeated(request, operation))

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer an error of the manual without any effect."""
        return failure(Failed(code), _repeated(request, operation))


def _repeated(request: Request, operation: str) -> str:
    """Return the request as an error repeats it: everything that was asked, credentials included."""
    asked = request.query or request.body
    return f"/{operation}?{asked.decode('utf-8', 'replace')}" if asked else f"/{operation}"
