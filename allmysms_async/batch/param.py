"""A recipient's parameters as callers give them: texts, figures that are written as text, and what is neither. Pure."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from decimal import Decimal

from allmysms_async.errors import InvalidText
from allmysms_async.text import as_sent

__all__ = ["Unwritten", "check_values", "param_problem", "written"]

# Of a figure; a longer one is no figure that a person reads.
_MAX_DIGITS = 100
_MOST = 10**_MAX_DIGITS


class Unwritten(Exception):  # no error: the row goes on with its parameters as they are sent
    """A recipient's parameters hold figures, or texts in another form than they are sent in."""


def _is_figure(value: object) -> bool:
    """Tell whether a parameter is a number that is written in one way only: a float is not."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def written(params: Sequence[object], *, gsm_replacements: bool) -> tuple[str, ...]:
    """Return parameters as the texts that are sent: figures written out, in NFC, quotes replaced if asked for."""
    texts = (f"{value:f}" if isinstance(value, Decimal) else str(value) for value in params)
    return tuple([as_sent(text, gsm_replacements=gsm_replacements) for text in texts])


def check_values(params: object, count: int, *, gsm_replacements: bool) -> None:
    """Refuse parameters that are no texts, and tell those that are not yet as they are sent.

    Args:
        params: As a caller gives them.
        count: How many of them the message takes; nothing beyond is looked at.
        gsm_replacements: As the message says.

    Raises:
        InvalidText: With reason ``malformed`` or ``missing_param``.
        Unwritten: They are to be written in another way, by ``written``.
    """
    if not isinstance(params, tuple | list):
        raise InvalidText(param_problem(params) or "The parameters are none.", reason="malformed")
    values = typing.cast("Sequence[object]", params)[:count]
    sent = True
    for value in values:
        if not isinstance(value, str):
            problem = param_problem(values)
            if problem is None:
                raise Unwritten
            raise InvalidText(problem, reason="missing_param" if value is None else "malformed")
        sent = sent and as_sent(value, gsm_replacements=gsm_replacements) == value
    if not sent:
        raise Unwritten


def param_problem(params: object) -> str | None:
    """Return what is wrong with the types of parameters, in a sentence that names the first such, or None."""
    if not isinstance(params, tuple | list):
        return f"The parameters are {type(params).__name__}, they must be a tuple or a list of texts."
    for position, value in enumerate(typing.cast("Sequence[object]", params), 1):
        if value is None:
            return f"#param_{position}# is None: give a text, an empty one if need be."
        if not isinstance(value, str) and not _is_figure(value):
            return f"#param_{position}# is of the type {type(value).__name__}: give a text, an int or a Decimal."
        if isinstance(value, int) and not -_MOST < value < _MOST:
            return f"#param_{position}# is a figure of over {_MAX_DIGITS} digits: give a text."
        if isinstance(value, Decimal) and not (value.is_finite() and abs(value.adjusted()) < _MAX_DIGITS):
            return f"#param_{position}# is a Decimal without a number, or of over {_MAX_DIGITS} digits: give a text."
    return None
