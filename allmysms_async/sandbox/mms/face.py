"""The MMS module's two addresses: sending, and asking about an account.

Source: MMS module, §1.1, §2 and §3.
"""

import hmac
import re
from xml.sax.saxutils import escape

from allmysms_async.sandbox.exchange import Pause, Reply, Request
from allmysms_async.sandbox.form import Form, read_form
from allmysms_async.sandbox.numbering import canonical
from allmysms_async.sandbox.state import Account, Order, Refused, Sending, World

from .flow import Flow, parse_flow
from .status import PROGRAMMED, SENT, MmsRefused, as_mms, status_text

__all__ = ["MmsFace"]

_SEND, _INFO = "sendmms", "info"
_TYPE = "text/html; charset=UTF-8"
# The manual prints several versions and folders of the second; each is answered.
_PATH = re.compile(r"/(?:smsmod/)?amsmodule\.(?:(?P<mms>sendmms)|sendsms)\.v\d+\.php")

Lines = list[tuple[str, str]]


class MmsFace:
    """The MMS module."""

    name = "mms"

    def __init__(self, world: World) -> None:
        """Play on a state."""
        self._world = world

    def operation(self, path: str) -> str | None:
        """Return what a path asks for."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        return _SEND if found["mms"] else _INFO

    async def answer(self, request: Request, operation: str, pause: Pause) -> Reply:
        """Carry a request out."""
        form = read_form(request)
        await pause()
        try:
            account = self._authenticated(form)
            lines = self._send(account, form) if operation == _SEND else self._info(account, form)
        except MmsRefused as refused:
            lines = _said(refused.code, refused.text)
            if refused.refused:
                lines.append(("InvalidNums", "|".join(refused.refused)))
        return _reply(lines)

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer a status without any effect."""
        return _reply(_said(code, status_text(code)))

    def _authenticated(self, form: Form) -> Account:
        """Return the account that asks."""
        account = self._world.account(form.word("clientcode"))
        if account is None or not hmac.compare_digest(account.pass_code.encode(), form.word("passcode").encode()):
            raise MmsRefused(102)
        return account

    def _send(self, account: Account, form: Form) -> Lines:
        flow = parse_flow(form.raw("XMLFlow"), account.login)
        order = Order(
            protocol=self.name,
            method=_SEND,
            text=flow.text,
            phones=flow.taken,
            unicode=True,
            date=flow.date,
            name=flow.name,
            media=flow.media,
            mms=True,
            repeatable=True,
        )
        try:
            sending = self._world.submit(account, order)
        except Refused as refused:
            raise as_mms(refused) from None
        return _accepted(flow, sending)

    def _info(self, account: Account, form: Form) -> Lines:
        """Tell about an account: one's own, or a sub-account."""
        asked = self._world.account(form.word("info"))
        if asked is None:
            raise MmsRefused(301)
        if asked is not account and asked.master != account.login:
            raise MmsRefused(302)
        return [("Status", "100"), ("StatusText", " Compte actif"), ("Credits", str(int(asked.credits)))]


def _accepted(flow: Flow, sending: Sending) -> Lines:
    """Return the answer to an accepted flow; numbers come back as they were sent."""
    went = set(sending.campaign.phones)
    listed = [number for number in flow.taken if canonical(number) in went]
    left_out = [number for number in flow.taken if canonical(number) not in went]
    ids = " ".join(f"<CUSTOMER><MOBILEPHONE>{escape(number)}</MOBILEPHONE></CUSTOMER>" for number in listed)
    code = PROGRAMMED if sending.campaign.scheduled else SENT
    return [
        *_said(code, status_text(code)),
        ("Credits", str(int(sending.credits_left))),
        ("InvalidNums", "|".join([*flow.refused, *left_out])),
        ("CampaignID", sending.campaign.id),
        ("IDs", f"<RECOVERIDS>{ids}</RECOVERIDS>"),
    ]


def _said(code: int, text: str) -> Lines:
    """Return the lines that every answer has."""
    return [("Status", str(code)), ("StatusText", text)]


def _reply(lines: Lines) -> Reply:
    return Reply("".join(f"{name}={value}\n" for name, value in lines).encode(), _TYPE)
