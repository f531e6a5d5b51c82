"""The requests that the sandbox shows, without what a client sent as a key."""

import time

from allmysms_async.sandbox.inbox import RequestLog
from tests.cases import each

KEY = 'demo-"k<é&y'


def shown(body: bytes, *, path: str = "/") -> tuple[str, str]:
    """Return the path and the body of a request as they are shown."""
    log = RequestLog()
    log.note(0.0, "POST", path, "", "", body, 200, b"")
    (told,) = log.latest([KEY, ""])
    return told["path"], told["body"]


@each(
    ("body", "expected"),
    [
        ("login=a&apiKey=4821&x=1", "login=a&apiKey=•••&x=1"),
        ("passcode=4821", "passcode=•••"),
        ('{"pass":"4821","x":1}', '{"pass":"•••","x":1}'),
        ("{'pass' : '4821'}", "{'pass' : '•••'}"),
        ('{"pass":"48\\"21"}', '{"pass":"•••"}'),
        ('{"pass":"48\\\n21"}', '{"pass":"•••"}'),
        ('{"pass":"4821\\', '{"pass":"•••'),
        ('{"pass":"4821', '{"pass":"•••'),
        ('{"pass":4821}', '{"pass":•••}'),
        ('{"x":"{\\"apiKey\\":\\"4821\\"}"}', '{"x":"{\\"apiKey\\":\\"•••\\"}"}'),
        ("x=%7B%22apiKey%22%3A%224821%22%7D", "x=%7B%22apiKey%22%3A%22•••%22%7D"),
        ("<a:clientpass x='1'>4821</a:clientpass>", "<a:clientpass x='1'>•••</a:clientpass>"),
        ("<userPass>4821", "<userPass>•••"),
        ("<pass><![CDATA[4821]]></pass><x>1</x>", "<pass>•••</pass><x>1</x>"),
        ("<pass><![CDATA[4821", "<pass>•••"),
        ('<a pass="4821" x="1"/>', '<a pass="•••" x="1"/>'),
        ('form-data; name="pass"\r\nX: y\r\n\r\n4821\r\n--x', 'form-data; name="pass"\r\nX: y\r\n\r\n•••\r\n--x'),
        ("<passage>4821</passage>", "<passage>4821</passage>"),
        ("message=Votre code est 4821", "message=Votre code est 4821"),
    ],
)
def test_what_is_sent_as_a_key_is_hidden(body: str, expected: str) -> None:
    """Whatever its value is, its name tells it, in each form that a client may write; nothing else is hidden."""
    assert shown(body.encode())[1] == expected


@each(
    "form",
    [
        KEY,
        "demo-%22k%3C%C3%A9%26y",
        "demo-%22k%3c%c3%a9%26y",
        'demo-\\"k<é&y',
        'demo-\\"k<\\u00e9&y',
        'demo-"k&lt;é&amp;y',
        "demo-&quot;k&lt;é&amp;y",
    ],
)
def test_known_key_is_hidden_wherever_it_stands(form: str) -> None:
    """One of the sandbox's own keys is hidden under any name, as a form, JSON or XML writes it."""
    assert shown(f"x: {form}.".encode())[1] == "x: •••."


@each("before", range(4070, 4100))
def test_half_of_a_key_is_not_shown(before: int) -> None:
    """Where a long body is cut, no half of a key is left."""
    path, body = shown(b"x" * before + KEY.encode() + b"y" * 9000, path="/" + "x" * before + KEY)
    assert len(body) <= 4096
    assert "demo" not in body.partition("•")[0]
    assert "demo" not in path.partition("•")[0]


@each(
    "unit",
    ["<pass", "&pass", '"pass":"', '"', "\\", '"pass":', "name=pass", 'pass="', "%22pass%22%3A%22", "<![CDATA[", " "],
)
def test_no_body_is_slow_to_look_through(unit: str) -> None:
    """Bodies that are made to be slow take about as long as any others."""
    log = RequestLog()
    for _ in range(5):
        log.note(0.0, "POST", unit * 20_000, "", "", unit.encode() * 20_000, 200, b"")
    began = time.process_time()
    assert sum(1 for _ in log.latest([KEY])) == 5
    assert time.process_time() - began < 5  # it takes some hundredths of a second
