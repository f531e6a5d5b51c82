"""The notes of a request and of its answer, for hooks.

See ``allmysms_async.hooks`` for what they show, and for the notes themselves.
"""

from __future__ import annotations

from typing import Any

from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.hooks import Answered, Asked, Failed, Hook, Note, numbered, redacted, tell
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result

__all__ = ["Answered", "Asked", "Failed", "Hook", "Note", "answered", "asked", "tell"]


def asked(operation: Operation[Any], request: HttpRequest, sub_account: str | None) -> Asked:
    """Return the note of a request."""
    fields = operation.values(beside=True) | (operation.data() if operation.flow else operation.values())
    return Asked(
        number=numbered(),
        name=operation.name,
        url=request.url,
        fields=redacted(fields),
        sub_account=sub_account is not None,
        timeout=request.timeout,
        body_bytes=len(request.body),
    )


def answered(note: Asked, response: HttpResponse, result: Result) -> Answered:
    """Return the note of an answer."""
    return Answered(
        number=note.number,
        name=note.name,
        http_status=response.status,
        fields=redacted(result.raw),
        body_bytes=len(response.body),
    )
