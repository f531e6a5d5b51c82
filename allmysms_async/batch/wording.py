"""What a message's text may hold and how long it may be, before and after it is filled in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from allmysms_async.backend import SendLimits
from allmysms_async.errors import InvalidText
from allmysms_async.model import Reason, SmsMessage, coding_of
from allmysms_async.text import Coding, Template, TextSize, as_sent

__all__ = ["PARAM_REASONS", "check_characters", "check_size", "coding_wanted", "sent_column", "template_of"]

PARAM_REASONS: Mapping[str, Reason] = {
    "malformed": Reason.INVALID_PARAM,
    "missing_param": Reason.MISSING_PARAM,
    "needs_unicode": Reason.NEEDS_UNICODE,
    "text_too_long": Reason.TEXT_TOO_LONG,
}
"""Why a row is refused whose text cannot be sent, by the error's reason, once the text itself was looked at: what is
wrong then is a parameter."""

_UNSENT = "nothing was sent"


def template_of(message: SmsMessage, limits: SendLimits) -> tuple[Template, TextSize | None]:
    """Return a message's template, and its size if it is the same for everybody.

    Raises:
        InvalidText: It is empty, malformed, too long already, or holds what its coding cannot.
    """
    if not message.text.strip():
        msg = "The text is empty; nothing was sent."
        raise InvalidText(msg, reason="malformed")
    try:
        return _read(message, limits)
    except InvalidText as error:
        if _UNSENT in str(error).lower():
            raise
        msg = f"{error} {_UNSENT.capitalize()}."
        raise InvalidText(msg, reason=error.reason) from None


def _read(message: SmsMessage, limits: SendLimits) -> tuple[Template, TextSize | None]:
    """Do as ``template_of`` does, with a text that is not empty; its errors need not say that nothing was sent."""
    template = Template(message.text, limits.appended)
    if message.encoding == "unicode" and not limits.max_ucs2_units:
        msg = "This protocol has no Unicode texts; nothing was sent."
        raise InvalidText(msg, reason="needs_unicode")
    check_characters(message.text, limits)
    try:
        size = template.size([""] * template.count, coding_wanted(message, limits))
    except InvalidText as error:
        if error.reason != "needs_unicode" or limits.max_ucs2_units:
            raise
        msg = f"{error} But this protocol has no Unicode texts; nothing was sent."
        raise InvalidText(msg, reason=error.reason) from None
    check_size(size, limits)
    return template, None if template.count else size


def coding_wanted(message: SmsMessage, limits: SendLimits) -> Coding | None:
    """Return the coding of all of a message's texts, or None if each has the one it needs.

    Without Unicode it is GSM-7, so that a text which cannot be held is refused with its characters named.
    """
    return coding_of(message.encoding) or (None if limits.max_ucs2_units else Coding.GSM7)


def check_characters(text: str, limits: SendLimits) -> None:
    """Refuse a text that the gateway would change.

    Raises:
        InvalidText: With reason ``malformed``, naming the character.
    """
    for character in limits.refused_characters:
        if character in text:
            msg = f"The gateway would replace {character} (U+{ord(character):04X}) in the text; nothing was sent."
            raise InvalidText(msg, reason="malformed")


def check_size(size: TextSize, limits: SendLimits) -> None:
    """Refuse a text that is too long for the protocol.

    Raises:
        InvalidText: With reason ``text_too_long`` or ``needs_unicode``.
    """
    most = limits.max_units(size.coding)
    if not most:
        msg = "The text holds characters outside GSM-7, and this protocol has no Unicode texts; nothing was sent."
        raise InvalidText(msg, reason="needs_unicode")
    if size.units > most:
        msg = f"The text takes {size.units} units in {size.coding.name}, at most {most} are allowed; nothing was sent."
        raise InvalidText(msg, reason="text_too_long")
    if limits.max_parts is not None and size.parts > limits.max_parts:
        msg = (
            f"The text takes {size.parts} parts, since no character of two units is split between two, and at most "
            f"{limits.max_parts} are allowed; nothing was sent."
        )
        raise InvalidText(msg, reason="text_too_long")


def sent_column(values: Sequence[str], *, gsm_replacements: bool) -> Sequence[str]:
    """Return many values in the form that they are sent in: the same object if they are in it, as nearly all are.

    All are looked at in one go: a blank between two keeps an accent at the beginning of one from the one before.
    """
    together = " ".join(values)
    if as_sent(together, gsm_replacements=gsm_replacements) == together:
        return values
    return [as_sent(value, gsm_replacements=gsm_replacements) for value in values]
