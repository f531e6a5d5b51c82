"""Encodings of lists: honest Windows-1252 is read without a doubt, and nothing that another encoding explains is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from allmysms_async.errors import InvalidSource
from allmysms_async.source import read_csv
from tests.cases import each

Write = Callable[[bytes], Path]
CLEAN = ["Zoé", "Noël", "François", "Hélène", "Benoît", "Jérôme", "Léa", "Agnès", "Chloé", "Mégane", "Théo", "Inès"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """What writes a file and returns its path."""

    def write(content: bytes) -> Path:
        path = tmp_path / "clients.csv"
        path.write_bytes(content)
        return path

    return write


def listed(*names: str | bytes, encoding: str = "cp1252", end: str = "\r\n") -> bytes:
    """Return a list of people of these names."""
    rows = [b"mobile;nom"]
    for n, name in enumerate(names):
        rows.append(f"06123456{n:02};".encode() + (name if isinstance(name, bytes) else name.encode(encoding)))
    return end.encode().join(rows) + end.encode()


def listed_in(encoding: str, *people: str) -> bytes:
    """Return a list of people of these names, all of it in an encoding."""
    return listed(*people, encoding="utf-8").decode("utf-8").encode(encoding)


def names(path: Path) -> tuple[str, list[str]]:
    """Return the encoding that a file is read in, and its names."""
    source = read_csv(path, phone="mobile", params=["nom"])
    return source.encoding, [row.params[0] for row in source]


HONEST = [
    *(
        "Ana\xa0",
        "\xa0Ana",
        "Jean\xa0Pierre",
        "JEAN\xa0PIERRE",
        "12\xa0rue Haute",
        "10\xa0€",
        "Ana\xa0: oui",
        "«\xa0Ana\xa0»",
    ),
    *("D´Angelo", "D´ANGELO", "d´Arc", "O´Neil", "l´ami", "DELL´ACQUA", "Sant´Anna", "qu´Ana"),
    *("Jean – Paul", "Jean–Paul", "JEAN–PAUL", "2020–2021", "Lyon – Metz", "Ana — Max", "Ana—Max"),
    *("Col·legi", "rue · ville", "12·5", "Suite…", "Suite …", "Ana…Max", "…"),
    *(
        "Nový",
        "Sýkora",
        "Guðrún",
        "Sigríður",
        "Þór",
        "Arnþór",
        "Nicolò",
        "Núñez",
        "Müller",
        "Groß",
        "Søren",
        "Åse",
        "São",
    ),
    *("1ère", "2ème", "18à20h", "Ñ. Ruiz", "Søn", "10€", "€ 5", "§ 5", "art. §5", "«Ana»"),
    *("¿Ana?", "¡Ana!", "3 × 4", "10×15", "Ana®", "n° 5", "1º"),
    *("D‘Angelo", "Ra\xadphaël"),
]


@each("name", HONEST)
def test_honest_windows_1252_is_read_without_a_doubt(name: str, write: Write) -> None:
    """Blanks, apostrophes, dashes, dots and letters as people of Europe type them are no sign of another encoding."""
    assert names(write(listed("Ana", name))) == ("cp1252" if not name.isascii() else "utf-8-sig", ["Ana", name])


@pytest.mark.parametrize("name", ["JéRôME", "JéR", "DÉBora", "de\xa0la Tour", "M\xa0rio", "„Ana“", "Jean †", "5 ‰"])
def test_few_odd_words_among_many_clean_ones_are_no_doubt(name: str, write: Write) -> None:
    """A word that somebody typed oddly is read where the words around it can be of no other encoding."""
    assert names(write(listed(*CLEAN, name))) == ("cp1252", [*CLEAN, name])


@pytest.mark.parametrize(
    "name", ["JéRôME", "DÕAngelo", "LÕOREAL", "de\xa0la Tour", "M\xa0rio", "Ayþe", "Doðan", "NOVÝ"]
)
def test_odd_words_alone_are_a_doubt_with_both_readings(name: str, write: Write) -> None:
    """Where nothing else tells, what another encoding may mean is an error with the line, readings and the option."""
    with pytest.raises(InvalidSource, match="cannot be told") as caught:
        names(write(listed("Ana", name)))
    assert caught.value.line == 3
    told = str(caught.value)
    assert all(each in told for each in ("line 3", "cp1252 reads", "mac_roman reads", "cp850 reads", "encoding="))


@each("many", [0, 12])
@each(
    "word",
    [
        *("ZoÃ©".encode("cp1252") + b"\xff", "No‘l", "Bé½a", "£ukasz", "½ric", "Gar‡on"),
        *("Ma–ana", "d–ner", "ƒlodie", "BENO×T", "COL·LEGI", "J¿rgen", "´eljko", "Du¨an", "Bo¸o", "D´EKO", "B†ne"),
        *("5,50 Û", "12 Û", "5,50ÊÛ", "Jean Ñ Paul", "nø5", "Zo‘", "Wei§", "€a va"),
        *("‡a", "Espa¥a", "10 ¤", "Mus¢e", "Ïåòð", "Þðèé", "Zoéêè", "ðÝþ"),
    ],
)
def test_word_of_another_encoding_is_never_read_as_windows_1252(word: str | bytes, many: int, write: Write) -> None:
    """A letter of Mac Roman, cp850, Latin-9, Cyrillic or of UTF-8 read twice is a doubt, whatever stands around it."""
    clean = CLEAN[:many]
    with pytest.raises(InvalidSource, match=r"cannot be told|nearly all") as caught:
        names(write(listed(*clean, word)))
    assert caught.value.line == 2 + len(clean)


@each(
    ("encoding", "name"),
    [
        *(
            ("cp1254", each)
            for each in [
                "Yılmaz",
                "Aydın",
                "Kılıç",
                "Yıldız",
                "Çınar",
                "Şahin",
                "Ayşe",
                "Doğan",
                "Erdoğan",
                "İbrahim",
                "Avcı",
                "Şen",
                "ALİ",
            ]
        ),
        *(
            ("cp1250", each)
            for each in ["Černý", "Čapek", "Ilić", "Dvořák", "Jiří", "Đorđe", "Anđela", "Ştefan", "Łukasz"]
        ),
    ],
)
def test_names_of_the_east_are_never_read_as_windows_1252(encoding: str, name: str, write: Write) -> None:
    """Turkish and Slavic letters in the places of others are a doubt, whatever names of the west stand around them."""
    clean = [each.encode("cp1252") for each in CLEAN]
    with pytest.raises(InvalidSource, match="cannot be told") as caught:
        names(write(listed(*clean, name.encode(encoding), "Nový")))
    assert caught.value.line == 2 + len(CLEAN)


@pytest.mark.parametrize(("encoding", "end"), [("mac_roman", "\r"), ("mac_roman", "\n"), ("cp850", "\r\n")])
def test_other_encodings_are_told_as_before(encoding: str, end: str, write: Write) -> None:
    """A list of names in Mac Roman or cp850 is read in it, the signs of Windows-1252 notwithstanding."""
    more = [*CLEAN, "ÉLÉONORE", "Jean-François", "Ana"]
    assert names(write(listed(*more, encoding=encoding, end=end))) == (encoding, more)


# As UTF-8 has the names, after they were read as each encoding and saved once more.
TWICE = {
    "Zoé": ("cp1252", "ZoÃ©"),
    "Noël": ("mac_roman", "No√´l"),
    "Inès": ("cp850", "In├¿s"),
    "L’été": ("cp1252", "Lâ€™Ã©tÃ©"),
    "HÉLÈNE": ("cp1252", "HÃ‰LÃˆNE"),
    "Łukasz": ("cp1252", "Å\x81ukasz"),
    "à bientôt": ("cp1252", "Ã\xa0 bientÃ´t"),
    "Cœur": ("cp1252", "CÅ“ur"),
    "10 €": ("cp1252", "10 â‚¬"),
    "Ana 😀": ("cp1252", "Ana ðŸ˜€"),
    "Zo\ufffd": ("cp1252", "Zoï¿½"),
    "Иван": ("cp1252", "Ð˜Ð²Ð°Ð½"),
}


@each("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@each("name", TWICE)
def test_name_that_was_encoded_twice_is_refused_with_both_readings(encoding: str, name: str, write: Write) -> None:
    """A list that reads, and holds names encoded twice, is not sent unless its encoding is said: then as it stands."""
    _, twice = TWICE[name]
    path = write(listed_in(encoding, "Max", "Zoé", twice))
    with pytest.raises(InvalidSource, match="line 4") as caught:
        read_csv(path, phone="mobile", params=["nom"])
    assert caught.value.line == 4
    told = str(caught.value)
    shown, meant = next(each for each in zip(twice.split(" "), name.split(" "), strict=True) if not each[0].isascii())
    assert f"reads {shown!r}" in told
    assert f"most likely {meant!r}" in told
    assert "encoding='utf-" in told
    *_, last = read_csv(path, phone="mobile", params=["nom"], encoding=encoding)
    assert last.params == (twice,)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_letter_that_was_lost_before_is_refused(encoding: str, write: Write) -> None:
    """What an earlier conversion put where it knew no letter is nobody's name."""
    path = write(listed_in(encoding, "Max", "Zo\ufffd"))
    with pytest.raises(InvalidSource, match="line 3") as caught:
        read_csv(path, phone="mobile", params=["nom"])
    assert "lost" in str(caught.value)
    assert "encoding='utf-" in str(caught.value)


def test_wrong_letter_in_a_column_that_nobody_reads_stops_nothing(write: Write) -> None:
    """Only columns that are sent are looked at: a note of somebody is no reason to refuse a list."""
    path = write("mobile;nom;note\n0612345601;Zoé;vue Ã\xa0 Lyon\n0612345602;Max;a\ufffdb\n".encode())
    assert names(path) == ("utf-8-sig", ["Zoé", "Max"])
    with pytest.raises(InvalidSource, match="column 3"):
        read_csv(path, phone="mobile", params=["note"])


@each(
    "name",
    [
        *(
            "«\xa0QUALITÉ\xa0»",
            "«QUALITÉ»",
            "QUALITÉ…",
            "QUALITÉ\xa0: oui",
            "IRMÃ\xa0MARIA",
            "São",
            "JOÃO",
            "L’ÂGE",
            "Â",
            "Île",
        ),
        *(
            "Åse",
            "Ärger",
            "Ñandú",
            "«À»",
            "été…",
            "naïf…",
            "garçon’s",
            "Łukasz",
            "Şahin",
            "Иван",
            "Ωμέγα",
            "Ана», ",
            "Ð",
            "ÅÄÖ",
        ),
        *(
            "日本",
            "Ana 😀",
            "10 €…",
            "√2",
            "1½",
            "Zoé™",
            "Ç’est",
            "É’",
            "à”",
            "“Élodie”",
            "ÉÈ",
            "À–B",
            "ÂÊ",
            "ç…»",
            "«HAï»’",
        ),
    ],
)
@each("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_honest_name_in_utf8_is_never_taken_for_one_encoded_twice(name: str, encoding: str, write: Write) -> None:
    """Letters, quotes and signs of every language are read as they are."""
    path = write(listed_in(encoding, "Max", name.replace(";", "")))
    assert names(path)[1] == ["Max", name]


@pytest.mark.parametrize("name", ["l\x92été", "c\x9cur", "10 \x80"])
def test_controls_in_place_of_letters_are_refused_in_utf8(name: str, write: Write) -> None:
    """Windows-1252 that was read as Latin-1 and saved so is refused with what it was; saying UTF-8 sends it."""
    path = write(listed("Ana", name, encoding="utf-8"))
    meant = name.encode("latin-1").decode("cp1252").removeprefix("10 ")
    with pytest.raises(
        InvalidSource, match=f"read in another encoding before, and was most likely '{meant}'"
    ) as caught:
        names(path)
    assert caught.value.line == 3
    assert [row.params for row in read_csv(path, phone=1, params=[2], header=True, encoding="utf-8")][1] == (name,)


@pytest.mark.parametrize("encoding", ["latin-1", "iso-8859-1", "iso-8859-15"])
def test_latin_1_is_not_believed_of_a_file_of_windows_1252(encoding: str, write: Write) -> None:
    """Bytes that are controls in what a caller says, and signs in Windows-1252, are refused with their line."""
    path = write(listed("Zoé", "l’été"))
    with pytest.raises(InvalidSource, match="Say encoding='cp1252'") as caught:
        read_csv(path, phone="mobile", params=["nom"], encoding=encoding)
    assert caught.value.line == 3
    sound = write(listed("Zoé", "Noël"))
    assert [row.params for row in read_csv(sound, phone="mobile", params=["nom"], encoding=encoding)] == [
        ("Zoé",),
        ("Noël",),
    ]


@pytest.mark.parametrize("encoding", ["klingon", "base64", "a\0b", "\ud800"])
def test_name_that_is_of_no_encoding_is_refused(encoding: str, write: Write) -> None:
    """Whatever a caller says in place of an encoding is refused by the library's own error, half a character too."""
    with pytest.raises(InvalidSource, match="is not known, or not one of files"):
        read_csv(write(listed("Zoé")), phone="mobile", encoding=encoding)
