"""Form fields as a body: nothing changed, nothing unsafe."""

from urllib.parse import parse_qs, parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.protocols.form import form

SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%+&=")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@given(values=st.dictionaries(st.sampled_from(["message", "mobile", "smsData", "tpoa"]), TEXTS, min_size=1))
def test_form_is_read_back_as_it_was(values: dict[str, str]) -> None:
    """Any text comes out of another parser unchanged, and as another encoder's form does."""
    body = form(dict(values))
    assert parse_qs(body.decode("ascii"), keep_blank_values=True) == {name: [text] for name, text in values.items()}
    assert parse_qsl(body.decode(), keep_blank_values=True) == parse_qsl(urlencode(values), keep_blank_values=True)


@given(text=TEXTS, raw=st.binary())
def test_form_holds_only_safe_bytes(text: str, raw: bytes) -> None:
    """Nothing but unreserved bytes and escapes is written, so no value can begin another field."""
    body = form({"message": text, "smsData": raw})
    assert set(body) <= SAFE
    assert (body.count(b"&"), body.count(b"=")) == (1, 2)
