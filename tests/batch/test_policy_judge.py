"""What an answer means: the table of every error, with and without a key, first attempt or after a lost one."""

import inspect
import random
from typing import NamedTuple

import pytest

from allmysms_async import errors
from allmysms_async.batch.delivery import deliver
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.verdict import judge
from tests.cases import each


class Cell(NamedTuple):
    """What happens to the chunk, and whether the campaign stops."""

    event: str | None
    stop: bool = False


AGAIN, REFUSED, FAILED, UNKNOWN = Cell(None), Cell("reject"), Cell("fail"), Cell("lose")
STOP, LATER = Cell("release", stop=True), Cell("release")

# Error -> with a key, with a key after an unanswered attempt, without a key. An attempt without a key is never followed
# by another unless it surely was not sent, so "without a key, after an unanswered one" does not exist.
TABLE = {
    # No connection, TLS refused, request surely not written.
    "NotSent": (AGAIN, AGAIN, AGAIN),
    "MailDeferred": (AGAIN, AGAIN, AGAIN),
    # What cannot pass, whatever is waited for.
    "CannotPass": (STOP, UNKNOWN, STOP),
    "CertificateRefused": (STOP, UNKNOWN, STOP),
    "ServiceClosed": (STOP, UNKNOWN, STOP),
    # Quiet hours began before this attempt, which was not made.
    "QuietHoursError": (LATER, UNKNOWN, LATER),
    # Time-out, reset, 408 and 5xx, unreadable body.
    "OutcomeUnknown": (AGAIN, AGAIN, UNKNOWN),
    "RequestTimeout": (AGAIN, AGAIN, UNKNOWN),
    "ConnectionLost": (AGAIN, AGAIN, UNKNOWN),
    "ServerFailure": (AGAIN, AGAIN, UNKNOWN),
    "ProtocolError": (AGAIN, AGAIN, UNKNOWN),
    # 429, and every other 3xx and 4xx.
    "RateLimited": (AGAIN, AGAIN, AGAIN),
    "RequestLimitReached": (LATER, AGAIN, LATER),
    "HttpRefused": (FAILED, UNKNOWN, FAILED),
    # 160, and 121: after a lost attempt that is one's own, else somebody else's.
    "StillProcessing": (AGAIN, AGAIN, None),
    "DuplicateRequest": (REFUSED, AGAIN, REFUSED),
    # Login and permission are looked at before the key; credit after it.
    "AuthenticationFailed": (STOP, UNKNOWN, STOP),
    "NotPermitted": (STOP, UNKNOWN, STOP),
    "InsufficientCredit": (STOP, STOP, STOP),
    # The gateway's own word that nothing was sent.
    "GatewayError": (REFUSED, REFUSED, REFUSED),
    "FlowRefused": (REFUSED, REFUSED, REFUSED),
    "TextRefused": (REFUSED, REFUSED, REFUSED),
    "MailRefused": (REFUSED, REFUSED, REFUSED),
    "NoValidNumber": (REFUSED, REFUSED, REFUSED),
    "NumbersRefused": (REFUSED, REFUSED, REFUSED),
    "SenderRefused": (REFUSED, REFUSED, REFUSED),
    "ScheduleRefused": (STOP, STOP, STOP),
    # The media is one for all.
    "MediaRefused": (STOP, STOP, STOP),
    "CampaignNotFound": (REFUSED, REFUSED, REFUSED),
    "CampaignPending": (REFUSED, REFUSED, REFUSED),
    "NoReplies": (REFUSED, REFUSED, REFUSED),
    "CampaignNotCancellable": (REFUSED, REFUSED, REFUSED),
    # Refused on this side, before anything was written.
    "AllMySmsError": (FAILED, UNKNOWN, FAILED),
    "TransportError": (FAILED, UNKNOWN, FAILED),
    "InvalidRequest": (FAILED, UNKNOWN, FAILED),
    # A SOAP Fault of the sender's: said before the call was made.
    "FaultRefused": (FAILED, UNKNOWN, FAILED),
    "UnsupportedFeature": (FAILED, UNKNOWN, FAILED),
}
KINDS = {
    name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AllMySmsError)
}
# Raised while reading, planning or summing up: never the end of an attempt.
NO_ATTEMPT = {
    "OptedOut",
    "InvalidNumber",
    "InvalidText",
    "InvalidSender",
    "InvalidSchedule",
    "InvalidSource",
    "EmptyCampaign",
} | {
    "SourceIncomplete",
    "CampaignStopped",
    "CampaignTooLong",
    "ListStopped",
    "CampaignChanged",
    "JournalError",
    "JournalLost",
    "WorkerOutdated",
    "LimitReached",
}
SITUATIONS = [(True, False), (True, True), (False, False)]
CELLS = [
    pytest.param(name, keyed, unanswered, cell, id=f"{name}-{'key' if keyed else 'no_key'}{'-lost' * unanswered}")
    for name, cells in TABLE.items()
    for (keyed, unanswered), cell in zip(SITUATIONS, cells, strict=True)
    if cell is not None
]


def test_table_holds_every_error_an_attempt_can_end_with():
    """An error that is new in the tree has to be given its line here."""
    assert set(TABLE) == set(KINDS) - NO_ATTEMPT


@each(("name", "keyed", "unanswered", "cell"), CELLS)
def test_each_answer_means_what_the_table_says(name, keyed, unanswered, cell):
    """One cell of the table."""
    assert judge(KINDS[name]("It ended."), keyed=keyed, unanswered=unanswered) == cell.event


@pytest.mark.parametrize("name", sorted(TABLE))
async def test_only_what_ends_every_request_stops_the_campaign(name, clock):
    """A campaign stops for what the table says, and for nothing else, whatever is known of an earlier attempt."""

    async def fail():
        raise KINDS[name]("It ended.")

    policy = RetryPolicy(attempts=1)
    for unanswered in (False, True):
        delivery = await deliver(
            fail, keyed=True, policy=policy, clock=clock, rng=random.Random(1), unanswered=unanswered
        )
        assert delivery.stop is TABLE[name][0].stop


@each("unanswered", [False, True])
@each("name", sorted(name for name in KINDS if issubclass(KINDS[name], errors.OutcomeUnknown)))
def test_lost_request_without_a_key_is_never_repeated(name, unanswered):
    """Whatever may have been taken, and cannot be recognised, is not sent again."""
    assert judge(KINDS[name]("It ended."), keyed=False, unanswered=unanswered) == UNKNOWN.event


@each("name", sorted(set(KINDS) - NO_ATTEMPT))
def test_lost_attempt_is_never_declared_failed(name):
    """After an unanswered attempt, nothing says "surely not sent" but the gateway's own word on that key."""
    event = judge(KINDS[name]("It ended."), keyed=True, unanswered=True)
    assert event != FAILED.event
    if event == STOP.event:
        assert issubclass(KINDS[name], (errors.InsufficientCredit, errors.ScheduleRefused, errors.MediaRefused))
