"""Voice messages, and recording them by telephone.

What a sound's address holds cannot be looked at from here: its name tells. One that ends in neither `.wav` nor `.mp3`
is no sound; `…-size.mp3` is too small or too large, `…-length.mp3` too short or too long.

Source: HTTPS API v9, §36 to §40, annexes 12 and 13.
"""

import base64
import re
from urllib.parse import urlsplit

from allmysms_async.sandbox.state import Order, Reason, Recording, Refused, World, wall
from allmysms_async.sandbox.state.account import CALL_CREDITS, DEPOSIT_CREDITS

from .call import Call
from .record import Record, parse_record
from .status import Answer, done, failed

__all__ = ["SEND_VOCAL", "SIMPLE_VOCAL", "VOICE", "create_code", "download_media", "get_media", "order", "record"]

SIMPLE_VOCAL = "simpleVocal"
SEND_VOCAL = "sendVocal"
VOICE = frozenset([SIMPLE_VOCAL, SEND_VOCAL])

_SENDER = re.compile(r"(?:0|\+?33)[1-59][0-9]{8}", re.ASCII)
_MIN_BYTES, _MAX_BYTES = 1024, 5 * 1024 * 1024
_MIN_SECONDS, _MAX_SECONDS = 5, 35


def record(call: Call, method: str) -> Record:
    """Return what a voice message is asked with, under the names of the flow.

    Raises:
        Refused: The flow is empty, or cannot be read.
    """
    if method == SEND_VOCAL:
        return parse_record(call.form.raw("vocalData"))
    names = {"TPOA": "tpoa", "DATE": "date", "CAMPAIGN_NAME": "campaign", "UNIQUEIDENTIFIER": "uniqueIdentifier"}
    fields: dict[str, object] = {variable: call.form.word(name) for variable, name in names.items()}
    # §6 prints it in small letters.
    fields["UNIQUEIDENTIFIER"] = fields["UNIQUEIDENTIFIER"] or call.form.word("uniqueidentifier")
    fields["URL"] = call.form.word("url")
    fields["VOCALS"] = [{"MOBILEPHONE": number} for number in call.form.text("mobile").split(";") if number.strip()]
    return Record(fields)


def order(call: Call, method: str, data: Record) -> Order:
    """Return the order of a voice message.

    Raises:
        Refused: The sender or the sound is not acceptable.
    """
    sound = data.word("URL")
    if not sound and data.word("CODE"):
        sound = data.word("CODE")
        _check_recording(call.world, call.account.login, sound)
    elif sound:
        _check_name(sound)
    if sound and not _SENDER.fullmatch(data.word("TPOA")):
        raise Refused(Reason.BAD_SENDER)
    rings = call.form.word("type").lower() == "call"
    return Order(
        protocol="v9",
        method=method,
        text=sound,
        phones=[row["MOBILEPHONE"] for row in data.rows("VOCALS") if row.get("MOBILEPHONE")],
        sender=data.word("TPOA"),
        date=data.word("DATE"),
        name=data.word("CAMPAIGN_NAME"),
        call_credits=CALL_CREDITS if rings else DEPOSIT_CREDITS,
    )


def create_code(call: Call) -> Answer:
    """Give out a code to record a message with; the printed status is blank."""
    recording = call.world.recordings.create(call.account.login, call.form.word("label"), call.world.settle())
    return {"status": "", "statusText": "", "vocalCode": recording.code}


def get_media(call: Call) -> Answer:
    """Describe a recording."""
    recording = _own(call)
    if recording is None:
        return failed("code not found")
    media: Answer = {
        "label": recording.label,
        "code": recording.code,
        "duration": str(recording.seconds),
        "status": "CREATED" if recording.recorded_at is None else "RECORDED",
        "creationDate": wall(recording.created_at),
        "recordDate": "" if recording.recorded_at is None else wall(recording.recorded_at),
    }
    return done() | {"media": media}


def download_media(call: Call) -> Answer:
    """Hand a recording out."""
    recording = _own(call)
    if recording is None or recording.recorded_at is None:
        return failed("media not found")
    return done() | {"file": base64.b64encode(recording.sound).decode()}


def _own(call: Call) -> Recording | None:
    """Return the recording that a call is about, if it is the account's."""
    recording = call.world.recordings.find(call.form.word("code"))
    return recording if recording is not None and recording.login == call.account.login else None


def _check_recording(world: World, login: str, code: str) -> None:
    """Refuse a code that stands for nothing, or for a sound outside of the limits."""
    recording = world.recordings.find(code)
    if recording is None or recording.login != login or recording.recorded_at is None:
        raise Refused(Reason.BAD_MEDIA)
    if not _MIN_BYTES <= len(recording.sound) <= _MAX_BYTES:
        raise Refused(Reason.MEDIA_SIZE)
    if not _MIN_SECONDS <= recording.seconds <= _MAX_SECONDS:
        raise Refused(Reason.MEDIA_LENGTH)


def _check_name(url: str) -> None:
    """Refuse an address by its name."""
    try:
        path = urlsplit(url).path.lower()
    except ValueError:
        raise Refused(Reason.BAD_MEDIA) from None
    stem, dot, ending = path.rpartition(".")
    if not dot or ending not in ("wav", "mp3") or "://" not in url:
        raise Refused(Reason.BAD_MEDIA)
    if stem.endswith("-size"):
        raise Refused(Reason.MEDIA_SIZE)
    if stem.endswith("-length"):
        raise Refused(Reason.MEDIA_LENGTH)
