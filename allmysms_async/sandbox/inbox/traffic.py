"""The last requests and their answers, without keys."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypedDict
from urllib.parse import quote, quote_plus

__all__ = ["Asked", "RequestLog"]

_KEPT = 200
_MOST = 4096
_HIDDEN = "•••"
# Whatever a client sends as a key, also a wrong one: in forms, JSON and XML, with their names in any spelling.
_NAME = r"(?:api_?key|pass_?code|passwd|password|pass|client_?pass\w*|token|secret)"
_IN_FORM = re.compile(rf"(?i)((?:^|[&?])[\w\[\]-]*{_NAME}=)[^&]*")
_IN_JSON = re.compile(rf"""(?i)(["'][\w-]*{_NAME}["']\s*:\s*)(["'])(?:(?!\2)[^\\]|\\.)*(?:\2|$)""")
_IN_XML = re.compile(rf"(?i)(<(?:[\w-]+:)?{_NAME}\b[^>]*>)[^<]*")
_IN_QUOTED_JSON = re.compile(rf"(?i)(%22{_NAME}%22%3A(?:%20|\+)*%22)(?:(?!%22).)*")


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
        """Keep a request and what was answered; the status is 0 where nothing was."""
        self._count += 1
        kept = _Kept(self._count, at, method, path, operation, fault, body[:_MOST], status, answer[:_MOST])
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
        hide = _hider(secrets)
        for kept in reversed(self._kept):
            yield {
                "number": kept.number,
                "at": kept.at,
                "method": kept.method,
                "path": hide(kept.path),
                "operation": kept.operation,
                "fault": kept.fault,
                "body": hide(kept.body.decode("utf-8", "replace")),
                "status": kept.status,
                "answer": hide(kept.answer.decode("utf-8", "replace")),
            }


def _hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what hides secrets in a text."""
    forms = {form for each in secrets if each for form in (each, quote(each), quote_plus(each))}
    words = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or "(?!)")

    def hide(text: str) -> str:
        for pattern, kept in ((_IN_FORM, r"\1"), (_IN_QUOTED_JSON, r"\1"), (_IN_XML, r"\1")):
            text = pattern.sub(kept + _HIDDEN, text)
        return words.sub(_HIDDEN, _IN_JSON.sub(rf"\1\2{_HIDDEN}\2", text))

    return hide
