"""A file of mails, each after a line that begins with ``From``.

Source: RFC 4155, and the kinds "mboxo" and "mboxrd", which quote such lines inside of a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from allmysms_async.mailbox.mail import HEAD, LONGEST

__all__ = ["BEGIN", "mails_of"]

BEGIN = b"From "
"""What such a file begins with."""

_LINE = 1 << 16
# A sentence may begin with the word, and not every program quotes it: the time is what makes the difference.
_FIRST = re.compile(rb"From .*\d{1,2}:\d\d.*\d{4}")
_QUOTED = re.compile(rb">+From ")


def mails_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the mails of a file, one at a time; of those that are longer than 1 MiB the head.

    Args:
        file: Read from where it stands.
    """
    parts: list[bytes] = []
    size = 0
    begun = False
    fresh = blank = True  # at the beginning of a line, after a line that is empty
    while line := file.readline(_LINE):
        if fresh and blank and (_FIRST.match(line) if begun else line.startswith(BEGIN)):
            if begun:
                yield _whole(parts, size)
            begun, parts, size = True, [], 0
        elif begun:
            if fresh and _QUOTED.match(line):
                line = line[1:]
            if size <= LONGEST:
                parts.append(line)
            size += len(line)
        blank = fresh and not line.strip()
        fresh = line.endswith(b"\n")
    if begun:
        yield _whole(parts, size)


def _whole(parts: list[bytes], size: int) -> bytes:
    """Return a mail, or its head."""
    mail = b"".join(parts)
    return mail if size <= LONGEST else mail[:HEAD]
