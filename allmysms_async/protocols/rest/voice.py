"""Voice messages: sending them, and recording them by telephone.

Source: HTTPS API v9, §36 to §40, annexes 12 and 13.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from allmysms_async.errors import InvalidRequest, InvalidSender, ProtocolError
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.sms import SimpleSendResult
from allmysms_async.protocols.rest.wire import Done, Raw, Result, Wire
from allmysms_async.redaction import Shown
from allmysms_async.transports.file import write_file

__all__ = [
    "CreateCode",
    "CreateCodeResult",
    "DownloadMedia",
    "DownloadMediaResult",
    "GetMedia",
    "GetMediaResult",
    "Media",
    "SendVocal",
    "SendVocalResult",
    "SimpleVocal",
    "VocalType",
    "Voice",
]

VocalType: TypeAlias = Literal["directdeposit", "call"]
"""``directdeposit`` leaves the message on the answering machine (the gateway's default), ``call`` rings."""

_is_sender = re.compile(r"(?:0|\+?33)[1-59][0-9]{8}", re.ASCII).fullmatch


def _check(sender: str, kind: str | None) -> None:
    """Refuse a sender or a type that the gateway does not have."""
    if not _is_sender(sender):
        msg = "The sender of a voice message must be a French number that begins with 01 to 05 or 09; nothing was sent."
        raise InvalidSender(msg)
    if kind not in {None, "directdeposit", "call"}:
        msg = "The type of a voice message must be directdeposit or call; nothing was sent."
        raise InvalidRequest(msg)


class SendVocalResult(SimpleSendResult, frozen=True, kw_only=True):
    """Answer to ``SendVocal`` and ``SimpleVocal``, with the fields of that to ``SimpleSend``.

    Attributes:
        invalid_numbers: Refused numbers; ``sendVocal`` prints them as ``invalidEmails``.
    """

    invalid_numbers: Annotated[str | None, Wire(("invalidNumbers", "invalidEmails"))] = None


class CreateCodeResult(Result, frozen=True, kw_only=True):
    """Answer to ``CreateCode``.

    Attributes:
        status: 1, or nothing.
        status_text: The status in words.
        vocal_code: To be typed in on the telephone (09 77 55 40 93) before recording.
    """

    status: str | None = None
    status_text: str | None = None
    vocal_code: Annotated[str | None, Wire(trim=True)] = None


class Media(Shown, frozen=True, kw_only=True):
    """A message recorded by telephone.

    Attributes:
        label: The name it was given.
        code: Its code.
        duration: Seconds.
        status: Such as ``RECORDED``.
        creation_date: When the code was created.
        record_date: When it was recorded.
    """

    label: str | None = None
    code: Annotated[str | None, Wire(trim=True)] = None
    duration: Decimal | None = None
    status: str | None = None
    creation_date: datetime | None = None
    record_date: datetime | None = None


class GetMediaResult(Done, frozen=True, kw_only=True):
    """Answer to ``GetMedia``.

    Attributes:
        media: The message.
    """

    media: Media | None = None


class DownloadMediaResult(Done, frozen=True, kw_only=True):
    """Answer to ``DownloadMedia``.

    Attributes:
        file: The sound, decoded; 5 MB at most.
    """

    file: bytes = b""

    def __repr__(self) -> str:
        """Show how long the sound is."""
        return f"<DownloadMediaResult {len(self.file)} bytes>"


class SimpleVocal(Operation[SendVocalResult], frozen=True):
    """Send one voice message to a few numbers, without a data flow; in France only.

    Source: HTTPS API v9, §36, annex 13.

    Args:
        url: Address of the sound, WAV or MP3, 5 to 35 seconds, 1 KB to 5 MB.
        mobile: Numbers joined by ``;``.
        tpoa: Sender's number, 01 to 05 or 09.
        type: ``directdeposit`` (default) or ``call``.
        date: When to send it, aware.
        campaign: Name of the send.
        unique_identifier: Makes the request unique for 24 hours: the same one returns the first request's answer.

    Raises:
        InvalidSender: ``tpoa`` is no such number.
        GatewayError: As annex 13 lists them.
    """

    url: str
    mobile: str
    tpoa: str
    type: VocalType | None = None
    date: datetime | None = None
    campaign: str | None = None
    unique_identifier: str | None = None

    route = routes.SIMPLE_VOCAL

    def __post_init__(self) -> None:
        """Refuse what cannot be right."""
        _check(self.tpoa, self.type)


class SendVocal(Operation[SendVocalResult], frozen=True):
    """Send one voice message to many numbers; in France only.

    Source: HTTPS API v9, §37, annexes 12 and 13.

    Args:
        recipients: Numbers.
        tpoa: Sender's number, 01 to 05 or 09.
        url: Address of the sound, WAV or MP3, 5 to 35 seconds, 1 KB to 5 MB; or else ``code``.
        code: Code of a message recorded by telephone, as returned by ``CreateCode``.
        type: ``directdeposit`` (default) or ``call``.
        campaign_name: Name of the send.
        date: When to send it, aware.
        unique_identifier: Makes the request unique for 24 hours: the same one returns the first request's answer.

    Raises:
        InvalidSender: ``tpoa`` is no such number.
        InvalidRequest: Neither ``url`` nor ``code`` is given, or both are.
        GatewayError: As annex 13 lists them.
    """

    recipients: Sequence[str]
    tpoa: str
    url: str | None = None
    code: str | None = None
    type: VocalType | None = None
    campaign_name: str | None = None
    date: datetime | None = None
    unique_identifier: str | None = None

    route = routes.SEND_VOCAL

    def __post_init__(self) -> None:
        """Refuse what cannot be right."""
        _check(self.tpoa, self.type)
        if (self.url is None) == (self.code is None):
            msg = "A voice message is either the address of a sound or the code of a recording; nothing was sent."
            raise InvalidRequest(msg)

    def data(self) -> dict[str, object]:
        """Return what ``vocalData`` holds under ``DATA``."""
        return {**self.values(), "VOCALS": [{"MOBILEPHONE": phone} for phone in self.recipients]}


class CreateCode(Operation[CreateCodeResult], frozen=True):
    """Create a code to record a message with by telephone (09 77 55 40 93), in one attempt never repeated by itself.

    Source: HTTPS API v9, §38.

    Args:
        label: Name shown in the customer area.

    Raises:
        GatewayError: The gateway refused; no code was created.
        OutcomeUnknown: One may have been created.
    """

    label: str | None = None

    route = routes.CREATE_CODE

    @classmethod
    def confirmed(cls, code: str, answer: Raw) -> bool:
        """Return whether there is a code: the printed status is blank, and only 0 is a failure."""
        return code != "0" and bool(str(answer.get("vocalCode") or "").strip())


class GetMedia(Operation[GetMediaResult], frozen=True):
    """Fetch what is known of a message recorded by telephone.

    Source: HTTPS API v9, §39.

    Args:
        code: As returned by ``CreateCode``.

    Raises:
        GatewayError: The gateway does not know the code.
    """

    code: str

    route = routes.GET_MEDIA


class DownloadMedia(Operation[DownloadMediaResult], frozen=True):
    """Fetch a message recorded by telephone.

    Source: HTTPS API v9, §40.

    Args:
        code: As returned by ``CreateCode``.

    Raises:
        GatewayError: The gateway does not know the code, or nothing was recorded.
        ProtocolError: What came is not base64.
    """

    code: str

    route = routes.DOWNLOAD_MEDIA


class Voice(Resource):
    """Voice messages."""

    simple_vocal = Method(SimpleVocal)
    send_vocal = Method(SendVocal)
    create_code = Method(CreateCode)
    get_media = Method(GetMedia)
    download_media = Method(DownloadMedia)

    async def download_media_to(self, code: str, path: str | os.PathLike[str]) -> int:
        """Fetch a message recorded by telephone into a file, piece by piece and outside of the event loop.

        The file appears under its name only when all of it is there; one that was there before is replaced.

        Source: HTTPS API v9, §40.

        Args:
            code: As returned by ``CreateCode``.
            path: Where to write it.

        Returns:
            Its length in bytes.

        Raises:
            GatewayError: The gateway does not know the code, or nothing was recorded.
            ProtocolError: What came is not base64, or nothing.
            OSError: The file cannot be written.
        """
        result = await self.download_media(code)
        if not result.file:
            msg = "downloadMedia: the answer says that it is done, and holds no sound; no file was written."
            raise ProtocolError(msg, request=DownloadMedia.name)
        await write_file(path, result.file)
        return len(result.file)
