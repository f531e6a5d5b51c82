"""The flow of a send, written column by column, beside the same written field by field."""

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from allmysms_async import Recipient
from allmysms_async.protocols.form import form
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
@example([Recipient("123456789")], 0, "a number of nine digits has its +")
def test_columns_are_written_as_fields_are(recipients: list[Recipient], dynamic: int, text: str) -> None:
    """Whatever the numbers and the values hold, the body is the same to the byte."""
    operation = SendSms(text, recipients, dynamic=dynamic, campaign_name="soldes", tpoa="MAGASIN", verbose=True)
    by_field = msgspec.json.encode({"DATA": operation.data()})
    assert form({"smsData": operation.flow()}) == form({"smsData": by_field})
