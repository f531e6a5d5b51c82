"""The flow of a send, written column by column, beside the same written field by field."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allmysms_async import Recipient
from allmysms_async.model import People
from allmysms_async.protocols.form import Quoted, form
from allmysms_async.protocols.rest.sms import SendSms

numbers = st.one_of(
    st.from_regex(r"33[67][0-9]{8}", fullmatch=True),
    st.from_regex(r"[0-9]{8,15}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
values = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=3).map(tuple)
people = st.lists(st.builds(Recipient, numbers, values), max_size=4)


@given(people, st.integers(0, 3), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@example([Recipient("33612345678"), Recipient("33698765432")], 0, "Soldes, -20 % \u20ac")
@example([Recipient("33612345678", ("Zo\u00e9", '"')), Recipient("123456789", ("a", "b"))], 2, "#param_1# #param_2#")
@example([Recipient("33612345678", (5,)), Recipient("33698765432", ("a",))], 1, "a figure")  # type: ignore[arg-type]
@example([Recipient("123456789")], 0, "a number of nine digits has its +")
def test_columns_are_written_as_fields_are(recipients: list[Recipient], dynamic: int, text: str) -> None:
    """Whatever the numbers and the values hold, the body is the same to the byte."""
    operation = SendSms(text, recipients, dynamic=dynamic, campaign_name="soldes", tpoa="MAGASIN", verbose=True)
    by_field = msgspec.json.encode({"DATA": operation.data()})
    assert form({"smsData": operation.flow()}) == form({"smsData": by_field})


texts = st.one_of(
    st.sampled_from(["", "Ana", "Jean-Luc", "Zo\u00e9", ",", '","', "a\\", '"', "%22", "\n"]), st.text(max_size=3)
)


# Escaped, the quote of one stands where a text ends.
@example([("33612345678", 'a",'), ("33698765432", "b")])
@given(st.integers(0, 3).flatmap(lambda count: st.lists(st.tuples(numbers, *[texts] * count), min_size=1, max_size=5)))
def test_people_in_columns_are_written_as_fields_are(rows: list[tuple[str, ...]]) -> None:
    """Numbers and values that are columns from the list on make the same body, of separators and escapes alone too."""
    phones, *columns = map(list, zip(*rows, strict=True))
    people = People(phones, [None] * len(rows), columns)
    operation = SendSms("Bonjour", people, dynamic=len(columns))
    try:
        by_field = msgspec.json.encode({"DATA": operation.data()})
    except (UnicodeEncodeError, msgspec.EncodeError):  # half of a character
        with pytest.raises((UnicodeEncodeError, msgspec.EncodeError)):
            operation.flow()
        return
    assert form({"smsData": operation.flow()}) == form({"smsData": by_field})
    assert len(columns) == operation.dynamic
    assert isinstance(operation.flow(), Quoted) or any("\\" in str(msgspec.json.encode(row)) for row in rows)
