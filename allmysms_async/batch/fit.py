"""How each recipient's text is sent: its coding and its parts, whole columns at a time where they tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from allmysms_async.backend import SendLimits
from allmysms_async.batch.block import Block
from allmysms_async.batch.param import Unwritten, check_values
from allmysms_async.batch.wording import check_characters, check_size, coding_wanted, sent_column, template_of
from allmysms_async.errors import InvalidText
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.text import Coding, Template, TextSize, has_placeholder

__all__ = ["Fit", "Fits"]

Fit: TypeAlias = tuple[Coding, int]
"""How a text is sent: its coding, its parts."""


class Fits:
    """Says how the texts of one message are sent.

    Args:
        message: What is sent.
        limits: What one request of the protocol can hold.
        template: What ``template_of`` says of the message, if somebody has asked it already.

    Attributes:
        template: The message's text, with its placeholders.
        replaces: Whether characters outside GSM-7 are replaced.

    Raises:
        InvalidText: The text cannot be sent to anybody.
    """

    def __init__(
        self, message: SmsMessage, limits: SendLimits, template: tuple[Template, TextSize | None] | None = None
    ) -> None:
        self.template, self._size = template or template_of(message, limits)
        self.replaces = message.gsm_replacements
        self._coding = coding_wanted(message, limits)
        self._limits = limits

    def unsized(self, fits: list[Fit | None]) -> int:
        """Return how many texts somebody has to look at."""
        return fits.count(None) if self._size is None else 0

    def of_block(self, block: Block) -> list[Fit | None]:
        """Return how each row's text is sent, as far as its columns tell; None where somebody has to look at it."""
        count, limits = len(block.rows), self._limits
        if self._size is not None:
            return [(self._size.coding, self._size.parts)] * count
        if not limits.personalises:
            return [None] * count  # rendered here, each has a chunk of its own, or may have
        values = block.values(self.template.count)
        usual = self._usual_parts(values, count)
        if values is not None and None in usual:
            # Whatever GSM-7 holds is in the form that it is sent in: what it does not hold may not be.
            sent = [sent_column(column, gsm_replacements=self.replaces) for column in values]
            if any(new is not old for new, old in zip(sent, values, strict=True)):
                block.reword(sent)
                usual = self._usual_parts(sent, count)
        if usual.count(usual[0]) == count and usual[0] is not None:
            return [(Coding.GSM7, usual[0])] * count
        return [None if parts is None else (Coding.GSM7, parts) for parts in usual]

    def _usual_parts(self, values: Sequence[Sequence[str]] | None, rows: int) -> list[int | None]:
        """Return how many parts each row's text takes if it is a usual one, None where somebody has to look at it."""
        limits = self._limits
        if values is None or self._coding is Coding.UNICODE or limits.refused_characters:
            return [None] * rows
        return self.template.gsm_parts(values, limits.max_gsm_units, limits.max_parts)

    def of_usual(self, recipient: Recipient) -> Fit | None:
        """Return how a text is sent that can be and that the gateway fills in, or None of any other."""
        if type(recipient.params) is not tuple:
            return None
        try:
            size = self.measure(recipient)
        except (InvalidText, Unwritten):
            return None
        if any(map(has_placeholder, recipient.params[: self.template.count])):
            return None
        return size.coding, size.parts

    def measure(self, recipient: Recipient) -> TextSize:
        """Return the size of one recipient's text; refuse one that cannot be sent."""
        if self._size is not None:
            return self._size
        params = recipient.params
        check_values(params, self.template.count, gsm_replacements=self.replaces)
        if self._limits.refused_characters:
            for value in params[: self.template.count]:
                check_characters(value, self._limits)
        size = self.template.size(params, self._coding)
        check_size(size, self._limits)
        return size
