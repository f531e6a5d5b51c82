"""Answers in XML, and the provider's errors with their words.

Source: Envoyer SMS Pro, "Messages d'erreur" and the sample answers.
"""

import html
import re
from collections.abc import Mapping

from allmysms_async.sandbox.exchange import Reply

__all__ = ["BAD_PARAMETER", "MISSING", "WORDS", "Failed", "Field", "failure", "success"]

Field = tuple[str, "str | int | list[Field]"]
"""An element: its name, and its text or its elements."""

MISSING, BAD_PARAMETER = 2, 3

WORDS: Mapping[int, str] = {
    1: "Authentication failed",
    MISSING: "Missing parameters",
    BAD_PARAMETER: "Bad value of parameters",
    4: "Message too long",
    5: "Not enough SMS",
    7: "Unknown messageid",
    8: "Message is pending",
    9: "Message is being sent",
    10: "Message has been sent",
    11: "Message is already cancelled",
    12: "Message cannot received response",
}
_HTTP = {1: 401}
_TYPE = "text/xml; charset=UTF-8"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Failed(Exception):
    """The request was refused and left nothing behind."""

    def __init__(self, error_id: int, detail: str = "") -> None:
        """Keep the error and its detail."""
        super().__init__(error_id)
        self.error_id = error_id
        self.detail = detail


def success(*fields: Field) -> Reply:
    """Answer a success."""
    return Reply(_document([("status", "success"), *fields]), _TYPE)


def failure(failed: Failed, request: str) -> Reply:
    """Answer an error; the request is repeated in it, unescaped, as the manual prints it."""
    words = WORDS.get(failed.error_id, "Unknown error")
    message = f"{words} - {failed.detail}" if failed.detail else words
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<envoyersmspro>\n  <status>fail</status>\n  <error>\n'
        f"    <request>{request}</request>\n    <error_id>{failed.error_id}</error_id>\n"
        f"    <error_message>{html.escape(message, quote=False)}</error_message>\n  </error>\n</envoyersmspro>\n"
    )
    return Reply(body.encode("utf-8", "replace"), _TYPE, status=_HTTP.get(failed.error_id, 400))


def _document(fields: list[Field]) -> bytes:
    body = "".join(_lines(fields, "  "))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<envoyersmspro>\n{body}</envoyersmspro>\n'.encode()


def _lines(fields: list[Field], indent: str) -> list[str]:
    """Write elements, one a line."""
    lines: list[str] = []
    for name, value in fields:
        if isinstance(value, list):
            lines += [f"{indent}<{name}>\n", *_lines(value, indent + "  "), f"{indent}</{name}>\n"]
        else:
            text = html.escape(_NOT_XML.sub("", str(value)), quote=False)
            lines.append(f"{indent}<{name}>{text}</{name}>\n")
    return lines
