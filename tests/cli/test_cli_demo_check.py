"""The demo's own check: it must fail when something is not as the sample says."""

from dataclasses import dataclass

from allmysms_async import DeliveryReport, DeliveryStatus, Outcome, OutcomeState, Reason
from allmysms_async.cli.demo.check import differences
from allmysms_async.cli.demo.protocol import PROTOCOLS, expected_rows
from allmysms_async.cli.demo.sample import SampleRow, read_sample
from tests.cases import each

ROWS = [SampleRow(1, "accepted", "33612345678", "Bonjour Zoé"), SampleRow(2, "rejected:empty", "", "Bonjour ")]
GOOD = [
    Outcome(1, 2, "33612345678", OutcomeState.ACCEPTED),
    Outcome(2, 3, "", OutcomeState.REJECTED, Reason.EMPTY),
]
INBOX = ("33612345678", "Bonjour Zoé")
REPORT = DeliveryReport(phone="33612345678", status=DeliveryStatus.DELIVERED, code="1")


@dataclass(frozen=True)
class World:
    """What the demo found."""

    outcomes: list[Outcome]
    inboxes: list[tuple[str, str]]
    reports: list[DeliveryReport]


def test_what_is_as_it_must_be_has_no_difference() -> None:
    """Rows, handsets and reports as expected give no difference."""
    assert differences(ROWS, GOOD, [INBOX], [REPORT]) == []


@each(
    ("world", "said"),
    [
        (World(GOOD[:1], [INBOX], [REPORT]), "row 2: no outcome"),
        (World([*GOOD, GOOD[0]], [INBOX], [REPORT]), "row 1: accepted and accepted"),
        (World([GOOD[0], Outcome(2, 3, "", OutcomeState.UNKNOWN)], [INBOX], [REPORT]), "row 2: unknown"),
        (World([Outcome(1, 2, "336", OutcomeState.ACCEPTED), GOOD[1]], [INBOX], [REPORT]), "row 1: sent to 336"),
        (World([*GOOD, Outcome(3, 4, "", OutcomeState.FAILED)], [INBOX], [REPORT]), "row 3: an outcome, but"),
        (World(GOOD, [], [REPORT]), "0 messages, expected one"),
        (World(GOOD, [INBOX, INBOX], [REPORT]), "2 messages, expected one"),
        (World(GOOD, [(INBOX[0], "Bonjour Anne")], [REPORT]), "another text"),
        (World(GOOD, [INBOX, ("33699999999", "x")], [REPORT]), "33699999999: 1 messages, expected none"),
        (World(GOOD, [INBOX], []), "delivery report"),
        (World(GOOD, [INBOX], [REPORT, REPORT]), "delivery report"),
    ],
)
def test_anything_else_is_a_difference(world: World, said: str) -> None:
    """Every way to be wrong is found and named."""
    [found] = differences(ROWS, world.outcomes, world.inboxes, world.reports)
    assert said in found


def test_sample_holds_every_kind_of_row() -> None:
    """The sample has a few thousand rows, with every reason that a plain campaign can meet."""
    rows = read_sample()
    reasons = {row.expected for row in rows}
    assert len(rows) == 3031
    assert reasons == {"accepted"} | {
        f"rejected:{reason}"
        for reason in (
            "empty",
            "malformed",
            "land_line",
            "duplicate",
            "wrong_width",
            "text_too_long",
            "opted_out",
            "unassigned",
            "manual_blacklist",
        )
    }


def test_protocol_says_what_it_cannot_carry_before_who_is_there_twice() -> None:
    """A row that a protocol cannot carry leaves its number to the next row; one that it is silent about is accepted."""
    rows = [
        SampleRow(1, "accepted", "33612345678", "Bonjour François"),
        SampleRow(2, "rejected:duplicate", "33612345678", "Bonjour Anne"),
        SampleRow(3, "rejected:opted_out", "33612345679", "Bonjour Luc", "blacklist_stop"),
        SampleRow(4, "rejected:duplicate", "33612345678", "Bonjour Zoe"),
    ]
    expected = expected_rows(rows, PROTOCOLS["mail2sms"])
    assert [row.expected for row in expected] == [
        "rejected:needs_unicode",
        "accepted",
        "accepted",
        "rejected:duplicate",
    ]
    assert [row.received for row in expected] == [True, True, False, True]
    assert expected_rows(rows, PROTOCOLS["rest"]) == rows
