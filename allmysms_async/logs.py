"""What the library's log says besides its sentences: each record has ``extra`` fields, by the table below.

All records are of the logger ``allmysms_async`` or of one below it. Every field begins with ``allmysms_``, so that none
is taken for one of Python's own; ``allmysms_event`` names the event. No field holds a number, a text or a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["EVENTS", "PREFIX", "LogEvent", "fields"]

PREFIX: Final = "allmysms_"
"""What the name of every field begins with."""


class LogEvent(NamedTuple):
    """One kind of record.

    Attributes:
        level: Its level, or its levels, in capitals.
        fields: The fields that it has besides ``event``, without the prefix; those of an error may be missing.
        meaning: What happened.
    """

    level: str
    fields: tuple[str, ...]
    meaning: str


_ERROR = ("error", "code", "request")
"""The error's class; the other side's code and the operation's name, where the error has them."""

EVENTS: Final[Mapping[str, LogEvent]] = {
    # -- sending ------------------------------------------------------------------------------------------------------
    "retry": LogEvent(
        "WARNING", (*_ERROR, "attempt", "seconds"), "An attempt failed; the next one comes after so many seconds."
    ),
    "receipt_odd": LogEvent("WARNING", (), "A figure in the answer to a send cannot be right, and counts as none."),
    "figures_odd": LogEvent("WARNING", ("request",), "Figures in an answer cannot be right, and count as none."),
    "sender_doubtful": LogEvent("WARNING", ("sender",), "French operators may refuse a sender; told once for each."),
    # -- campaigns ----------------------------------------------------------------------------------------------------
    "opt_outs_missing": LogEvent(
        "WARNING", _ERROR, "The gateway's list of opt-outs could not be had; the gateway itself refuses who is on it."
    ),
    "opt_outs_stale": LogEvent(
        "WARNING", _ERROR, "Who opted out while the campaign runs could not be read from the journal this time."
    ),
    "campaign_long": LogEvent(
        "WARNING", ("requests", "seconds"), "The gateway's request limit stretches the campaign to so many seconds."
    ),
    "duration_unknown": LogEvent("INFO", _ERROR, "How long the campaign takes cannot be told."),
    "limit_reached": LogEvent("INFO", ("until",), "The gateway's request limit is reached until a moment (ISO 8601)."),
    "limit_unknown": LogEvent("INFO", _ERROR, "The record of the request limit could not be looked at."),
    "limit_end_unnoted": LogEvent("WARNING", _ERROR, "The end of a request could not be noted in the limit's record."),
    "limit_place_held": LogEvent("WARNING", _ERROR, "A request that never left holds its place in the limit's record."),
    "limit_close_unnoted": LogEvent(
        "WARNING", _ERROR, "The server's refusal for its limit could not be noted for other processes."
    ),
    "chunk_unknown": LogEvent("WARNING", ("chunk", *_ERROR), "What became of a chunk could not be asked."),
    "chunk_elsewhere": LogEvent(
        "WARNING", ("chunk",), "A chunk's end was not recorded: it is in other hands, or over."
    ),
    "chunk_taken_over": LogEvent(
        "WARNING", ("chunk",), "Another process took a chunk over; this one does not send it."
    ),
    # -- journal ------------------------------------------------------------------------------------------------------
    "leases_not_renewed": LogEvent("WARNING or ERROR", _ERROR, "Leases on chunks were not renewed this time."),
    "journal_pooled": LogEvent(
        "WARNING", (), "The journal is behind a pooler that shares sessions: leases end by time alone."
    ),
    "journal_session_missing": LogEvent("INFO", ("error",), "No session of the journal could be locked."),
    "journal_session_lost": LogEvent("INFO", ("error",), "The session that the journal's lock is on failed."),
    "journal_bell_failed": LogEvent("INFO", ("error",), "The session that the journal notifies by failed."),
    "journal_lanes_failed": LogEvent("INFO", _ERROR, "The session that the journal's lanes are locked in failed."),
    "journal_saved": LogEvent(
        "ERROR", ("file",), "The journal's file was removed or replaced; all that it held is saved in another."
    ),
    "journal_lost": LogEvent("ERROR", (), "The journal's file was lost, and nothing of it could be saved."),
    # -- several machines ---------------------------------------------------------------------------------------------
    "worker_begins": LogEvent("INFO", ("campaign",), "A worker begins to send for a campaign."),
    "worker_done": LogEvent("INFO", ("campaign",), "A worker has nothing left to send of a campaign."),
    "worker_chunk": LogEvent("DEBUG or INFO", ("campaign", "chunk", "state"), "A worker's request ended so."),
    "worker_waits": LogEvent(
        "WARNING", ("campaign", "seconds", *_ERROR), "A worker leaves a campaign to others for so many seconds."
    ),
    "worker_stops": LogEvent("ERROR", ("campaign", *_ERROR), "A worker stopped a campaign for all workers."),
    "worker_swept": LogEvent("WARNING", ("count",), "Jobs of workers that are gone were given up."),
    "worker_blind": LogEvent("WARNING or ERROR", _ERROR, "A worker could not look at what is to be done."),
    "worker_deaf": LogEvent("WARNING", (), "A worker heard nothing for ten seconds, and sends nothing until it does."),
    "worker_again": LogEvent("ERROR", _ERROR, "The engine's worker ended by itself, and is started again."),
    "engine_again": LogEvent("WARNING", (), "The engine's tables were gone, and were created again."),
    "worker_ends": LogEvent("ERROR", _ERROR, "A worker ends by itself, because of an error."),
    "seat_kept": LogEvent("INFO", _ERROR, "A seat could not be given back; it falls with its session."),
    "seats_lost": LogEvent("INFO", (), "The session that a worker's seats are on was let go of."),
    # -- what comes back ----------------------------------------------------------------------------------------------
    "event_unreadable": LogEvent(
        "ERROR", ("id", *_ERROR), "A row of the journal is no event that can be read; it is looked at again later."
    ),
    "events_not_stored": LogEvent("ERROR", ("count", "error"), "Events could not be stored, and were answered 503."),
    "events_failing": LogEvent("ERROR", ("error",), "The journal of events fails, and is tried again."),
    "events_lost": LogEvent("ERROR", ("count",), "A receiver without a journal ended before events were handled."),
    "handler_failed": LogEvent(
        "ERROR", ("error", "place", "attempt", "seconds"), "A handler raised; the next attempt comes after the seconds."
    ),
    "webhook_odd": LogEvent("ERROR", ("reason",), "A webhook request is not what it should be; told once a minute."),
    "receiver_failed": LogEvent("ERROR", ("error",), "A receiver could not be started."),
    "replies_lost": LogEvent("WARNING", (), "Replies may have been handed out in an answer that did not come."),
    "replies_odd": LogEvent(
        "WARNING", ("count",), "Answers in another form than the manual's are kept as unknown events."
    ),
    "question_in_vain": LogEvent("WARNING", _ERROR, "Nothing can be asked about a send that is watched."),
    "question_failed": LogEvent("INFO or WARNING", _ERROR, "A question failed, and is asked again in the next round."),
    # -- telemetry ----------------------------------------------------------------------------------------------------
    "telemetry_failed": LogEvent(
        "WARNING", ("error",), "Whoever collects spans or metrics failed; told once for each kind of error."
    ),
    # -- the sandbox --------------------------------------------------------------------------------------------------
    "sandbox_failed": LogEvent("ERROR", (), "The sandbox failed to answer a request."),
    "sandbox_push_failed": LogEvent("ERROR", (), "The application that the sandbox pushes webhooks into failed."),
}
"""Every kind of record, by its name."""

_is_code = re.compile(r"[A-Za-z0-9_.-]{1,8}").fullmatch


def fields(event: str, *, error: BaseException | None = None, **more: str | float | None) -> dict[str, object]:
    """Return the fields of a record, for ``extra=``.

    Args:
        event: A name of the table.
        error: Told by its class, its code and its request alone: its words may hold what is not to be logged.
        more: Other fields, under their names without the prefix; figures and words of this library's own.
    """
    told: dict[str, object] = {f"{PREFIX}event": event}
    if error is not None:
        told[f"{PREFIX}error"] = type(error).__name__
        code, request = getattr(error, "code", None), getattr(error, "request", None)
        if isinstance(code, str) and _is_code(code):  # too short for a number
            told[f"{PREFIX}code"] = code
        if isinstance(request, str):
            told[f"{PREFIX}request"] = request
    for name, value in more.items():
        told[PREFIX + name] = value
    return told
