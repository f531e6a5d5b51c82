"""Files as people have them: each is read as it was meant, or refused with a line; nobody gets another's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.model import RefusedRow
from allmysms_async.source import read_csv
from tests.cases import each

P1, P2, P3, P4 = "0612345601", "0612345602", "0612345603", "0612345604"
Rows = list[tuple[str, tuple[str, ...]]]


class Form(NamedTuple):
    """A file and what it must be read as.

    Attributes:
        content: Its bytes.
        rows: Number and parameters of each person; those refused for their width stand as their number alone.
        phone: Column of the numbers.
        params: Columns of the parameters.
        error: What the error says, where the file is refused, and its line.
    """

    content: bytes
    rows: Sequence[tuple[str, tuple[str, ...]]] = ()
    phone: str | int = "mobile"
    params: tuple[str | int, ...] = ("nom",)
    error: tuple[str, int] | None = None


def text(*lines: str, encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    """Return lines as a file."""
    return "".join(line + end for line in lines).encode(encoding)


ANA_MAX: Rows = [(P1, ("Ana",)), (P2, ("Max",))]
ZOE: Rows = [(P1, ("Zoé",)), (P2, ("Noël",)), (P3, ("François",))]
ZOE_LINES = ("mobile;nom", f"{P1};Zoé", f"{P2};Noël", f"{P3};François")

FORMS: dict[str, Form] = {
    # -- a quote that swallows other people ---------------------------------------------------------------------------
    "quote swallows four people": Form(
        text("mobile;nom", f'{P1};"Ana', f"{P2};Bob", f"{P3};Eva", f'{P4};Max"'), error=("quote", 2)
    ),
    "quote swallows in an unused column": Form(
        text("mobile;nom;note", f'{P1};Ana;"a', f"{P2};Bob;b", f'{P3};Eva;c"', f"{P4};Max;d"), error=("quote", 2)
    ),
    "quote opens in the first of two lines": Form(text("nom;mobile", f'"Ana;{P1}', f'Max";{P2}'), error=("quote", 2)),
    "quote swallows where the number stands alone": Form(
        text("mobile;nom;code;ville", f'{P1};"Ana', f'{P2}";4821;Lyon'), error=("quote", 2)
    ),
    "quote swallows in a list of one column": Form(text(f'"{P1}', f'{P2}"'), params=(), phone=1, error=("quote", 1)),
    "quote swallows somebody with a land line": Form(
        text("mobile;nom;code;ville", f'{P1};"Ana', '0145678901";4821;Lyon'), error=("quote", 2)
    ),
    "quote swallows somebody without a number": Form(
        text("nom;note;mobile;code", 'Ana;"x;;11', f'Bob;y";{P2};22'), params=("code",), error=("quote", 2)
    ),
    "quote swallows a number that is written wrong": Form(
        text("mobile;nom;code;ville", f'{P1};"Ana', '06 98 76 54 3210";4821;Lyon'), error=("quote", 2)
    ),
    "quote swallows, and the row has another width": Form(
        text("nom;note;mobile;code", *[f"N;x;{P3};1"] * 30, 'Ana;"x', f'y";z;{P1};2'),
        params=("code",),
        error=("quote", 32),
    ),
    "commas in an address of two lines are believed": Form(
        text(
            "nom,adresse,mobile",
            f'Ana,"12, rue X\n75001, Paris",{P1}',
            f'Max,"1, rue Y, bat. 2\nBP 3, 69000, Lyon",{P2}',
        ),
        ANA_MAX,
    ),
    "two numbers on two lines of a cell": Form(
        text("nom;mobile;ville", f'Ana;"{P1}\n{P2}";Lyon', f"Max;{P3};Metz"),
        [(f"{P1}\n{P2}", ("Ana",)), (P3, ("Max",))],
    ),
    "line break in an address is believed": Form(
        text("nom;adresse;mobile", f'Ana;"12 rue X\n75001 Paris";{P1}', f"Max;Lyon;{P2}"), ANA_MAX
    ),
    "line break in the first column is believed": Form(
        text("adresse;mobile;nom", f'"12, rue X\n75001 Paris";{P1};Ana', f"Lyon;{P2};Max"), ANA_MAX
    ),
    "line break in the last column is believed": Form(
        text("mobile;nom;note", f'{P1};Ana;"une\nnote; longue"', f"{P2};Max;"), ANA_MAX
    ),
    "doubled quotes and separators in a cell": Form(
        text("mobile;nom", f'{P1};"Ana ""la"" Grande; Max"'), [(P1, ('Ana "la" Grande; Max',))]
    ),
    "quote inside a word stays": Form(text("mobile;nom", f'{P1};O"Neil'), [(P1, ('O"Neil',))]),
    "half a quote is refused": Form(text("mobile;nom", f'{P1};"Ana" Max'), error=("quote", 2)),
    "quote after a blank opens a cell": Form(
        text("mobile, nom, ville", f'{P1}, "Dupont, Ana", Lyon'), [(P1, ("Dupont, Ana",))]
    ),
    "quote after a blank inside a cell stays": Form(
        text("mobile;nom", f'{P1};"Ana; ""Max"""'), [(P1, ('Ana; "Max"',))]
    ),
    "empty cell before a quoted one, separated by tabs": Form(
        text("nom\ttel2\tnote\tmobile\tcode", f'Ana\t\t"a"\t{P1}\t1', f'Max\t\t\t{P2}\t"2"', f'\t"{P3}"\t\t{P4}\t3'),
        [(P1, ("1",)), (P2, ("2",)), (P4, ("3",))],
        params=("code",),
    ),
    "empty cell before one of two lines, separated by tabs": Form(
        text("nom\ttel2\tnote\tmobile", f'Ana\t\t"a\nb"\t{P1}', f"Max\t\t\t{P2}"), ANA_MAX
    ),
    # -- shifted rows -------------------------------------------------------------------------------------------------
    "shifted row is refused alone": Form(
        text(
            "nom;tel_parent;mobile;code",
            *[f"Nom{n};0622222222;06987654{n:02};{n:04}" for n in range(30)],
            f"Dupont; Jean;0622222222;{P1};4821",
        ),
        [*((f"06987654{n:02}", (f"{n:04}",)) for n in range(30)), ("0622222222", ())],
        params=("code",),
    ),
    "shifted row with a blank last cell is refused alone": Form(
        text(
            "nom;tel2;mobile;code;note",
            *[f"Nom{n};;06987654{n:02};{n:04};" for n in range(30)],
            "Max;;0622222233;0612345602;2;",
        ),
        [*((f"06987654{n:02}", (f"{n:04}",)) for n in range(30)), ("0622222233", ())],
        params=("code",),
    ),
    "shifted row with a blank last cell beside one row": Form(
        text("nom;tel2;mobile;code;note", "Max;;0622222233;0612345602;2;"), [("0622222233", ())], params=("code",)
    ),
    "last column is mostly empty, without a header": Form(
        text(*[f"{P1};Ana;;"] * 3, f"{P2};Max;a;b"), [*ANA_MAX[:1] * 3, (P2, ("Max",))], 1, (2,)
    ),
    "shifted row without a header": Form(
        text(*[f"N;;{P1};1;"] * 5, f"Max;;0622222233;{P2};2;"), [*[(P1, ("1",))] * 5, ("0622222233", ())], 3, (4,)
    ),
    "missing separator is refused alone": Form(
        text("nom;mobile;tel2", *[f"N{n};06987654{n:02};{P4}" for n in range(30)], f"N30{P1};{P4}"),
        [*((f"06987654{n:02}", (f"N{n}",)) for n in range(30)), (P4, ())],
    ),
    "many shifted rows refuse the file": Form(
        text("nom;mobile", *[f"Dupont; Jean;{P1}"] * 5, f"Ana;{P2}"), error=("another number of cells", 2)
    ),
    "trailing separators": Form(text("mobile;nom;", f"{P1};Ana;", f"{P2};Max;"), ANA_MAX),
    "trailing separator in the header alone": Form(text("mobile;nom;", f"{P1};Ana", f"{P2};Max"), ANA_MAX),
    "trailing separators in the rows alone": Form(text("mobile;nom", f"{P1};Ana;;", f"{P2};Max;;"), ANA_MAX),
    # -- encodings ----------------------------------------------------------------------------------------------------
    "UTF-8": Form(text(*ZOE_LINES), ZOE),
    "UTF-8 with its mark": Form(text(*ZOE_LINES, encoding="utf-8-sig"), ZOE),
    "Windows-1252": Form(text(*ZOE_LINES, encoding="cp1252"), ZOE),
    "Windows-1252 with letters of the east": Form(
        text(*ZOE_LINES, f"{P4};Šimon Žák", encoding="cp1252"), [*ZOE, (P4, ("Šimon Žák",))]
    ),
    "Mac Roman with CR": Form(text(*ZOE_LINES, encoding="mac_roman", end="\r"), ZOE),
    "cp850 of a console": Form(text(*ZOE_LINES, encoding="cp850"), ZOE),
    "UTF-16 with its mark": Form(text(*ZOE_LINES, encoding="utf-16"), ZOE),
    "UTF-16 LE without its mark": Form(text(*ZOE_LINES, encoding="utf-16-le"), ZOE),
    "UTF-16 BE without its mark": Form(text(*ZOE_LINES, encoding="utf-16-be"), ZOE),
    "stray byte in UTF-8": Form(
        text(*ZOE_LINES) + f"{P4};L\xe9a\r\n".encode("latin-1"), error=("nearly all of the file is UTF-8", 5)
    ),
    "stray byte after a mark": Form(
        text(*ZOE_LINES, encoding="utf-8-sig") + b"0612345604;L\xe9a\r\n", error=("not utf-8-sig throughout", 5)
    ),
    "encoded twice is no Windows-1252": Form(
        text("mobile;nom", f"{P1};ZoÃ©", encoding="cp1252") + f"{P2};Max \xff\r\n".encode("latin-1"),
        error=("cannot be told", 2),
    ),
    "nothing that reads like a language": Form(
        b"mobile;nom\r\n" + P1.encode() + b";a\x81\x8d\x8fb\r\n", error=("cannot be told", 2)
    ),
    "Windows-1252 with its signs": Form(
        text("mobile;nom", f"{P1};l’été à 10 €…", encoding="cp1252"), [(P1, ("l’été à 10 €…",))]
    ),
    "capitals with accents": Form(text("mobile;nom", f"{P1};ZOÉ ÉLÈVE", encoding="cp1252"), [(P1, ("ZOÉ ÉLÈVE",))]),
    **{
        f"in doubt: {name}": Form(
            text("mobile;nom", f"{P1};Ana") + f"{P2};{name}\r\n".encode("cp1252"), error=("cannot be told", 3)
        )
        for name in ("No‘l", "Mart’n", "Bé½a", "£ukasz", "½ric", "¼uvre", "Lou³", "Zoéêè")
    },
    **{
        f"no doubt: {name}": Form(text("mobile;nom", f"{P1};{name}", encoding="cp1252"), [(P1, (name,))])
        for name in (
            "O’Neil",
            "D’Artagnan",
            "l’ami",
            "jusqu’ici",
            "aujourd’hui",
            "‘Ana’",
            "10 £",
            "5 m³",
            "2 ½",
            "créée",
        )
    },
    "apostrophe in a long word beside accents": Form(
        text("mobile;nom", f"{P1};Zoé", f"{P2};Ahm’ed", encoding="cp1252"), [(P1, ("Zoé",)), (P2, ("Ahm’ed",))]
    ),
    # -- headers ------------------------------------------------------------------------------------------------------
    "sep= in front": Form(text("sep=;", "mobile;nom", f"{P1};Ana", f"{P2};Max"), ANA_MAX),
    "sep= of a comma": Form(text("sep=,", "mobile,nom", f"{P1},Ana", f"{P2},Max"), ANA_MAX),
    "sep= after a mark": Form(text("sep=;", "mobile;nom", f"{P1};Ana", encoding="utf-8-sig"), ANA_MAX[:1]),
    "mark in the middle": Form(
        text("mobile;nom", f"\ufeff{P1};Ana", '\ufeff"' + P2 + '";Max'), [(P1, ("Ana",)), (P2, ("Max",))]
    ),
    "mark alone at the end": Form(text("mobile;nom", f"{P1};Ana") + "\ufeff".encode(), ANA_MAX[:1]),
    "no header, and no person shown": Form(
        text(f"{P1};Ana", f"{P2};Max"), error=("Columns: none, the first line is a row", 1)
    ),
    "blank cells above the header": Form(text(";;", "mobile;nom;", f"{P1};Ana;", ";;", ";;", f"{P2};Max;"), ANA_MAX),
    "line break in a header's cell": Form(
        text('"mobile\n(portable)";nom', f"{P1};Ana"), ANA_MAX[:1], "Mobile (portable)"
    ),
    "vertical tab in a header's cell": Form(text("mobile;no\x0bm;x", f"{P1};Ana;", f"{P2};Max;"), ANA_MAX),
    "line separator in a header's cell": Form(text("mobile;no\u2028m", f"{P1};Ana", f"{P2};Max"), ANA_MAX),
    "no-break space in the header": Form(text("mobile\xa0;\u202fnom", f"{P1};Ana", f"{P2};Max"), ANA_MAX),
    "decomposed accents in the header": Form(
        text("Te\u0301le\u0301phone;Pre\u0301nom", f"{P1};Ana", f"{P2};Max"), ANA_MAX, "téléphone", ("prénom",)
    ),
    "no accents where the header has them": Form(
        text("TÉLÉPHONE  PORTABLE;Prénom", f"{P1};Ana", f"{P2};Max"), ANA_MAX, "telephone portable", ("prenom",)
    ),
    "two columns that fit": Form(
        text("mobile;Prénom;prenom", f"{P1};a;b"),
        params=("prénom",),
        error=("'Prénom' (column 2) and 'prenom' (column 3)", 1),
    ),
    # -- what separates -----------------------------------------------------------------------------------------------
    "commas in names, separated by semicolons": Form(
        text("nom;mobile", f"Dupont, Ana;{P1}", f"Durand, Max;{P2}"), [(P1, ("Dupont, Ana",)), (P2, ("Durand, Max",))]
    ),
    "decimal commas by position": Form(text(f"{P1};1,50", f"{P2};2,50"), [(P1, ("1,50",)), (P2, ("2,50",))], 1, (2,)),
    "tabs of a database's COPY": Form(text(f"{P1}\tAna", f"{P2}\tMax", end="\n"), ANA_MAX, 1, (2,)),
    "COPY of PostgreSQL": Form(
        text("mobile\tnom\tville", f"{P1}\tAna\t\\N", f"{P2}\t\\N\tLyon", end="\n"), [(P1, ("Ana",)), (P2, ("",))]
    ),
    "COPY of PostgreSQL as CSV": Form(
        text("nom,mobile", f'"Dupont, Ana",{P1}', f'"Max ""le grand""",{P2}', f",{P3}", end="\n"),
        [(P1, ("Dupont, Ana",)), (P2, ('Max "le grand"',)), (P3, ("",))],
    ),
    "mysqldump --tab": Form(text(f"1\tAna\t{P1}\t2027-01-15", f"2\tMax\t{P2}\t\\N", end="\n"), ANA_MAX, 3, (2,)),
    "mysqldump --tab with a line break in a cell": Form(
        text(*[f"{n}\tN{n}\t06980000{n:02}\tx" for n in range(30)], "30\tAna\\", f"B\t{P1}\tx", end="\n"),
        [*((f"06980000{n:02}", (f"N{n}",)) for n in range(30)), ("", ()), ("x", ())],
        3,
        (2,),
    ),
    "bars": Form(text("mobile|nom", f"{P1}|Ana", f"{P2}|Max"), ANA_MAX),
    "everything in quotes": Form(text('"mobile";"nom"', f'"{P1}";"Ana"', f'"{P2}";"Max"'), ANA_MAX),
    "blank rows in quotes": Form(text('"mobile";"nom"', f'"{P1}";"Ana"', '"";""', f'"{P2}";"Max"'), ANA_MAX),
    # -- of shops, mailing tools and phones ----------------------------------------------------------------------------
    "Dolibarr": Form(
        text(
            '"Réf. client";"Nom";"Tél. portable";"Ville"',
            f'"CU2701-0001";"SARL ""Chez Ana""";"{P1}";"Saint-Étienne"',
            f'"CU2701-0002";"Max & Fils";"{P2}";""',
        ),
        [(P1, ('SARL "Chez Ana"',)), (P2, ("Max & Fils",))],
        "tel. portable",
    ),
    "PrestaShop": Form(
        text("id_customer;firstname;lastname;phone_mobile", f"1;Ana;D;{P1}", f"2;Max;E;{P2}", end="\n"),
        ANA_MAX,
        "phone_mobile",
        ("firstname",),
    ),
    "WooCommerce": Form(
        text(
            '\ufeff"Billing First Name","Billing Address","Billing Phone"',
            f'Ana,"12, rue X, bât. 2",{P1}',
            f'Max,"1, rue Y","{P2}"',
            end="\n",
        ),
        ANA_MAX,
        "billing phone",
        ("billing first name",),
    ),
    "Brevo": Form(
        text("CONTACT ID,EMAIL,PRENOM,SMS", "1,a@x.fr,Ana,33612345601", "2,m@x.fr,Max,33612345602", end="\n"),
        [("33612345601", ("Ana",)), ("33612345602", ("Max",))],
        "SMS",
        ("prenom",),
    ),
    "HubSpot": Form(
        text("Record ID,First Name,Mobile Phone Number", "101,Ana,+33 6 12 34 56 01", '102,Max,"+33 6 12 34 56 02"'),
        [("+33 6 12 34 56 01", ("Ana",)), ("+33 6 12 34 56 02", ("Max",))],
        "mobile phone number",
        ("First Name",),
    ),
    "contacts of a phone": Form(
        text("Name,Given Name,Notes,Phone 1 - Value", f'Ana D,Ana,"vue\nà Lyon",{P1}', f"Max E,Max,,{P2}", end="\n"),
        ANA_MAX,
        "phone 1 - value",
        ("given name",),
    ),
    "vCards turned CSV": Form(
        text(
            "First Name,Last Name,Mobile Phone,Notes",
            "Ana,Durand,tel:+33-6-12-34-56-01,",
            'Max,"Le Goff, dit ""Max""",+33 (0)6 12 34 56 02,"Anniversaire : 2 mai"',
        ),
        [("tel:+33-6-12-34-56-01", ("Ana",)), ("+33 (0)6 12 34 56 02", ("Max",))],
        "mobile phone",
        ("first name",),
    ),
    "PrestaShop in Windows-1252 with prices": Form(
        text("ID;Prénom;Ventes;Mobile", f'1;"Zoé";"1 234,50 €";{P1}', f'2;"Max";"0,00 €";{P2}', encoding="cp1252"),
        [(P1, ("Zoé",)), (P2, ("Max",))],
        params=("prénom",),
    ),
    "HubSpot with its mark": Form(
        text('"Prénom","Numéro de téléphone mobile"', f'"Zoé","{P1}"', '"Max",""', encoding="utf-8-sig", end="\n"),
        [(P1, ("Zoé",)), ("", ("Max",))],
        "numéro de téléphone mobile",
        ("Prénom",),
    ),
    "formulas that keep a code text": Form(
        text("mobile;code;nom", f'="{P1}";="0042";="Ana"', f'{P2};"=""0043""";"=""Max; dit M"""', f'{P3};a="b";=""'),
        [(f'="{P1}"', ("0042", "Ana")), (P2, ("0043", "Max; dit M")), (P3, ('a="b"', ""))],
        params=("code", "nom"),
    ),
    "formulas that keep a code text, separated by commas": Form(
        text("mobile,code", f'{P1},="0042"', f'{P2},"=""0043"""'), [(P1, ("0042",)), (P2, ("0043",))], params=("code",)
    ),
    "two numbers in one cell": Form(
        text("mobile;nom", "+32470123456 / 57;Ana", "0612345678/79;Max"),
        [("+32470123456 / 57", ("Ana",)), ("0612345678/79", ("Max",))],
    ),
    "names and notes with a no-break space": Form(
        text("mobile;nom;note", f"{P1};Jean\xa0Paul;12\xa0rue\xa0: Ana", f"{P2};Max;", encoding="cp1252"),
        [(P1, ("Jean\xa0Paul",)), (P2, ("Max",))],
    ),
    "contacts of Outlook": Form(
        text(
            '"Title","First Name","Mobile Phone","Notes"',
            '"","Ana","+33 6 12 34 56 01","a\r\nb; c, d"',
            '"","Max","06 12 34 56 02",""',
        ),
        [("+33 6 12 34 56 01", ("Ana",)), ("06 12 34 56 02", ("Max",))],
        "mobile phone",
        ("first name",),
    ),
    "mysqldump with quotes escaped by backslashes": Form(
        text(f'{P1},"Ana"', f'{P2},"Max \\"le grand\\""', end="\n"), [], 1, (2,), ("quote", 2)
    ),
    "several numbers of a contact": Form(
        text("Name,Phone 1 - Value", f"Ana,{P1} ::: {P2}", f"Max,{P3}", end="\n"),
        [(f"{P1} ::: {P2}", ("Ana",)), (P3, ("Max",))],
        "phone 1 - value",
        ("name",),
    ),
    "line ends of three systems in one file": Form(
        f"mobile;nom\n{P1};Ana\r\n{P2};Max\r{P3};Eva\n".encode(), [*ANA_MAX, (P3, ("Eva",))]
    ),
    "formulas that keep a number text": Form(
        text("mobile;nom", f'="{P1}";Ana', f'"=""{P2}""";Max'), [(f'="{P1}"', ("Ana",)), (f'="{P2}"', ("Max",))]
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """What writes a file and returns its path."""

    def write(content: bytes) -> Path:
        path = tmp_path / "clients.csv"
        path.write_bytes(content)
        return path

    return write


@each("form", FORMS.values(), ids=FORMS)
def test_file_is_read_as_it_was_meant_or_refused(form: Form, write: Callable[[bytes], Path]) -> None:
    """Each person gets the own text, each row that may be another's is refused with its line."""
    path = write(form.content)
    found: Rows = []

    def read() -> None:
        for row in read_csv(path, phone=form.phone, params=form.params):
            found.append((row.phone, () if isinstance(row, RefusedRow) else row.params))

    if form.error is None:
        read()
        assert found == list(form.rows)
        return
    words, line = form.error
    with pytest.raises(InvalidSource) as caught:
        read()
    assert words in str(caught.value)
    assert caught.value.line == line
    assert f"line {line}" in str(caught.value)
