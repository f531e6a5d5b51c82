"""``HttpResponse`` -> what the lines of an answer say, tolerant in form, never guessing. Pure.

An answer ends where the server closes the connection, so nothing but its lines tells whether it came whole: a line
without its newline may be cut, ``Status=10`` may have been ``Status=100`` or ``Status=104``.

Source: MMS module, §2, §2.1, §3.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from allmysms_async import plausible
from allmysms_async.errors import NoValidNumber, ProtocolError
from allmysms_async.exchange import HttpResponse, check_status, described
from allmysms_async.model import Accepted, Reason, Recipient, RecipientResult, Rejected, Unconfirmed
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.mms import status
from allmysms_async.protocols.refusal import refusal
from allmysms_async.redaction import Discreet, Unshown

__all__ = ["Answer", "read_account", "read_send", "results"]

# One of the known names at the start of a line. With the line feed before it, which is searched for quickly: the list
# has a line for each number.
_FIELD = re.compile(r"\n[ \t]*(Status|StatusText|Credits|InvalidNums|CampaignID|IDs)[ \t]*=")
_CUSTOMER = re.compile(r"<CUSTOMER>\s*<MOBILEPHONE>([^<]*)</MOBILEPHONE>\s*</CUSTOMER>")


class Answer(Discreet, frozen=True, kw_only=True):
    """What an answer says.

    Attributes:
        code: ``Status``.
        text: ``StatusText``, as far as it came.
        credits: ``Credits``, or None.
        campaign_id: ``CampaignID``, or None.
        accepted: Numbers of the list ``IDs``, in the form they are matched on; None where there is no list.
        refused: Numbers of ``InvalidNums``, likewise; None where there is no such line.
        whole: Whether both lists came to their ends.
        raw: Each line under its name.
    """

    code: str
    text: str
    credits: Decimal | None
    campaign_id: str | None
    accepted: frozenset[str] | None
    refused: frozenset[str] | None
    whole: bool
    raw: Mapping[str, object]


_says_taken = re.compile(rb"^\s{0,9}Status\s{0,9}=\s{0,9}10[01]\s", re.MULTILINE).search


def read_send(response: HttpResponse, request: str) -> Answer:
    """Return what the answer to a send says.

    Raises:
        ServerFailure, RateLimited, HttpRefused: By HTTP status.
        ProtocolError: The answer's status is missing, cut or not in the manual: what was sent is not known.
        GatewayError: The gateway refused; its class says why.
    """
    answer = _read(response, request)
    if answer.code in status.SEND_SUCCESS:
        return answer
    error = refusal(status.SEND, answer.code, request, answer.text)
    if error is None:
        raise _unlisted(answer.code, request)
    if isinstance(error, NoValidNumber):
        error.numbers = Unshown(sorted(answer.refused or ()))
    raise error


def read_account(response: HttpResponse, request: str) -> Answer:
    """Return what the answer about an account says.

    Raises:
        ServerFailure, RateLimited, HttpRefused, ProtocolError, GatewayError: As ``read_send``.
    """
    answer = _read(response, request)
    if answer.code in status.ACCOUNT_SUCCESS:
        return answer
    raise refusal(status.ACCOUNT, answer.code, request, answer.text) or _unlisted(answer.code, request)


def results(answer: Answer, recipients: tuple[Recipient, ...]) -> tuple[RecipientResult, ...]:
    """Return what the answer to a send that went through says of each recipient.

    In the list is accepted, refused is rejected. In neither is accepted only if there is no list at all and the
    refused numbers came whole, or if there is nobody else: with nobody valid the status would be another.
    """
    accepted, refused = answer.accepted, answer.refused or frozenset()
    alone = len(recipients) == 1 and accepted is None
    silent = accepted is None and answer.refused is not None and answer.whole
    found: list[RecipientResult] = []
    for phone in (recipient.phone for recipient in recipients):
        if phone in refused:
            found.append(Rejected(phone, Reason.INVALID_AT_GATEWAY))
        elif silent or alone or (accepted is not None and phone in accepted):
            found.append(Accepted(phone))
        else:
            found.append(Unconfirmed(phone))
    return tuple(found)


def _read(response: HttpResponse, request: str) -> Answer:
    check_status(response, request, says_taken=_says_taken)
    text = _decoded(response.body)
    lines = _lines(text)
    if "Status" not in lines:
        html_or_empty = described(response.body)
        what = html_or_empty if html_or_empty in {"empty", "an HTML page"} else "not in lines, or cut"
        msg = f"{request}: the answer is {what} ({len(response.body)} bytes); what became of the request is not known."
        raise ProtocolError(msg, request=request)
    code, ended = lines["Status"]
    if not ended or not re.fullmatch(r"\d{3}", code, re.ASCII):
        msg = f"{request}: the answer's status is cut or garbled; what became of the request is not known."
        raise ProtocolError(msg, request=request)
    accepted, accepted_whole = _accepted(lines)
    refused, refused_whole = _refused(lines)
    credits_left, raw = _amount(lines), {name: value for name, (value, _) in lines.items()}
    odd = ["Credits"] if credits_left is None and _word(lines, "Credits") else []
    return Answer(
        code=code,
        text=lines.get("StatusText", ("", True))[0],
        credits=credits_left,
        campaign_id=_word(lines, "CampaignID"),
        accepted=accepted,
        refused=refused,
        whole=accepted_whole and refused_whole,
        raw=plausible.kept(raw, odd),
    )


def _decoded(body: bytes) -> str:
    """Return an answer's text: UTF-8, or else the charset of its time; the names and figures are the same in both."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return text.replace("\r\n", "\n")


def _lines(text: str) -> dict[str, tuple[str, bool]]:
    """Return each field's value, and whether its end came; the first of two equal names counts."""
    lines: dict[str, tuple[str, bool]] = {}
    text = "\n" + text
    found = list(_FIELD.finditer(text))
    ends = [*(following.start() + 1 for following in found[1:]), len(text)]
    for field, end in zip(found, ends, strict=False):
        value = text[field.end() : end]
        # Only the list has several lines; anything else after a line's end is the start of one that was cut.
        line = value if field[1] == "IDs" else value.partition("\n")[0]
        lines.setdefault(field[1], (line.strip(), "\n" in value))
    return lines


def _word(lines: Mapping[str, tuple[str, bool]], name: str) -> str | None:
    """Return a value that came whole, or None."""
    value, ended = lines.get(name, ("", False))
    return value if value and ended else None


def _amount(lines: Mapping[str, tuple[str, bool]]) -> Decimal | None:
    """Return the credits left, or None; they do not say what was sent, so nonsense there is no error."""
    return plausible.amount((_word(lines, "Credits") or "")[:100].replace(" ", "").replace(",", "."))


def _accepted(lines: Mapping[str, tuple[str, bool]]) -> tuple[frozenset[str] | None, bool]:
    """Return the numbers of the list, and whether its end came; its last line needs no newline."""
    if "IDs" not in lines:
        return None, True
    value = lines["IDs"][0]
    return frozenset(map(read_gateway_number, _CUSTOMER.findall(value))), "</RECOVERIDS>" in value


def _refused(lines: Mapping[str, tuple[str, bool]]) -> tuple[frozenset[str] | None, bool]:
    """Return the refused numbers, and whether all of them came; what is cut is matched only if it is a whole number."""
    if "InvalidNums" not in lines:
        return None, True
    value, ended = lines["InvalidNums"]
    return frozenset(read_gateway_number(number) for number in value.split("|") if number.strip()), ended


def _unlisted(code: str, request: str) -> ProtocolError:
    msg = f"{request}: the answer's status {code} is not in the manual; what became of the request is not known."
    return ProtocolError(msg, request=request, code=code)
