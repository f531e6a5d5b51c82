"""What an answer says: its elements, with one Python type for each field, and the failure that it may tell of.

Source: Envoyer SMS Pro, "Messages d'erreur", "Encodage" and the sample answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from allmysms_async import plausible
from allmysms_async.clock import PARIS
from allmysms_async.protocols.xml import NotXml, read_xml
from allmysms_async.redaction import Shown

__all__ = ["Failure", "Node", "Unreadable", "failure", "parse", "says_success"]

"""The provider is French and names no time zone: its dates are taken as wall-clock time of Paris."""

_ROOT = "envoyersmspro"
_MAX_DEPTH = 13
_MAX_ELEMENTS = 100_000
"""The longest answer has four for each of 1000 recipients."""


_COUNTS = (
    *("sms_sent", "sms_remaining", "sms_remaing", "recredited_sms", "api_request_limit"),
    *("number_of_response", "number_of_responses"),
)
_DATES = ("delivered_date", "date")


class Unreadable(ValueError):
    """The answer is not what the manual says; the message says what is missing, and holds nothing of the answer."""


class Node(Shown, frozen=True):
    """One element of an answer.

    Attributes:
        name: Its tag.
        text: Its text, without the white space around it; empty if it holds elements.
        children: Its elements.
    """

    name: str
    text: str
    children: tuple[Node, ...] = ()

    def __repr__(self) -> str:
        """Show the shape, and nothing of the contents."""
        return f"<Node {self.name} {len(self.children)} children>"

    def every(self, name: str) -> tuple[Node, ...]:
        """Return the elements of a name."""
        return tuple(child for child in self.children if child.name == name)

    def one(self, name: str) -> Node:
        """Return the first element of a name.

        Raises:
            Unreadable: There is none.
        """
        for child in self.children:
            if child.name == name:
                return child
        raise Unreadable(f"{self.name} without {name}")

    def word(self, *names: str) -> str | None:
        """Return the text under one of some names, or None if there is none or it is empty."""
        return next((child.text for child in self.children if child.name in names and child.text), None)

    def last(self, name: str) -> str:
        """Return the text of the last element of a name, empty if there is none."""
        return next((child.text for child in reversed(self.children) if child.name == name), "")

    def count(self, *names: str, kind: str = "count") -> int | None:
        """Return the whole number under one of some names, or None if there is none that can be right."""
        return plausible.count(self.word(*names), kind)

    def odd(self, *counts: str, dates: Iterable[str] = ()) -> list[str]:
        """Return the names, of counts and dates in it or deeper, under which something stands that cannot be right."""
        names, dated = set(counts), set(dates)
        found = [name for child in self.children for name in child.odd(*names, dates=dated)]
        for child in self.children:
            counts_people = child.name in names or child.name.startswith("number_status_")
            is_odd = (counts_people and plausible.count(child.text) is None) or (
                child.name in dated and _moment(child.text) is None
            )
            if is_odd and plausible.holds(child.text):
                found.append(child.name)
        return found

    def moment(self, name: str) -> datetime | None:
        """Return the date under a name; what is no date is None, since ``raw`` keeps it."""
        return _moment(self.word(name) or "")

    def kept(self) -> dict[str, object]:
        """Return an answer as it is kept: all it holds, and the names of the figures in it that cannot be right."""
        return plausible.kept(self.raw(), self.odd(*_COUNTS, dates=_DATES))

    def raw(self) -> dict[str, object]:
        """Return what it holds under the provider's own names; a name that comes twice holds a list."""
        values: dict[str, list[object]] = {}
        for child in self.children:
            values.setdefault(child.name, []).append(child.raw() if child.children else child.text)
        return {name: held[0] if len(held) == 1 else held for name, held in values.items()}


def _moment(text: str) -> datetime | None:
    """Return a date, or None if it is none that can be right."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return plausible.dated(moment if moment.tzinfo else moment.replace(tzinfo=PARIS))


def parse(body: bytes) -> Node:
    """Return an answer's root.

    Raises:
        Unreadable: It is no XML, is cut, declares a document type, is beyond a bound, or has another root.
    """
    if not body.strip():
        raise Unreadable("empty")
    try:
        # Whatever the answer declares, it is UTF-8.
        root = read_xml(body, _node, max_elements=_MAX_ELEMENTS, max_depth=_MAX_DEPTH, charset="utf-8")
    except NotXml as error:
        raise Unreadable(str(error)) from None
    if root.name != _ROOT:
        raise Unreadable("another document")
    return root


def _node(name: str, text: str, children: list[Node]) -> Node:
    """Return an element and what is in it."""
    return Node(name, "" if children else text.strip(), tuple(children))


# -- errors -----------------------------------------------------------------------------------------------------------


class Failure(Shown, frozen=True):
    """What an answer says of a failure, without the request that it repeats.

    Attributes:
        error_id: The provider's number, as text; empty if there is none.
        message: Its words, with the detail after the dash.
    """

    error_id: str
    message: str

    def __repr__(self) -> str:
        """Show the number alone: the words may list phone numbers."""
        return f"<Failure {self.error_id}>"


_BEGIN = rb"(?:<\?xml[^>]*\?>\s*)?<envoyersmspro>\s*<status>\s*"
_SAYS_FAIL = re.compile(_BEGIN + rb"fail\s*</status>", re.IGNORECASE).match
_SAYS_SUCCESS = re.compile(rb"<status>\s{0,99}success\s{0,99}</status>", re.IGNORECASE).search
_ERROR_ID = re.compile(rb"<error_id>\s{0,9}([0-9]{1,4})\s{0,9}</error_id>")
_ERROR_MESSAGE = re.compile(rb"<error_message>([^<]{0,20000})</error_message>")
_END_OF_REQUEST = b"</request>"


def failure(body: bytes, root: Node | None) -> Failure | None:
    """Return what an answer says of a failure, or None if it does not say that it failed.

    The ``<request>`` in it repeats what was asked, texts, numbers and credentials included, and is not even escaped: as
    printed, the manual's own sample is no XML. So the number is read also where the rest cannot be, but only after the
    last end of ``<request>``, where nothing comes from the request any more. What comes twice is read where it comes
    last, since a request may hold an end of ``<request>`` and a number of its own.

    Args:
        body: The answer.
        root: What ``parse`` made of it, or None if it is no XML.
    """
    if root is None:
        if b"<!DOCTYPE" in body or not _SAYS_FAIL(body.lstrip()):
            return None
        _, end, said = body.rpartition(_END_OF_REQUEST)
        if not end and b"<request" in body:
            return Failure("", "")  # cut inside of the request: what looks like a number there may be anybody's
        number, words = _last(_ERROR_ID, said), _last(_ERROR_MESSAGE, said)
        return Failure(number.decode(), words.decode("utf-8", "replace").strip())
    if (root.word("status") or "").lower() != "fail":
        return None
    error = root.every("error")[-1] if root.every("error") else root
    return Failure(error.last("error_id"), error.last("error_message"))


def says_success(body: bytes) -> bool:
    """Tell whether an answer, which may be cut, says that it is a success: whatever stands before it."""
    return _SAYS_SUCCESS(body[:65_536]) is not None


def _last(pattern: re.Pattern[bytes], said: bytes) -> bytes:
    """Return what a pattern finds last, or nothing."""
    found = b""
    for match in pattern.finditer(said):
        found = match[1]
    return found
