"""Every order of steps that an engine may take on the record in memory, against a model that is a plain dictionary."""

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from allmysms_async.batch.chunk import Chunk, halves, idempotency_key
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.record import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.model import Outcome, OutcomeState, Reason, Recipient, SmsMessage
from allmysms_async.text import Coding

EVENTS = {"accepted": "accept", "rejected": "reject", "failed": "fail", "unknown": "lose"}
MESSAGE = SmsMessage("Bonjour")


def wait(work):
    """Run a method of the sink, which never waits for anything."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    return ended.value.value


class Record(RuleBasedStateMachine):
    """A sink and what should be in it: the state of each row, and each chunk's state and rows."""

    def __init__(self):
        """Begin with nothing."""
        super().__init__()
        self.sink = MemorySink()
        self.rows = {}
        self.states = {}
        self.chunks = {}
        self.paid = {}
        self.refused = 0
        self.now = 1000.0

    def mark(self, chunk, state, paid=0):
        """Note the state of a chunk and its rows."""
        self.states[chunk.seq], self.chunks[chunk.seq], self.paid[chunk.seq] = state, chunk, paid
        shown = "pending" if state == "in_flight" else state
        self.rows.update(dict.fromkeys(chunk.rows, shown))

    def among(self, data, *states):
        """Draw a chunk in one of some states."""
        known = sorted(seq for seq, state in self.states.items() if state in states)
        return self.chunks[data.draw(st.sampled_from(known))] if known else None

    @rule(size=st.integers(1, 5))
    def add(self, size):
        """A chunk is planned."""
        first = len(self.rows) + self.refused + 1
        rows = tuple(range(first, first + size))
        chunk = Chunk(
            seq=self.sink.next_seq,
            text="Bonjour",
            coding=Coding.GSM7,
            params=0,
            recipients=tuple(Recipient(str(33612_000000 + row)) for row in rows),
            rows=rows,
            parts=size,
        )
        assert chunk.seq not in self.states
        wait(self.sink.add(chunk))
        self.mark(chunk, "pending")

    @rule(count=st.integers(1, 3))
    def refuse(self, count):
        """Rows are refused."""
        outcome = Outcome(0, None, "x", OutcomeState.REJECTED, Reason.MALFORMED)
        wait(self.sink.refuse([outcome] * count))
        self.refused += count

    @rule(data=st.data())
    def claim(self, data):
        """A chunk is about to be sent, or asked about."""
        if (chunk := self.among(data, "pending", "in_flight", "unknown")) is None:
            return
        self.now += 1
        state = self.states[chunk.seq]
        if state == "in_flight":
            assert wait(self.sink.claim(chunk, self.now)) is None
            return
        claim = wait(self.sink.claim(chunk, self.now))
        assert claim.unanswered is (state == "unknown")
        assert claim.chunk.rows == chunk.rows
        if state == "pending":
            assert claim.chunk.first_sent_at == self.now
            self.mark(claim.chunk, "in_flight")

    @rule(data=st.data(), state=st.sampled_from(sorted(EVENTS)))
    def settle(self, data, state):
        """A chunk is answered, or a late word comes."""
        if (chunk := self.among(data, "in_flight", "unknown")) is None:
            return
        reason = Reason.GATEWAY_REFUSED if state == "rejected" else None
        outcomes = tuple(Outcome(row, None, "x", OutcomeState(state), reason) for row in chunk.rows)
        paid = chunk.parts if state == "accepted" else 0
        wait(
            self.sink.settle(
                chunk, Settlement(event=ChunkEvent(EVENTS[state]), outcomes=outcomes, parts=paid, cost=Decimal(paid))
            )
        )
        self.mark(chunk, state, paid)

    @rule(data=st.data(), new_key=st.booleans())
    def release(self, data, new_key):
        """A chunk in flight surely was not sent."""
        if (chunk := self.among(data, "in_flight")) is None:
            return
        before = idempotency_key(self.sink.run_id, chunk, MESSAGE)
        wait(self.sink.release(chunk, new_key=new_key))
        wait(self.sink.open(None))
        (now,) = [left for left in wait(self.sink.resume(replayable_since=None)) if left.seq == chunk.seq]
        self.resumed()
        assert (idempotency_key(self.sink.run_id, now, MESSAGE) != before) is new_key
        assert now.first_sent_at is None
        self.mark(now, "pending")

    @rule(data=st.data())
    def split(self, data):
        """A chunk in flight, or one that was asked about, surely was not sent and is cut in two."""
        chunk = self.among(data, "in_flight", "unknown")
        if chunk is None or len(chunk.rows) < 2:
            return
        pieces = halves(chunk, self.sink.next_seq)
        wait(self.sink.split(chunk, pieces))
        del self.states[chunk.seq], self.chunks[chunk.seq], self.paid[chunk.seq]
        for piece in pieces:
            self.mark(piece, "pending")

    @precondition(lambda self: "in_flight" not in self.states.values())
    @rule(since=st.none() | st.integers(0, 40))
    def resume(self, since):
        """The campaign is continued."""
        since = None if since is None else 1000.0 + since
        wait(self.sink.open(None))
        left = [chunk.seq for chunk in wait(self.sink.resume(replayable_since=since))]
        self.resumed()
        waiting = {seq for seq, state in self.states.items() if state == "pending"}
        asked = {
            seq
            for seq, state in self.states.items()
            if state == "unknown" and since is not None and self.chunks[seq].first_sent_at >= since
        }
        assert left == sorted(waiting | asked)

    def resumed(self):
        """Failed chunks became pending."""
        for seq, state in list(self.states.items()):
            if state == "failed":
                self.mark(self.chunks[seq], "pending")

    @invariant()
    def sums_are_those_of_the_model(self):
        """Every row is counted once, where it is."""
        totals = self.sink.totals()
        states = list(self.rows.values())
        assert totals.rows == len(states) + self.refused
        assert totals.accepted == states.count("accepted")
        assert totals.rejected == states.count("rejected") + self.refused
        assert totals.failed == states.count("failed")
        assert totals.unknown == states.count("unknown")
        assert totals.pending == states.count("pending")
        assert totals.parts == totals.cost == sum(self.paid.values())


TestRecord = Record.TestCase
TestRecord.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
