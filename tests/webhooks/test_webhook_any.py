"""Whatever a request holds: no error, the same in any order, and as PHP itself writes it."""

import json
import subprocess
from urllib.parse import quote

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.model import Reply, identity
from allmysms_async.webhooks import parse
from allmysms_async.webhooks.callback import FIELDS, _event
from allmysms_async.webhooks.form import form_of

from .test_webhook_callback import REPLIES, REPLY, REPORTS, typed

fields = st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=12), st.text(max_size=40), max_size=10)


def _written(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in pairs)


@given(st.binary(max_size=400) | st.text(max_size=200), st.binary(max_size=200), st.text(max_size=30))
def test_nothing_is_an_error(query: bytes | str, body: bytes, kind: str) -> None:
    """Whatever comes, there is an event or none, and it has an identity."""
    for method in ("GET", "POST", "HEAD", "ODD"):
        event = parse(query, body, method=method, content_type=kind)
        assert event is None or len(identity(event)) == 16


@given(fields, st.data())
def test_order_and_case_change_nothing(known: dict[str, str], data: st.DataObject) -> None:
    """Fields may come in any order."""
    pairs = list({name.strip().lower(): (name, value) for name, value in known.items()}.values())
    shuffled = data.draw(st.permutations(pairs))
    assert typed(parse(_written(pairs))) == typed(parse(_written(shuffled)))


@given(st.sampled_from([*REPORTS.values(), *REPLIES.values()]), fields)
def test_more_fields_change_nothing(written: bytes, more: dict[str, str]) -> None:
    """Fields that nobody knows, before and behind, leave an event what it is."""
    unknown = [(f"x{name}", value) for name, value in more.items()]
    wrapped = b"&".join([_written(unknown).encode(), written.removeprefix(b"?"), _written(unknown).encode()])
    assert typed(parse(wrapped)) == typed(parse(written))


USUAL = {
    "smsId": ["4fd2e8", "", "%20", "x" * 300, "a+b", "%E9"],
    "smsMoId": ["32154", "", "+"],
    "status": ["0", "1", "5", "6", "1.0", "+1", "", "DELIVRD"],
    "statusText": ["D%C3%A9livr%C3%A9", "D%E9livr%E9", "", "+", "%", "x" * 300],
    "receptionDate": ["2017-02-19+11%3A40%3A35", "2017-02-19 11:40:35", "0000-00-00", "", "2026-10-25+02%3A30%3A00"],
    "phoneNumber": ["33612345678", "33690123456", "33712345678", "0612345678", "%2B33612345678", "", "x"],
    "campaignId": ["ap_284x", "", "+ap+"],
    "message": ["R%C3%A9ponse+1", "", "STOP", "%", "+"],
    "statut": ["1"],
    "x&": [""],
}
usual = st.sampled_from([(name, value) for name, values in USUAL.items() for value in values])


@given(st.lists(usual, max_size=10, unique_by=lambda pair: pair[0]) | st.lists(usual, max_size=10))
def test_usual_request_is_read_as_with_care(pairs: list[tuple[str, str]]) -> None:
    """What is read by the short way is the very event that the careful one reads, with the same fields as they came."""
    written = "&".join(f"{name}={value}" for name, value in pairs).encode()
    careful = _event(form_of(written))
    assert repr(msgspec.to_builtins(parse(written))) == repr(msgspec.to_builtins(careful))
    assert type(parse(written)) is type(careful)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_text_comes_back_whole(text: str) -> None:
    """Any text that PHP may have escaped comes back as it was."""
    event = parse(f"phoneNumber=33612345678&smsMoId=1&message={quote(text, safe='')}")
    assert isinstance(event, Reply)
    assert event.text == text


PHP = """
$fields = ["smsId" => "4fd2e8", "smsMoId" => 32154, "receptionDate" => "2017-02-19 11:40:35",
    "phoneNumber" => "33612345678", "campaignId" => "ap_284x", "message" => "Réponse 1"];
$latin = array_map(fn($one) => iconv("UTF-8", "CP1252", $one), $fields);
$by_hand = fn($escape, $fields) => implode("&", array_map(fn($name) => $name . "=" . $escape($fields[$name]),
    array_keys($fields)));
echo json_encode([http_build_query($fields), http_build_query($fields, "", "&amp;"),
    http_build_query($fields, "", "&", PHP_QUERY_RFC3986), $by_hand("urlencode", $fields),
    $by_hand("rawurlencode", $fields), http_build_query($latin), $by_hand("rawurlencode", $latin)]);
"""


def test_what_php_writes_is_read(php: str) -> None:
    """The query strings that PHP itself writes, in UTF-8 and in Windows-1252, are one answer."""
    ended = subprocess.run([php, "-r", PHP], capture_output=True, timeout=280, check=True)
    written = json.loads(ended.stdout)
    assert len(written) == 7
    assert [typed(parse(each)) for each in written] == [REPLY] * 7
