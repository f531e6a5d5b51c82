"""What is sent, and to whom."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterable, Iterable
from datetime import datetime

import msgspec

from allmysms_async.model.quiet_hours import QuietHours, QuietPolicy
from allmysms_async.model.vocabulary import Encoding, Purpose, Reason
from allmysms_async.numbers import mask, name_shown
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.text import Coding, as_sent

__all__ = [
    "Campaign",
    "MmsKind",
    "MmsMessage",
    "Recipient",
    "RefusedRow",
    "SmsMessage",
    "as_sms",
    "coding_of",
]


class SmsMessage(Shown, frozen=True):
    """A text and how it is to be sent.

    Attributes:
        text: The text; ``#param_1#``, ``#param_2#``… stand for each recipient's values, counted from 1 without gaps. It
            is kept, measured and sent in Unicode's form NFC, and so are the values.
        sender: Shown in place of the short number, or None for the gateway's default. To France it is honoured only if
            the text ends with ``STOP au 36180``, without which a marketing text is refused.
        purpose: ``marketing``, ``transactional`` or ``otp``; a campaign must say.
        encoding: ``auto`` (default), ``gsm7`` or ``unicode``. Beside NFC, and ``gsm_replacements``, a text is
            never cut, re-coded or transliterated.
        send_at: When to send it, an aware datetime in the future; None is now.
        wants_replies: Whether recipients should be able to answer.
        reference: The caller's own identifier, returned with reports and replies.
        track_links: Replace a link by a short one that counts clicks.
        priority: Use the channel for urgent messages (metropolitan France; the account must be entitled to it); never
            for marketing.
        add_stop: Whether the words by which people opt out are added where the text does not end with them, and count
            in its length: `` STOP au 36180``, or Envoyer SMS Pro's own. By default a marketing text with a sender that
            lacks them is refused; with False it is not, in a campaign that is known to reach nobody in France.
        strict_sender: Whether a sender that breaks a rule of the French operators (``law.lint_sender``) is refused; by
            default a warning is logged, once for each sender.
        gsm_replacements: Replace quotes, spaces and dashes that GSM-7 lacks by those that it has, in the text and the
            values: one typographic apostrophe makes a text Unicode, 70 characters a part in place of 160. Nothing else
            is replaced; ``text.transliterate`` says what could be.

    Source: HTTPS API v9, §7.2.
    """

    text: str
    sender: str | None = None
    purpose: Purpose | None = None
    encoding: Encoding = "auto"
    send_at: datetime | None = None
    wants_replies: bool = False
    reference: str | None = None
    track_links: bool = False
    priority: bool = False
    add_stop: bool | None = None
    strict_sender: bool = False
    gsm_replacements: bool = False

    def __post_init__(self) -> None:
        """Bring the text to the form that it is sent in."""
        if type(self.text) is not str or self.gsm_replacements or not self.text.isascii():
            _settle(self, gsm_replacements=self.gsm_replacements is True)

    def __repr__(self) -> str:
        """Show everything but the text, which may hold a one-time code."""
        sender = None if self.sender is None else name_shown(self.sender)
        return f"<SmsMessage {len(self.text)} characters, sender={sender!r}, purpose={self.purpose!r}>"


class MmsKind(enum.IntEnum):
    """What an MMS carries; the values are the gateway's ``MSGCLASS``. Source: MMS module, §1.2."""

    TEXT = 0
    IMAGE = 1
    VIDEO = 2
    SOUND = 3
    SOUND_AND_IMAGE = 4


class MmsMessage(Shown, frozen=True, kw_only=True):
    """A text with a picture, a video, a sound, or a sound and a picture; or a longer text alone.

    The gateway fetches the media itself: each is an address ``http://…`` without ``&`` that ends like its kind of
    file, and holds at most 600 KB. Placeholders in the text are filled in as in an ``SmsMessage``.

    Attributes:
        text: The text: 1 to 1000 characters alone, 1 to 100 beside media; a newline counts 2. Kept,
            measured and sent in Unicode's form NFC.
        image: Address of a ``.gif`` or ``.jpg`` file.
        video: Address of a ``.3gp`` file; with neither an image nor a sound.
        sound: Address of a ``.mid`` or ``.amr`` file.
        duration: Seconds that the video or the sound takes, 0 to 1000; required with one, and only with one.
        purpose: ``marketing``, ``transactional`` or ``otp``; a campaign must say.
        send_at: When to send it, an aware datetime in the future; None is now.
        notify: Whether the gateway reports errors by e-mail to the account's owner; None leaves it to the account.

    Source: MMS module, §1.2, §1.3.
    """

    text: str
    image: str | None = None
    video: str | None = None
    sound: str | None = None
    duration: int | None = None
    purpose: Purpose | None = None
    send_at: datetime | None = None
    notify: bool | None = None

    def __post_init__(self) -> None:
        """Bring the text to the form that it is sent in."""
        _settle(self, gsm_replacements=False)

    @property
    def kind(self) -> MmsKind:
        """What it carries, told from the media that are given."""
        if self.video is not None:
            return MmsKind.VIDEO
        if self.sound is not None:
            return MmsKind.SOUND if self.image is None else MmsKind.SOUND_AND_IMAGE
        return MmsKind.TEXT if self.image is None else MmsKind.IMAGE

    @property
    def sms(self) -> SmsMessage:
        """Its text, with the options that a plain text has too; measured in characters, as an MMS is."""
        return SmsMessage(self.text, purpose=self.purpose, encoding="unicode", send_at=self.send_at)

    def __repr__(self) -> str:
        """Show the kind and the length, and nothing of the text."""
        return f"<MmsMessage {self.kind.name.lower()} {len(self.text)} characters, purpose={self.purpose!r}>"


class Recipient(Shown, frozen=True, gc=False):
    """One person to be texted.

    Attributes:
        phone: A mobile number in any usual form.
        params: Values for ``#param_1#``, ``#param_2#``…
        line: Line of the file it was read from, counted from 1, or None.
    """

    phone: str
    params: tuple[str, ...] = ()
    line: int | None = None

    def __repr__(self) -> str:
        """Show the number masked, and how many values go with it."""
        return f"<Recipient {mask(self.phone)}, {len(self.params)} params>"


class RefusedRow(Recipient, frozen=True, gc=False, kw_only=True):
    """A row that its reader could not read as it was meant: the campaign rejects it, and texts nobody for it.

    Attributes:
        reason: Why.
    """

    reason: Reason


class Campaign(Discreet, frozen=True, eq=False, weakref=True):
    """One message to many recipients.

    A campaign object is one campaign: running the same object again continues it and texts nobody twice, while
    another object with the same contents is another campaign.

    Attributes:
        name: Shown in the provider's back office, followed by a mark of the run and the chunk.
        message: The message; its ``purpose`` is required here. An MMS needs a backend that sends MMS.
        recipients: Any iterable or async iterable of ``Recipient`` or of numbers; read once, lazily.
        exclude_opt_outs: Whether whoever opted out is rejected before anything is sent: those that the gateway lists,
            where the backend can ask it, and those that the journal holds. By default so for ``marketing``, where a
            list of the gateway's that cannot be had is left to the gateway, which refuses them itself; with True
            nothing is sent without it. The gateway's list is read once, when a run begins; who opts out later is left
            out if the journal holds it: it is read again every few seconds before a request is sent. Without a journal
            that a receiver or a watch of replies stores in, a STOP that comes meanwhile is the gateway's to refuse.
        quiet_hours: What becomes of a ``marketing`` campaign in its recipients' quiet hours: a ``QuietHours``, or its
            policy alone (``refuse``, ``defer``, ``ignore``); None is ``refuse``. Other purposes are never held up.
    """

    name: str
    message: SmsMessage | MmsMessage
    recipients: Iterable[Recipient | str] | AsyncIterable[Recipient | str]
    exclude_opt_outs: bool | None = None
    quiet_hours: QuietHours | QuietPolicy | None = None


def _settle(message: SmsMessage | MmsMessage, *, gsm_replacements: bool) -> None:
    """Put the text that is sent in place of one that is given; one that is none is refused where it is used."""
    given: object = message.text
    if isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers are not all typed
        sent = as_sent(given, gsm_replacements=gsm_replacements)
        if sent is not given:
            msgspec.structs.force_setattr(message, "text", sent)


def as_sms(message: SmsMessage | MmsMessage) -> SmsMessage:
    """Return a message's text and the options that every kind of message has."""
    return message.sms if isinstance(message, MmsMessage) else message


def coding_of(encoding: Encoding) -> Coding | None:
    """Return the coding that an encoding asks for, None for ``auto``."""
    return {"auto": None, "gsm7": Coding.GSM7, "unicode": Coding.UNICODE}[encoding]
