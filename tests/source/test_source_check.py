"""Looking at a list before it is sent: what would become of every row, and what looks odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from allmysms_async import Reason, Recipient, SmsMessage
from allmysms_async.errors import InvalidText
from allmysms_async.source import check_list, read_csv
from tests.cases import each

TEXT = "Bonjour #param_1#"


def test_check_says_what_a_campaign_would_reject_with_lines(tmp_path: Path) -> None:
    """Rows by reason with their first lines, parts, and the first rows as people will read them."""
    path = tmp_path / "clients.csv"
    rows = ["0612345601;Ana", "0612345602;Zoé", "0612345601;Ana", "0123456789;Max", "61234567;Eva", "x;y", ";"]
    wide = "0612345603;D;E"
    many = [f"06980000{n:02};N{n}" for n in range(30)]
    path.write_text("\n".join(["mobile;nom", *rows, "", wide, "0612345604;" + "a" * 400, *many]), encoding="utf-8")
    check = read_csv(path, phone="mobile", params=["nom"]).check(TEXT)
    assert (check.rows, check.sendable, check.parts) == (38, 33, 32 + 3)
    assert check.rejections == {
        Reason.DUPLICATE: 1,
        Reason.LAND_LINE: 1,
        Reason.AMBIGUOUS: 1,
        Reason.MALFORMED: 1,
        Reason.WRONG_WIDTH: 1,
    }
    assert check.lines[Reason.DUPLICATE] == (4,)
    assert check.lines[Reason.WRONG_WIDTH] == (10,)
    assert [(row.line, row.text) for row in check.first] == [
        (2, "Bonjour Ana"),
        (3, "Bonjour Zoé"),
        (11, "Bonjour " + "a" * 400),
    ]
    assert "0612345601" not in repr(check)
    assert "Ana" not in repr(check)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["0612345601;ANA", "0612345602;MAX"], "Most values of #param_1# are in capitals."),
        (["0612345601;0698765432", "0612345602;Max"], "1 values of #param_1# are phone numbers."),
        (["0612345601;Ana"] * 9, "One number (336****01) stands in 9 rows."),
        (["0612345601 / 0612345602;Ana", "0612345603;Max"], "1 cells hold two numbers or more, such as line 2"),
        (["+32470123456 / 57;Ana", "0612345603;Max"], "1 cells hold two numbers or more, such as line 2"),
        (["0612345678/79;Ana", "0612345603;Max"], "1 cells hold two numbers or more, such as line 2"),
        (["06 12 34 56 78 ou 06 98 76 54 32;Ana"], "1 cells hold two numbers or more, such as line 2"),
        (["0612345603;Max", "0612345601;Zo\ufffd"], "1 values of #param_1# are wrongly encoded, such as line 3"),
        (["0612345603;Max", "0612345601;ZoÃ©"], "1 values of #param_1# are wrongly encoded, such as line 3"),
        (["0612345603;Max", "0612345601;Zo√©"], "1 values of #param_1# are wrongly encoded, such as line 3"),
    ],
)
def test_what_looks_odd_is_said(tmp_path: Path, rows: list[str], sentence: str) -> None:
    """What may be a mistake in the list, and stops nothing, is a sentence."""
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["mobile;nom", *rows]), encoding="utf-8")
    source = read_csv(path, phone="mobile", params=["nom"], encoding="utf-8")
    [found] = source.check(TEXT).oddities
    assert found.startswith(sentence)


def test_words_to_opt_out_count_in_what_is_checked() -> None:
    """A message that they are added to is measured, and shown, with them."""
    people = [Recipient("0612345678", ("Zoé",))]
    message = SmsMessage("x" * 140 + " #param_1#", add_stop=True)
    check = check_list(people, message)
    assert (check.parts, check.first[0].text) == (1, "x" * 140 + " Zoé STOP au 36180")
    assert check_list(people, SmsMessage("x" * 147 + "#param_1#", add_stop=True)).parts == 2


def test_ordinary_list_has_nothing_odd() -> None:
    """Names as people write them, each number once: nothing is said; any iterable can be checked."""
    check = check_list([f"06123456{n:02}" for n in range(50)], SmsMessage("Bonjour"))
    assert (check.rows, check.sendable, check.parts, check.oddities) == (50, 50, 50, ())


def test_text_that_is_right_for_nobody_is_refused(tmp_path: Path) -> None:
    """A template that counts its placeholders wrongly is the error it would be when sent."""
    path = tmp_path / "clients.csv"
    path.write_text("0612345601;Ana\n")
    with pytest.raises(InvalidText):
        read_csv(path).check("Bonjour #param_2#")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *(
            (value, "say that there is none")
            for value in ("NULL", "nan", "None", "#N/A", "#REF!", "#VALEUR!", "#DIV/0!")
        ),
        *((value, "hold signs of HTML") for value in ("Andr&eacute;", "D&#039;Artagnan", "Max &amp; Fils", "&#xE9;")),
        *((value, "hold a ? inside a word") for value in ("Fran?ois", "Jean Fran?ois", "H?l?ne")),
        *((value, "hold a backslash and a letter") for value in ("Ana\\nB", "E\\tF", "C\\\\D")),
        *((value, "hold several blanks in a row") for value in ("Ana  Max", "Ana \xa0 Max")),
        *((value, "are empty") for value in ("", "  ")),
    ],
)
def test_text_that_no_person_wrote_is_said_with_its_lines(tmp_path: Path, value: str, words: str) -> None:
    """What people would read as a program left it is a sentence, with the first lines of any number of them."""
    path = tmp_path / "clients.csv"
    rows = [f"06123456{n:02}|{value}" for n in range(7)]
    path.write_text("\n".join(["mobile|nom", "0612345699|Zoé", *rows]), encoding="utf-8")
    oddities = read_csv(path, phone="mobile", params=["nom"]).check(TEXT).oddities
    [found] = [each for each in oddities if "capitals" not in each]
    assert found.startswith(f"7 values of #param_1# {words}")
    assert "such as line 3, 4, 5, 6, 7: " in found


@each(
    "value",
    ["Nanette", "Ana & Max", "Qui ?", "http://x.example/a?b", "n° 5", "Max; Eva", "1/2", "Nil Bo", "AT&T"],
)
def test_text_of_a_person_is_not_odd(value: str) -> None:
    """Signs that people write themselves are no sign of a program."""
    assert check_list([Recipient("0612345601", (value,))], TEXT).oddities == ()


def test_total_below_the_numbers_is_said(tmp_path: Path) -> None:
    """The sum of a column of numbers may be somebody's number elsewhere; one with + is meant."""
    path = tmp_path / "clients.csv"
    path.write_text("mobile;nom\n612345601;Ana\n+32470123456;Max\n0032470123457;Eva\n11634566419;Total\n")
    [found] = read_csv(path, phone="mobile", params=["nom"]).check(TEXT).oddities
    assert found.startswith("1 numbers without + are of another country, such as line 5: ")


def test_list_without_rows_is_said(tmp_path: Path) -> None:
    """A header alone is a list of nobody."""
    path = tmp_path / "clients.csv"
    path.write_text("mobile;nom\n")
    assert read_csv(path, phone="mobile", params=["nom"]).check(TEXT).oddities == (
        "There are no rows: nobody would be texted.",
    )
