"""One campaign over many machines, behind the extra ``runner``: PostgreSQL, and Procrastinate, which only wakes.

``submit(campaign, journal="postgresql://…")`` places it; ``Worker(make_backend, journal=…).run()`` sends, on as many
machines as wanted. The journal alone decides what may be sent.
"""

from __future__ import annotations

from allmysms_async.errors import InvalidRequest

try:
    from allmysms_async.runner.submission import Submission, submit
    from allmysms_async.runner.worker import Worker
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"sqlalchemy", "greenlet", "asyncpg"}:
        raise
    msg = f'Several machines need {missing.name}: run pip install "allmysms_async[runner]"; nothing was sent.'
    raise InvalidRequest(msg) from missing

__all__ = ["Submission", "Worker", "submit"]
