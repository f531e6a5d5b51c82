"""The last requests and their answers, without keys."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypedDict
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

__all__ = ["Asked", "RequestLog"]

_KEPT = 200
_MOST = 4096
_SLACK = 256
_HIDDEN = "•••"
# Whatever a client sends as a key, also a wrong one: in forms, JSON and XML, with their names in any spelling. No
# pattern looks at the same characters again and again: a body may be made for that.
_NAME = r"(?:api_?key|pass_?code|pass_?phrase|passwd|password|pass|client_?pass\w*|token|secret)"
_PATTERNS = tuple(
    (re.compile(f"(?is){pattern}"), kept)
    for pattern, kept in (
        # A field of a form, and one in several parts.
        (rf"((?:^|[&?])[\w\[\]-]*{_NAME}=)[^&]*", r"\1"),
        (rf"(\bname=\"?[\w-]*{_NAME}\"?[^\r\n]{{0,200}}(?:\r?\n[^\r\n]{{1,200}}){{0,4}}\r?\n\r?\n)[^\r\n]*", r"\1"),
        # An attribute and an element of XML, with its text or its quoted data.
        (rf"(\s(?:[\w-]+:)?{_NAME}=([\"']))[^\"'<>]*", r"\1"),
        (rf"(<(?:[\w-]+:)?[\w.-]*{_NAME}\b[^<>]*>)(?:<!\[CDATA\[(?:[^\]]|\](?!\]>))*(?:\]\]>)?|[^<]*)", r"\1"),
        # JSON: percent-encoded, within a string of another, and plain, its value quoted or not, or cut off.
        (rf"(%22{_NAME}%22(?:%3A|:)(?:%20|\+)*%22)(?:(?!%22).)*", r"\1"),
        (rf"(\\\"[\w-]*{_NAME}\\\"\s*:\s*\\\")[^\"\\]*", r"\1"),
        (rf"([\"'][\w-]*{_NAME}[\"']\s*:\s*([\"']))(?:(?!\2)[^\\]|\\.?)*", r"\1"),
        (rf"([\"'][\w-]*{_NAME}[\"']\s*:\s*)[^\s\"',\[\]{{}}•]+", r"\1"),
    )
)


class Asked(TypedDict):
    """A request and what was answered, fit to be shown."""

    number: int
    at: float
    method: str
    path: str
    operation: str
    fault: str
    body: str
    status: int
    answer: str


class _Kept(NamedTuple):
    number: int
    at: float
    method: str
    path: str
    operation: str
    fault: str
    body: bytes
    status: int
    answer: bytes


class RequestLog:
    """Keeps the last requests; what is cut off or hidden is so when somebody looks."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: deque[_Kept] = deque(maxlen=_KEPT)
        self._count = 0

    def note(
        self, at: float, method: str, path: str, operation: str, fault: str, body: bytes, status: int, answer: bytes
    ) -> None:
        """Keep the beginning of a request and of what was answered; the status is 0 where nothing was."""
        self._count += 1
        most = _MOST + _SLACK
        kept = _Kept(self._count, at, method, path[:most], operation, fault, body[:most], status, answer[:most])
        self._kept.append(kept)

    def reset(self) -> None:
        """Forget them."""
        self._kept.clear()

    @property
    def count(self) -> int:
        """How many there were since the start."""
        return self._count

    def latest(self, secrets: Iterable[str]) -> Iterator[Asked]:
        """Return them, the last one first.

        Args:
            secrets: What must not be shown, whatever its name is.
        """
        shown = _hider(secrets)
        for kept in reversed(self._kept):
            yield {
                "number": kept.number,
                "at": kept.at,
                "method": kept.method,
                "path": shown(kept.path),
                "operation": kept.operation,
                "fault": kept.fault,
                "body": shown(kept.body),
                "status": kept.status,
                "answer": shown(kept.answer),
            }


def _hider(secrets: Iterable[str]) -> Callable[[str | bytes], str]:
    """Return what hides secrets in a text; of one that is cut off, the end may hold half of one, and is left out."""
    forms = {form for each in secrets if each for form in _forms(each)}
    words = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or "(?!)", re.IGNORECASE)

    def shown(kept: str | bytes) -> str:
        text = kept if isinstance(kept, str) else kept.decode("utf-8", "replace")
        for pattern, before in _PATTERNS:
            text = pattern.sub(before + _HIDDEN, text)
        text = words.sub(_HIDDEN, text)
        return text[: max(0, min(_MOST, len(text) - _SLACK))] if len(kept) == _MOST + _SLACK else text

    return shown


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as forms, JSON and XML hold it."""
    yield from (secret, quote(secret), quote_plus(secret), escape(secret), escape(secret, {'"': "&quot;"}))
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
