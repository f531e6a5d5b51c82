"""Every interleaving of send, crash, resume, late answer and clock jump, over the real journal and a model gateway."""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allmysms_async import AllMySmsError, Campaign, InvalidRequest, Recipient, SmsMessage
from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.policy import CLOCK_SECONDS, REPLAY_SECONDS
from allmysms_async.batch.record import Claim
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.verdict import Delivery
from allmysms_async.errors import DuplicateRequest
from allmysms_async.journal import Journal, open_sink
from allmysms_async.model import Accepted, SendReceipt, Unconfirmed
from allmysms_async.text import Coding

MESSAGE = SmsMessage("Bonjour", purpose="marketing")
LEASE = 120.0
KEY_LIFE = 24 * 3600.0
AHEAD = 48 * 3600.0


ENDS = ["answered", "lost", "stopped", "stalls before", "stalls after", "killed before", "killed after"]

# Within a lease, past it, past the time in which a key may be repeated, past the key's life at the gateway.
JUMPS = [20.0, 61.0, 121.0, 121.0, 121.0, 22.9 * 3600.0, 24.1 * 3600.0]
MOODS = [AllMySmsError("Refused."), DuplicateRequest("Refused as a duplicate.")]
STEPS = ["work"] * 5 + ["jump"] * 3 + ["start"] * 2 + ["plan"] * 2
STEPS += ["list", "list", "attempt", "attempt", "conclude", "conclude", "crash", "decide", "mood", "clock"]
STEPS += ["overtaken"] * 3 + ["renew"] * 2


class Clock:
    """A clock that is moved."""

    def __init__(self):
        """Start somewhere."""
        self.at = 1_800_000_000.0
        self.error = 0.0  # seconds that it is ahead of the gateway's

    def now(self):
        """Return the moment."""
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self):
        """Return seconds."""
        return self.at

    async def sleep(self, seconds):
        """Never called here."""
        raise AssertionError(seconds)


class Process:
    """One process: its record, and what it has in its hands."""

    def __init__(self, sink):
        """Start with nothing in hand."""
        self.sink = sink
        self.listed: list[Chunk] = []
        self.claims: dict[int, Claim] = {}
        self.answers: dict[int, SendReceipt | AllMySmsError] = {}  # an error is a refusal


class Machine(RuleBasedStateMachine):
    """Processes that come and go, a gateway that remembers keys for 24 hours, and handsets that count."""

    keyed = True

    def __init__(self):
        """Start with an empty journal."""
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "journal.db")
        self.clock = Clock()
        self.processes: list[Process] = []
        self.handsets: Counter[str] = Counter()
        self.allowed: Counter[str] = Counter()
        self.keys: dict[str, tuple[float, SendReceipt]] = {}
        self.planned = self.sent = 0
        self.refuses: AllMySmsError | None = None

    def wait(self, work):
        """Carry something out."""
        return self.loop.run_until_complete(work)

    def teardown(self):
        """Close everything."""
        for process in list(self.processes):
            self.kill(process)
        self.wait(self.journal.__aexit__(None, None, None))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self.folder.cleanup()

    def kill(self, process):
        """End a process as SIGKILL does."""
        self.processes.remove(process)
        self.wait(process.sink._database.close())

    def choose(self, data, things):
        """Choose one of some."""
        return data.draw(st.sampled_from(list(things)))

    @initialize()
    def begin(self):
        """The first process starts, and somebody looks on."""
        self.start()
        self.journal = self.wait(Journal(self.path, clock=self.clock).__aenter__())

    @rule(data=st.data(), step=st.sampled_from(STEPS))
    def go_on(self, data, step):
        """Something happens; one rule for all, so that no example lacks what another step needs."""
        busy = [process for process in self.processes if process.claims]
        if step == "start" and len(self.processes) < 2:
            self.start()
        elif step == "plan" and self.planned < 6:
            self.plan(data.draw(st.integers(1, 3)))
        elif step == "list" and self.processes:
            self.list_left(self.choose(data, self.processes))
        elif step == "work" and self.processes and self.planned:
            self.work(data, data.draw(st.sampled_from(ENDS)))
        elif step == "attempt" and busy:
            self.attempt(data)
        elif step == "conclude" and busy:
            process = self.choose(data, busy)
            self.end(process, self.choose(data, process.claims), data.draw(st.sampled_from(ENDS[:3])))
        elif step == "crash" and busy:
            self.kill(self.choose(data, busy))
        elif step == "jump":
            self.clock.at += data.draw(st.sampled_from(JUMPS))
        elif step == "decide" and self.sent:
            self.decide(data, data.draw(st.booleans()))
        elif step == "clock" and self.processes:
            self.set_clock(self.choose(data, self.processes))
        elif step == "mood":
            self.refuses = data.draw(st.sampled_from(MOODS)) if self.refuses is None else None
        elif step == "renew" and self.processes:
            self.wait(self.choose(data, self.processes).sink._leases.renew())
        elif step == "overtaken":
            self.overtake(data)

    def set_clock(self, process):
        """The clock is suddenly two days ahead, or is put right again; whoever looks next finds out.

        Every process renews its leases before it is put right: who does so later is told by the leases' own length.
        """
        error = AHEAD - self.clock.error
        self.clock.at += error - self.clock.error
        self.clock.error = error
        self.list_left(process)
        for one in self.processes:
            self.wait(one.sink._leases.renew())

    def overtake(self, data):
        """A process stalls past its lease, another one works on what it held, and then the first one wakes."""
        while len(self.processes) < 2:
            self.start()
        stalled, other = data.draw(st.permutations(self.processes))
        if self.planned < 6:
            self.plan(1)
        self.claim_some(data, stalled)
        if data.draw(st.booleans()):
            for seq in list(stalled.claims):
                self.send(stalled, stalled.claims[seq])
        self.clock.at += LEASE + 1.0
        self.list_left(other)
        self.claim_some(data, other)
        for seq in list(other.claims):
            self.send(other, other.claims[seq])
        for seq in list(other.claims):
            if data.draw(st.booleans()):
                self.end(other, seq, data.draw(st.sampled_from(ENDS[:3])))
        for seq in list(stalled.claims):
            self.end(stalled, seq, data.draw(st.sampled_from(ENDS[:3])))

    def start(self):
        """A process starts, or is started again."""
        sink = open_sink(self.path, backend="rest", account="a", clock=self.clock, keyed=self.keyed, lease=LEASE)
        self.wait(sink.open(Campaign("soldes", MESSAGE, ())))
        self.wait(sink._leases.end())  # renewals go by the machine's own clock: on a busy one they would come at random
        self.processes.append(Process(sink))

    def plan(self, size):
        """The process that reads the source plans a chunk; no other may."""
        leaders = [process for process in self.processes if self.wait(process.sink.lead())]
        assert len(leaders) <= 1
        if not leaders:
            return
        (process,) = leaders
        rows = tuple(range(self.planned + 1, self.planned + size + 1))
        people = tuple(Recipient(str(33_610_000_000 + row)) for row in rows)
        chunk = Chunk(seq=1, text="Bonjour", coding=Coding.GSM7, params=0, recipients=people, rows=rows, parts=size)
        self.wait(process.sink.add(chunk))
        self.planned += size
        self.allowed.update(person.phone for person in people)

    def list_left(self, process):
        """A process looks for what is left."""
        since = self.clock.at - REPLAY_SECONDS if self.keyed else None
        process.listed = self.wait(process.sink.resume(replayable_since=since))

    def work(self, data, end):
        """A process claims what is left, sends it, and then hears, or does not, or stalls, or is killed."""
        process = self.choose(data, self.processes)
        self.claim_some(data, process)
        for seq in list(process.claims):
            if end not in {"stalls before", "killed before"}:
                self.send(process, process.claims[seq])
            if end in {"answered", "lost", "stopped"} and seq in process.claims:
                self.end(process, seq, end)
        if end.startswith("killed"):
            self.kill(process)

    def claim_some(self, data, process):
        """Let a process claim most of what it knows to be left: its list may be old, the claim alone decides."""
        if not process.listed:
            self.list_left(process)
        for chunk in process.listed:
            if chunk.seq not in process.claims and data.draw(st.integers(0, 3)):
                claim = self.wait(process.sink.claim(chunk, self.clock.at))
                if claim is not None:
                    age = self.clock.at - (claim.chunk.first_sent_at or self.clock.at)
                    assert not claim.unanswered or (self.keyed and 0.0 <= age <= REPLAY_SECONDS)
                    process.claims[chunk.seq] = claim
        process.listed = []

    def attempt(self, data):
        """A process sends what it claimed, if it may still."""
        process = self.choose(data, [process for process in self.processes if process.claims])
        self.send(process, process.claims[self.choose(data, process.claims)])

    def send(self, process, claim):
        """Let a process send a chunk, as the engine does: if it still holds it, and if its key may be repeated."""
        if not self.wait(process.sink.hold(claim)):
            del process.claims[claim.chunk.seq]
            process.answers.pop(claim.chunk.seq, None)
            return
        owner, state = self.owner_of(claim.chunk.seq)
        # What another process's late answer ended meanwhile is asked about once more with its key, and no harm done.
        assert owner == process.sink._leases.owner or (self.keyed and state == "accepted")
        age = self.clock.at - (claim.chunk.first_sent_at or self.clock.at)
        again = claim.unanswered or claim.chunk.seq in process.answers
        if (self.keyed and (age > REPLAY_SECONDS or (again and age < -CLOCK_SECONDS))) or (again and not self.keyed):
            return  # the engine repeats no key whose age is too much or unknown, and nothing at all without one
        key = claim.chunk.key
        if self.keyed:
            assert key == idempotency_key(process.sink.run_id, claim.chunk, MESSAGE)
        process.answers[claim.chunk.seq] = self.gateway(key if self.keyed else None, claim.chunk)

    def owner_of(self, seq):
        """Return who holds a chunk, and its state, as the journal has them."""
        with contextlib.closing(sqlite3.connect(self.path)) as raw:
            return raw.execute("select owner, state from chunk where seq = ?", (seq,)).fetchone()

    def gateway(self, key, chunk):
        """Take or refuse a request, or give the answer to the one that was taken with its key.

        A refusal as a duplicate is a mistake of the gateway's: it texts nobody.
        """
        self.sent += 1
        known = self.keys.get(key) if key else None
        at = self.clock.at - self.clock.error
        if known is not None and at < known[0] + KEY_LIFE:
            return known[1]
        if self.refuses is not None:
            return self.refuses
        results = tuple(Accepted(person.phone, "sms") for person in chunk.recipients)
        if self.sent % 3 == 0 and len(results) > 1:
            results = (*results[:-1], Unconfirmed(chunk.recipients[-1].phone))
        receipt = SendReceipt(campaign_id=f"c{len(self.keys)}", results=results, parts=len(results))
        self.handsets.update(person.phone for person in chunk.recipients)
        if key:
            self.keys[key] = (at, receipt)
        return receipt

    def end(self, process, seq, end):
        """Let a process record how a request ended: perhaps long after another one took it over."""
        claim = process.claims.pop(seq)
        tried = seq in process.answers
        answer = process.answers.pop(seq, None)
        receipt = answer if isinstance(answer, SendReceipt) else None
        refused = tried and receipt is None
        if receipt is not None and end == "answered":
            delivery = Delivery(receipt=receipt)
        elif refused and end == "answered":
            delivery = Delivery(event=ChunkEvent.REJECT, error=answer)
        elif receipt is None and end == "stopped" and not claim.unanswered:
            self.wait(process.sink.release(claim.chunk, new_key=True))
            return
        elif (refused and end == "stopped") or (not tried and end == "answered" and not claim.unanswered):
            delivery = Delivery(event=ChunkEvent.FAIL, error=AllMySmsError("Not sent."))
        else:
            delivery = Delivery(event=ChunkEvent.LOSE, error=AllMySmsError("No answer."))
        self.wait(process.sink.settle(claim.chunk, settlement(claim.chunk, delivery)))

    def decide(self, data, resend):
        """An operator decides about a chunk that is unknown or refused as a duplicate; never against a live lease."""

        async def decided():
            journal = self.journal
            states = ("unknown", "in_flight", "rejected")
            chunks = [each for state in states for each in await journal.chunks(state=ChunkState(state))]
            for chunk in [each for each in chunks if each.state == "rejected" and not each.duplicates]:
                chunks.remove(chunk)
                with pytest.raises(InvalidRequest, match="is rejected"):
                    await journal.resolve("resend" if resend else "mark_sent", [chunk.seq])
            if not chunks:
                return None
            chunk = data.draw(st.sampled_from(chunks))
            try:
                await journal.resolve("resend" if resend else "mark_sent", [chunk.seq])
            except InvalidRequest:
                assert chunk.leased
                return None
            assert not chunk.leased
            return chunk.unknown + chunk.duplicates

        async def unknown():
            outcomes = [outcome async for outcome in self.journal.outcomes()]
            return {each.phone for each in outcomes if each.state == "unknown" or each.reason == "duplicate_at_gateway"}

        before = self.wait(unknown())
        count = self.wait(decided())
        if count is not None:
            phones = before - self.wait(unknown())
            assert len(phones) == count
            if resend:
                self.allowed.update(phones)  # the operator accepts that these may be texted twice

    @invariant()
    def nobody_is_texted_more_often_than_allowed(self):
        """Once, and once more for each time that an operator said so."""
        for phone, count in self.handsets.items():
            assert count <= self.allowed[phone], phone

    @invariant()
    def nobody_is_lost(self):
        """Every planned row is in the journal with one outcome; whoever is on a handset is not counted as not sent."""
        if not self.planned:
            return

        async def outcomes():
            rows = [outcome async for outcome in self.journal.outcomes()]
            return rows, (await self.journal.campaign()).result

        rows, result = self.wait(outcomes())
        assert sorted(outcome.row for outcome in rows) == list(range(1, self.planned + 1))
        counted = Counter(outcome.state.value for outcome in rows)
        counted["pending"] += counted["in_flight"]
        for state in ("accepted", "rejected", "failed", "unknown", "pending", "in_flight"):
            assert getattr(result, state) == counted[state], state
        assert result.rows == self.planned
        in_flight = {
            phone for process in self.processes for claim in process.claims.values() for phone in phones(claim)
        }
        for outcome in rows:
            if outcome.state in {"failed", "rejected"} and outcome.phone not in in_flight:
                assert self.handsets[outcome.phone] < self.allowed[outcome.phone]

    @invariant()
    def sums_of_each_process_add_up(self):
        """What a process believes adds up at any moment."""
        for process in self.processes:
            totals = process.sink.totals()
            parts = totals.accepted + totals.rejected + totals.failed + totals.unknown + totals.pending
            assert totals.rows == parts
            assert min(totals.accepted, totals.failed, totals.unknown, totals.pending) >= 0
            assert 0 <= totals.in_flight <= totals.pending


def phones(claim):
    """Return whom a claim is about."""
    return [person.phone for person in claim.chunk.recipients]


class Unkeyed(Machine):
    """The same without idempotency keys."""

    keyed = False


_SETTINGS = settings(
    # As many as somebody who works on it waits for; .ci/run has 50, `nox -s chaos` 1,000.
    max_examples=int(os.environ.get("JOURNAL_EXAMPLES", "10")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestKeyed = pytest.mark.slow(pytest.mark.timeout(900)(Machine.TestCase))
TestKeyed.settings = _SETTINGS
TestUnkeyed = pytest.mark.slow(pytest.mark.timeout(900)(Unkeyed.TestCase))
TestUnkeyed.settings = _SETTINGS
