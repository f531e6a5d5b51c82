"""The XML flow, checked in the order of the statuses.

Source: MMS module, §1.2 to §1.4 and §2.2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from .status import MmsRefused

__all__ = ["Flow", "parse_flow"]

_FRENCH_MOBILE = re.compile(r"(?:\+?33|0)[67][0-9]{8}", re.ASCII)
_ADDRESS = re.compile(r"http://[^\s&]+")
_EXTENSIONS = {"IMAGE": ("gif", "jpg", "jpeg"), "VIDEO": ("3gp",), "SON": ("mid", "midi", "amr")}
_MEDIA = {0: (), 1: ("IMAGE",), 2: ("VIDEO",), 3: ("SON",), 4: ("IMAGE", "SON")}
_TEXT_ALONE, _TEXT_BESIDE, _SECONDS = 1000, 100, 1000


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that makes sense."""

    text: str
    media: str
    date: str
    name: str
    taken: list[str]
    refused: tuple[str, ...]


def parse_flow(raw: bytes, login: str) -> Flow:
    """Read a flow.

    Raises:
        MmsRefused: With the first status that fits.
    """
    if not raw.strip():
        raise MmsRefused(105)
    fields, numbers = _fields(raw)
    client = _word(fields, "CLIENT")
    if client != login.upper():
        raise MmsRefused(107)
    kind = _word(fields, "MSGCLASS")
    if not kind:
        raise MmsRefused(108)
    if kind not in {"0", "1", "2", "3", "4"}:
        raise MmsRefused(109)
    tags = _MEDIA[int(kind)]
    # The text as it is: blanks around it are the sender's.
    message = fields.get("MESSAGE", "").replace("€", "E")
    if not message.strip() or any(tag not in fields for tag in tags):
        raise MmsRefused(110)
    if len(message) + message.count("\n") > (_TEXT_BESIDE if tags else _TEXT_ALONE):
        raise MmsRefused(111)
    media = "; ".join(_medium(fields, tag) for tag in tags)
    if not numbers:
        raise MmsRefused(122)
    taken = [number for number in numbers if _FRENCH_MOBILE.fullmatch(number)]
    refused = tuple(number for number in numbers if not _FRENCH_MOBILE.fullmatch(number))
    if not taken:
        raise MmsRefused(123, refused=refused)
    return Flow(message, media, _word(fields, "DATE"), _word(fields, "CAMPAIGN_NAME"), taken, refused)


def _fields(raw: bytes) -> tuple[dict[str, str], list[str]]:
    """Parse the XML into its texts, by tag or by outer and inner tag, and the numbers.

    A document type is refused: nothing legitimate has one, and entities grow in it.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise MmsRefused(106) from None
    if root.getroottree().docinfo.internalDTD is not None or root.tag != "DATA":
        raise MmsRefused(106)
    fields: dict[str, str] = {}
    numbers: list[str] = []
    for element in root:
        tag, text = str(element.tag), element.text or ""
        if tag == "MOBILEPHONE":
            numbers.append(text.strip())
        else:
            fields[tag] = text
            fields.update({f"{tag}/{child.tag}": child.text or "" for child in element})
    return fields, numbers


def _word(fields: Mapping[str, str], tag: str) -> str:
    """Return a text without the blanks around it, empty where there is none."""
    return fields.get(tag, "").strip()


def _medium(fields: Mapping[str, str], tag: str) -> str:
    """Check one medium, and describe it as a handset would show it."""
    address = _word(fields, tag) if tag == "IMAGE" else _word(fields, f"{tag}/URL")
    if not address:
        raise MmsRefused(110 if tag == "IMAGE" else 118)
    if address.lower().rpartition(".")[2] not in _EXTENSIONS[tag]:
        raise MmsRefused(112)
    if not _ADDRESS.fullmatch(address):
        raise MmsRefused(113)
    if tag == "IMAGE":
        return address
    seconds = _word(fields, f"{tag}/DUREE")
    if not seconds:
        raise MmsRefused(119)
    if not (seconds.isascii() and seconds.isdigit() and int(seconds) <= _SECONDS):
        raise MmsRefused(120)
    return f"{address} ({seconds} s)"
