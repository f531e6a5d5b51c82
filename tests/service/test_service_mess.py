"""A file of 100,000 rows, a third of them messy, from the disk to the handsets."""

import csv
import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import Campaign, SmsMessage, SmsService, read_csv
from allmysms_async.sandbox import Sandbox

ROWS = 30_000
TEXT = "Bonjour #param_1#, -20 % demain. STOP au 36180"
# Windows-1252 has all of these; GSM-7 has only some.
NAMES = (
    "Zoé",
    "Chloë",
    "François",
    "Œdipe",
    "L’Été",
    "Noël d'Ys",
    "Éric",
    "Prix 5 €",
    "Anne;Marie",
    "[Jean]",
    'Dit "Jo"',
)
METROPOLITAN = (
    "06 {0:02d} {1} {2} {3}",
    "06.{0:02d}.{1}.{2}.{3}",
    "06-{0:02d}-{1}-{2}-{3}",
    "+336{0:02d}{1}{2}{3}",
    "+33 6 {0:02d} {1} {2} {3}",
    "00336{0:02d}{1}{2}{3}",
    "336{0:02d}{1}{2}{3}",
    "+33 (0)6 {0:02d} {1} {2} {3}",
    "'06{0:02d}{1}{2}{3}",
    "06\u00a0{0:02d}\u00a0{1}\u00a0{2}\u00a0{3}",
    "6{0:02d}{1}{2}{3}",
    "  06{0:02d}{1}{2}{3} ",
)
LAND_LINES = (
    "0142{0:06d}",
    "+33 3 88 {0:06d}",
    "0033 5 56{0:06d}",
    "09 72 {0:06d}",
    "+262 262 {0:06d}",
    "+590 590 {0:06d}",
)
MALFORMED = (
    "n/a",
    "06 12 34",
    "0812345678",
    "06123456789",
    "0612E4567",
    "612 345 6",
    "+33 6 12 34 56",
    "06/12/34/56/78/90",
)
ABROAD = (("+32 4{0:08d}", "324{0:08d}"), ("0049 151 {0:08d}", "49151{0:08d}"), ("447{0:09d}", "447{0:09d}"))
OVERSEAS = (
    ("0692{0:06d}", "262692{0:06d}"),
    ("+33 690 {0:06d}", "590690{0:06d}"),
    ("0033696{0:06d}", "596696{0:06d}"),
    ("694{0:06d}", "594694{0:06d}"),
    ("+262 639 {0:06d}", "262639{0:06d}"),
)


class Mess:
    """Writes the file's rows, and keeps its own books of what must become of each."""

    def __init__(self, seed: int) -> None:
        """Start with an empty file that has a header."""
        self.random = random.Random(seed)
        self.texts: dict[str, str] = {}
        self.reasons: Counter[str] = Counter()
        self.expected: list[tuple[int, str | None]] = []
        self.mobiles: list[int] = []
        self._file = io.StringIO(newline="")
        self._writer = csv.writer(self._file, delimiter=";", lineterminator="\r\n")
        self._line = 1
        self._row("Mobile", "Prénom")

    def _row(self, *cells: str) -> None:
        self._writer.writerow(cells)
        self._line += 1 + sum(cell.count("\n") for cell in cells)

    def _name(self) -> str:
        return f"{self.random.choice(NAMES)} {len(self.expected)}"

    def _people(self, raw: str, phone: str, name: str) -> None:
        """Write a row that must be texted."""
        assert phone not in self.texts
        self.texts[phone] = TEXT.replace("#param_1#", name)
        self.expected.append((self._line, None))
        self._row(raw, name)

    def _refused(self, reason: str, *cells: str) -> None:
        """Write a row that must be rejected."""
        self.reasons[reason] += 1
        self.expected.append((self._line, reason))
        self._row(*cells)

    def _digits(self, number: int) -> tuple[int, str, str, str]:
        """Return a mobile's digits after 06, in pairs: 10 to 29 first, which is metropolitan."""
        rest = f"{number % 1_000_000:06d}"
        return 10 + number // 1_000_000, rest[:2], rest[2:4], rest[4:]

    def clean(self, number: int) -> None:
        """Write a row as it should be."""
        self.messy(number, "06{0:02d}{1}{2}{3}", f"Ana {len(self.expected)}")

    def messy(self, number: int, form: str, name: str) -> None:
        """Write a mobile in some form."""
        first, *pairs = self._digits(number)
        self.mobiles.append(number)
        self._people(form.format(first, *pairs), f"336{first}{''.join(pairs)}", name)

    def mess(self, number: int) -> None:
        """Write a row of some mess."""
        choose = self.random.choice
        match self.random.randrange(10):
            case 0 | 1 | 2:
                self.messy(number, choose(METROPOLITAN), self._name())
            case 3 | 4:
                first, *pairs = self._digits(choose(self.mobiles))
                self._refused("duplicate", choose(METROPOLITAN).format(first, *pairs), self._name())
            case 5:
                self._refused("land_line", choose(LAND_LINES).format(number % 1_000_000), self._name())
            case 6:
                written, phone = choose(ABROAD)
                self._people(written.format(number), phone.format(number), self._name())
            case 7:
                self._refused("empty", choose(("", "   ", "\u00a0")), self._name())
            case 8:
                self._refused("malformed", choose(MALFORMED), self._name())
            case _:
                self._rare(number)

    def _rare(self, number: int) -> None:
        """Write a row of a mess that is met less often."""
        match self.random.randrange(4):
            case 0:
                first, *pairs = self._digits(number)
                self._refused("text_too_long", f"06{first:02d}{''.join(pairs)}", "Zoé " * 320)
            case 1:
                first, *pairs = self._digits(number)
                self._refused("wrong_width", f"06{first:02d}{''.join(pairs)}")
            case 2:
                written, phone = OVERSEAS[number % len(OVERSEAS)]
                own = len(self.expected)
                self._people(written.format(own), phone.format(own), self._name())
            case _:
                # A line end inside the cell, and once in a while what looks like a placeholder.
                shape = "#param_1# {0}" if not self.random.randrange(10) else "Zoé\n{0}"
                self.messy(number, self.random.choice(METROPOLITAN), shape.format(len(self.expected)))

    def write(self, path: Path, rows: int) -> None:
        """Write the file, in Windows-1252."""
        numbers = self.random.sample(range(20_000_000), rows)
        for position, number in enumerate(numbers):
            if position % 3 == 2:
                self.mess(number)
            else:
                self.clean(number)
        path.write_bytes(self._file.getvalue().encode("cp1252"))


@pytest.mark.slow
async def test_each_of_30_000_rows_ends_as_the_file_says(
    sandbox: Sandbox, sms: SmsService, ledger: Any, tmp_path: Path
) -> None:
    """Every row of a messy file is accounted for, and each distinct handset has one message with its own text."""
    mess = Mess(seed=2)
    path = tmp_path / "clients.csv"
    mess.write(path, ROWS)
    # It is some hour of the night overseas, whatever it is here.
    message = SmsMessage(TEXT, purpose="transactional")
    campaign = Campaign("soldes", message, read_csv(path, phone="mobile", params=["prénom"]))

    await ledger.follow(sms.stream(campaign))

    result = ledger.result
    assert ledger.stopped is None
    assert result.complete
    assert (result.rows, result.accepted, result.pending) == (ROWS, len(mess.texts), 0)
    assert (result.failed, result.unknown, dict(result.problems)) == (0, 0, {})
    assert {reason.value: count for reason, count in result.rejections.items()} == dict(mess.reasons)
    assert set(mess.reasons) == {"duplicate", "land_line", "empty", "malformed", "text_too_long", "wrong_width"}
    told = [(outcome.line, outcome.reason) for _, outcome in sorted(ledger.by_row.items())]
    assert told == mess.expected

    stats = sandbox.stats()
    assert stats == {"messages": len(mess.texts), "handsets": len(mess.texts), "max_per_handset": 1}
    wrong = [m["phone"] for m in sandbox.all_messages() if mess.texts.get(m["phone"]) != m["text"]]
    assert wrong == []
    assert {outcome.phone for outcome in ledger.by_row.values() if outcome.state == "accepted"} == mess.texts.keys()
    assert result.parts == sum(entry["parts"] for entry in sandbox.state()["campaigns"])
