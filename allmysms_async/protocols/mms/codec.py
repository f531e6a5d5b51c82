"""A request -> ``HttpRequest``. Pure: no clock, no I/O, no logging.

Source: MMS module, §1.1 to §1.4, §3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from allmysms_async.backend import SendRequest
from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidRequest, InvalidText
from allmysms_async.exchange import HttpRequest
from allmysms_async.model import MmsKind, MmsMessage, Secret
from allmysms_async.protocols import connection
from allmysms_async.protocols.form import form

__all__ = ["ACCOUNT", "SEND", "Credentials", "check_media", "encode_account", "encode_send", "flow", "told"]

SEND = "sendmms"
"""Name of the operation that sends."""
ACCOUNT = "info"
"""Name of the operation that asks about an account."""

_SEND_PATH = "/amsmodule.sendmms.v2.php"
_ACCOUNT_PATH = "/amsmodule.sendsms.v6.php"
_MAX_DURATION = 1000
_MAX_ADDRESS = 1000
# Of ASCII, what an address and an XML flow can both hold as it is; & is excluded by the manual.
_ADDRESS = re.compile(r"http://[A-Za-z0-9](?:[!#$%()*+,./:;=?@\[\]_~A-Za-z0-9-]*)", re.ASCII)
_ENDINGS = {"image": (".gif", ".jpg", ".jpeg"), "video": (".3gp",), "sound": (".mid", ".midi", ".amr")}


class Credentials(connection.Credentials, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login (``clientcode``), written in capitals inside the flow.
        password: The account's password (``passcode``); travels in the body alone.
    """

    password: Secret


def check_media(message: MmsMessage) -> None:
    """Refuse media that the gateway would refuse; how large they are is for the gateway to see.

    Raises:
        InvalidRequest: An address that is not ``http://…`` without ``&`` ending like its kind of file, media that do
            not go together, or a duration that is missing, out of range or for nothing.

    Source: MMS module, §1.2.
    """
    if message.video is not None and (message.image is not None or message.sound is not None):
        msg = "An MMS holds a video, or a sound, an image or both, but not a video with others; nothing was sent."
        raise InvalidRequest(msg)
    for what, address in (("image", message.image), ("video", message.video), ("sound", message.sound)):
        if address is None:
            continue
        endings = _ENDINGS[what]
        fits = len(address) <= _MAX_ADDRESS and _ADDRESS.fullmatch(address) is not None
        if not fits or not address.lower().endswith(endings):
            msg = (
                f"The address of the {what} must be http://… in plain characters, without & or blanks, and end in "
                f"{' or '.join(endings)}; nothing was sent."
            )
            raise InvalidRequest(msg)
    timed = message.video is not None or message.sound is not None
    duration = message.duration
    if timed != (duration is not None):
        msg = "duration goes with a video or a sound, and only with one; nothing was sent."
        raise InvalidRequest(msg)
    if duration is not None and (type(duration) is not int or not 0 <= duration <= _MAX_DURATION):
        msg = f"duration must be whole seconds, 0 to {_MAX_DURATION}; nothing was sent."
        raise InvalidRequest(msg)


def flow(request: SendRequest, login: str) -> str:
    """Return the XML flow of a request; its tags in the manual's order and case.

    A request without an MMS is one with a text alone.
    """
    return "<DATA>" + "".join(_elements(request, login)) + "</DATA>"


def told(request: SendRequest) -> dict[str, object]:
    """Return what hooks are told from: a request's fields under the flow's names, numbers as a list."""
    mms, message = request.mms or MmsMessage(text=request.text), request.message
    fields = {
        "CAMPAIGN_NAME": request.campaign_name or None,
        "DATE": message.send_at and message.send_at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S"),
        "MAIL_NOTIF": mms.notify,
        "MOBILEPHONE": list(request.phones),
        "MSGCLASS": str(int(mms.kind)),
        "MESSAGE": request.text,
        "IMAGE": mms.image,
        "VIDEO": mms.video,
        "SON": mms.sound,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _elements(request: SendRequest, login: str) -> Iterator[str]:
    mms = request.mms or MmsMessage(text=request.text)
    yield _element("CLIENT", login.upper())
    if request.campaign_name:
        yield _element("CAMPAIGN_NAME", request.campaign_name)
    if request.message.send_at is not None:
        yield _element("DATE", request.message.send_at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S"))
    if mms.notify is not None:
        yield _element("MAIL_NOTIF", "1" if mms.notify else "0")
    # Canonical numbers are digits: there is nothing to escape in them.
    yield "".join([f"<MOBILEPHONE>+{phone}</MOBILEPHONE>" for phone in request.phones])
    yield _element("MSGCLASS", str(int(mms.kind)))
    yield _element("MESSAGE", request.text)
    if mms.kind in {MmsKind.IMAGE, MmsKind.SOUND_AND_IMAGE}:
        yield _element("IMAGE", mms.image or "")
    if mms.kind is MmsKind.VIDEO:
        yield _timed("VIDEO", mms.video or "", mms.duration)
    if mms.kind in {MmsKind.SOUND, MmsKind.SOUND_AND_IMAGE}:
        yield _timed("SON", mms.sound or "", mms.duration)


def _element(tag: str, text: str) -> str:
    # A lone CR would be read back as a line feed, so it is written as a reference.
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return f"<{tag}>{escaped}</{tag}>"


def _timed(tag: str, address: str, duration: int | None) -> str:
    """Return the element of a video or a sound."""
    return f"<{tag}>{_element('URL', address)}{_element('DUREE', str(duration))}</{tag}>"


def encode_send(
    request: SendRequest, credentials: Credentials, *, base_url: str, timeout: float, max_response_bytes: int
) -> HttpRequest:
    """Return the HTTP request that sends.

    Raises:
        InvalidText: A text holds half of a character (a lone surrogate), which UTF-8 cannot carry.
    """
    try:
        body = _form(credentials, "XMLFlow", flow(request, credentials.login.reveal()))
    except UnicodeEncodeError:
        msg = f"{SEND}: a text holds half of a character and cannot be written as UTF-8; nothing was sent."
        raise InvalidText(msg, reason="malformed") from None
    return _posted(SEND, base_url + _SEND_PATH, body, timeout, max_response_bytes)


def encode_account(
    credentials: Credentials, login: str, *, base_url: str, timeout: float, max_response_bytes: int
) -> HttpRequest:
    """Return the HTTP request that asks about an account."""
    body = _form(credentials, "info", login)
    return _posted(ACCOUNT, base_url + _ACCOUNT_PATH, body, timeout, max_response_bytes)


def _form(credentials: Credentials, name: str, value: str) -> bytes:
    """Return form fields as PHP's ``urlencode`` writes them; the password is one of them."""
    fields = {"clientcode": credentials.login.reveal(), "passcode": credentials.password.reveal(), name: value}
    return form(fields)


def _posted(name: str, url: str, body: bytes, timeout: float, max_response_bytes: int) -> HttpRequest:
    """Return a POST; a GET is cut at 1024 characters, and would put the password into logs."""
    return HttpRequest(
        name=name,
        url=url,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=body,
        timeout=timeout,
        max_response_bytes=max_response_bytes,
    )
