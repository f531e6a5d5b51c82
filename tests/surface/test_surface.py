"""Whatever callers give, the public surface answers with a typed error that has a remedy, or takes it."""

import codecs
import encodings.aliases
import enum
import inspect
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import allmysms_async
from allmysms_async import (
    AllMySmsError,
    Campaign,
    EnvoyerSmsProBackend,
    InvalidRequest,
    InvalidSource,
    InvalidText,
    Mail2SmsBackend,
    MmsBackend,
    MmsMessage,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
    SoapBackend,
    canonical_number,
    measure,
    parse_error_reply,
    read_csv,
    read_xlsx,
)
from allmysms_async.errors import InvalidSchedule
from tests.cases import each

NUMBER = "0612345678"
MAIL = {"mail_from": "a@example.com", "hostname": "127.0.0.1", "security": "plain", "port": 1}
BACKENDS: dict[type[Any], dict[str, Any]] = {
    RestBackend: {"login": "demo", "api_key": "k", "base_url": "http://127.0.0.1:1"},
    SoapBackend: {"login": "demo", "passcode": "k", "endpoint": "http://127.0.0.1:1/"},
    MmsBackend: {"login": "demo", "password": "k", "base_url": "http://127.0.0.1:1"},
    EnvoyerSmsProBackend: {"login": "demo", "password": "k", "base_url": "http://127.0.0.1:1"},
    Mail2SmsBackend: {"login": "demo", "api_key": "k", **MAIL},
}


class Refused:
    """A transport that must not be reached."""

    async def send(self, request: Any) -> Any:
        """Fail the test."""
        raise AssertionError(request)

    async def aclose(self) -> None:
        """Do nothing."""


def service() -> SmsService:
    """Return a service whose requests fail the test: what is wrong is refused before anything is sent."""
    return SmsService(RestBackend("demo", "k", transport=Refused()), send_policy=RetryPolicy(attempts=1))


class OddZone(tzinfo):
    """A time zone that raises what it likes."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Fail."""
        raise RuntimeError("no zone")


class Text(str):
    """A text of another class."""

    __slots__ = ()


class Choice(enum.StrEnum):
    """A text that is an enumeration's."""

    A = NUMBER


async def numbers() -> AsyncIterator[str]:
    """Give a number later."""
    yield NUMBER


def timed(when: Any) -> SmsMessage:
    """Return a message for a moment."""
    return SmsMessage("Bonjour", send_at=when)


MESSAGES: dict[str, Any] = {
    "None": None,
    "figure": 4821,
    "bytes": b"Bonjour",
    "empty": "",
    "half of a character": "a\ud800",
    "text None": SmsMessage(None),  # type: ignore[arg-type]
    "text figure": SmsMessage(4821),  # type: ignore[arg-type]
    "mms None": MmsMessage(text=None),  # type: ignore[arg-type]
    "naive": timed(datetime(2100, 1, 1)),  # noqa: DTZ001, RUF100
    "max": timed(datetime.max),
    "max UTC": timed(datetime.max.replace(tzinfo=UTC)),
    "max west": timed(datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))),
    "min": timed(datetime.min.replace(tzinfo=UTC)),
    "odd zone": timed(datetime(2100, 1, 1, tzinfo=OddZone())),
    "date": timed(date(2100, 1, 1)),
    "text for a date": timed("2100-01-01"),
    "sender": SmsMessage("x", sender=5),  # type: ignore[arg-type]
    "purpose": SmsMessage("x", purpose=[]),  # type: ignore[arg-type]
    "encoding": SmsMessage("x", encoding=None),  # type: ignore[arg-type]
    "reference": SmsMessage("x", reference=5),  # type: ignore[arg-type]
    "priority": SmsMessage("x", priority="no"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
async def test_a_message_that_is_none_is_a_typed_error(message: Any) -> None:
    """By ``send``, ``simulate`` and ``run``, before anything is sent; a date is InvalidSchedule."""
    one = service()
    calls: list[Callable[[], Any]] = [
        lambda: one.send(message, NUMBER),
        lambda: one.simulate(message, NUMBER),
        lambda: one.run(Campaign("soldes", message, [NUMBER])),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest) as caught:
            await call()
        assert str(caught.value).endswith(".")
        if isinstance(message, SmsMessage) and message.send_at is not None:
            assert isinstance(caught.value, InvalidSchedule)


RECIPIENTS: dict[str, Any] = {
    "None": None,
    "bytes": b"0612345678",
    "figure": 612345678,
    "nested": [[NUMBER]],
    "later": numbers(),
    "figures": [612345678],
    "nobody": [None],
    "no end": iter(lambda: NUMBER, None),
    "phone figure": Recipient(612345678),  # type: ignore[arg-type]
    "phone None": Recipient(None),  # type: ignore[arg-type]
    "params None": Recipient(NUMBER, None),  # type: ignore[arg-type]
    "params text": Recipient(NUMBER, "abc"),  # type: ignore[arg-type]
    "param None": Recipient(NUMBER, (None,)),  # type: ignore[arg-type]
    "param float": Recipient(NUMBER, (1.5,)),  # type: ignore[arg-type]
    "param bool": Recipient(NUMBER, (True,)),
    "param bytes": Recipient(NUMBER, (b"x",)),  # type: ignore[arg-type]
    "param half": Recipient(NUMBER, ("\ud800",)),
    "param missing": Recipient(NUMBER),
}


@pytest.mark.parametrize("to", RECIPIENTS.values(), ids=RECIPIENTS)
async def test_recipients_that_are_none_are_a_typed_error(to: Any) -> None:
    """Whatever ``to`` is, nothing is sent to what is no number, and a list without an end is not read to its end."""
    with pytest.raises(InvalidRequest) as caught:
        await service().send("Bonjour #param_1#", to)
    assert "612345678" not in str(caught.value)


async def test_a_parameter_that_is_no_text_is_named() -> None:
    """The error says which recipient, which parameter, and of what type it is."""
    rows = [Recipient("0612345677", ("a", 1)), Recipient(NUMBER, ("a", 1.5))]  # type: ignore[arg-type]
    with pytest.raises(InvalidText, match=r"Recipient 2 \(336\*\*\*\*78\): #param_2# is of the type float") as caught:
        await service().send("#param_1# #param_2#", rows)
    assert caught.value.reason == "invalid_param"


@pytest.mark.parametrize("to", [Text(NUMBER), Choice.A, [Choice.A], (Text(NUMBER),)], ids=repr)
async def test_a_text_of_another_class_is_a_text(to: Any) -> None:
    """Subclasses of str, and members of an enumeration of texts, are taken as the texts that they are."""
    with pytest.raises(AssertionError):  # it reached the transport
        await service().send(Text("Bonjour"), to)


OPTIONS: dict[str, dict[str, Any]] = {
    "chunk_size": {"chunk_size": "x"},
    "chunk_size 0": {"chunk_size": 0},
    "concurrency": {"concurrency": math.nan},
    "max_cost": {"max_cost": 1.5},
    "max_cost nan": {"max_cost": Decimal("nan")},
    "max_parts": {"max_parts": "x"},
    "max_failure_rate": {"max_failure_rate": math.nan},
    "max_duration": {"max_duration": math.inf},
    "lease": {"lease": math.nan},
    "journal figure": {"journal": 5},
    "journal bytes": {"journal": b"a.db"},
    "journal NUL": {"journal": "a\0"},
    "journal long": {"journal": "a" * 5000},
    "journal empty": {"journal": ""},
    "unknown": {"max_part": 5},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
async def test_an_option_that_cannot_be_right_is_a_typed_error(options: dict[str, Any]) -> None:
    """An option of a campaign that is of another type, out of its range or unknown is refused before the first row."""

    def untouched() -> Any:
        raise AssertionError
        yield

    with pytest.raises(AllMySmsError):
        await service().run(Campaign("soldes", SmsMessage("x", purpose="otp"), untouched()), **options)


CALLS: dict[str, Callable[[SmsService], Any]] = {
    "call text": lambda one: one.call("x"),  # type: ignore[arg-type]
    "call None": lambda one: one.call(None),  # type: ignore[arg-type]
    "cancel": lambda one: one.cancel(5),  # type: ignore[arg-type]
    "reports": lambda one: one.delivery_reports(None),  # type: ignore[arg-type]
    "report": lambda one: one.delivery_report(b"x"),  # type: ignore[arg-type]
    "opt-out": lambda one: one.remove_opt_out(5),  # type: ignore[arg-type]
    "sub-account": lambda one: one.create_sub_account("x"),  # type: ignore[arg-type]
    "list": lambda one: one.populate_list(5, [NUMBER]),  # type: ignore[arg-type]
    "list size": lambda one: one.populate_list("l", [NUMBER], chunk_size="x"),  # type: ignore[arg-type]
    "list rows": lambda one: one.populate_list("l", 5),  # type: ignore[arg-type]
    "run None": lambda one: one.run(None),  # type: ignore[arg-type]
    "run text": lambda one: one.run("x"),  # type: ignore[arg-type]
    "resume None": lambda one: one.resume(None),  # type: ignore[arg-type]
    "resume NUL": lambda one: one.resume("a\0b"),
    "resume nothing": lambda one: one.resume("/nowhere/at/all.db"),
    "key": lambda one: one.send("x", NUMBER, idempotency_key=5),  # type: ignore[arg-type]
    "name": lambda one: one.send("x", NUMBER, name=5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_an_argument_of_another_type_is_a_typed_error(call: Callable[[SmsService], Any]) -> None:
    """Every method of the service refuses what it cannot take by an error of the library."""
    with pytest.raises(AllMySmsError):
        await call(service())


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)), ("x", 5)],
)
def test_a_period_that_no_calendar_has_is_a_typed_error(start: Any, end: Any) -> None:
    """The period of earlier sends is two moments that every time zone has."""
    with pytest.raises(InvalidRequest):
        service().campaigns(start, end)


# -- constructors -----------------------------------------------------------------------------------------------------

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.binary(max_size=10),
    st.sampled_from(
        [
            "",
            "a\r\nb",
            "a\0b",
            "é",
            "\ud800",
            "http://[",
            "http://a:99999",
            "ftp://x",
            "https://u:p@h",
            "x" * 70_000,
            "../x",
        ]
    ),
    st.sampled_from([math.nan, math.inf, -math.inf, -1, 0, 10**400, Decimal("nan"), 1j, object(), type, print, ...]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
)
FUZZ = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
# What writes files where it is told to, is tried with what is no path.
_NO_FILES = {"limit_path"}


@pytest.mark.parametrize("kind", BACKENDS, ids=lambda kind: kind.__name__)
@FUZZ
@given(data=st.data())
def test_a_backend_takes_its_arguments_or_refuses_them_by_a_typed_error(kind: type[Any], data: st.DataObject) -> None:
    """Whatever one or two arguments of a constructor are, only an error of the library comes out."""
    names = [name for name in inspect.signature(kind).parameters if name not in _NO_FILES]
    wrong = data.draw(st.dictionaries(st.sampled_from(names), JUNK, min_size=1, max_size=2))
    try:
        kind(**BACKENDS[kind] | wrong)
    except AllMySmsError as error:
        assert str(error).endswith(".")  # noqa: PT017  # what comes out is looked at, if anything does


@pytest.mark.filterwarnings("ignore:The password travels in clear:UserWarning")
@FUZZ
@given(data=st.data())
def test_a_service_and_a_policy_take_their_arguments_or_refuse_them(data: st.DataObject) -> None:
    """The same for the service and for how long it keeps trying."""
    for kind, given_too in (
        (SmsService, {"backend": RestBackend("demo", "k", transport=Refused())}),
        (RetryPolicy, {}),
    ):
        names = list(inspect.signature(kind).parameters)
        wrong = data.draw(st.dictionaries(st.sampled_from(names), JUNK, min_size=1, max_size=2))
        try:
            kind(**given_too | wrong)
        except AllMySmsError as error:
            assert str(error).endswith(".")  # noqa: PT017


# What is fuzzed by name: structs hold what they are given, and are looked at when they are sent.
FUNCTIONS: dict[str, Callable[[Any], object]] = {
    "canonical_number": canonical_number,
    "measure": measure,
    "parse_error_reply": parse_error_reply,
    "mask": lambda value: repr(Recipient(value)) if isinstance(value, str) else None,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@FUZZ
@given(value=JUNK)
def test_a_function_takes_its_argument_or_refuses_it(function: Callable[[Any], object], value: Any) -> None:
    """The same for the functions that the library exports."""
    try:
        function(value)
    except AllMySmsError as error:
        assert str(error).endswith(".")  # noqa: PT017


@settings(FUZZ, max_examples=60)
@given(data=st.data())
async def test_a_service_takes_a_message_and_recipients_or_refuses_them(data: st.DataObject) -> None:
    """Whatever the fields of a message and of its recipients are, nothing untyped comes out of ``send``."""
    fields = data.draw(st.dictionaries(st.sampled_from(SmsMessage.__struct_fields__), JUNK, max_size=3))
    message = SmsMessage(**{"text": "Bonjour #param_1#"} | fields)
    to = data.draw(st.one_of(JUNK, st.builds(Recipient, JUNK, st.one_of(JUNK, st.tuples(JUNK)), JUNK)))
    try:
        await service().send(message, to)
    except AllMySmsError as error:
        assert str(error).endswith(".")  # noqa: PT017
    except AssertionError as error:
        assert "HttpRequest" in str(error)  # noqa: PT017  # it was taken, and reached the transport


def test_every_public_name_can_be_told_apart() -> None:
    """Each name that the library exports is a struct, an error, an enumeration, a protocol, or fuzzed here."""
    fuzzed = (
        {kind.__name__ for kind in BACKENDS} | FUNCTIONS.keys() | {"SmsService", "RetryPolicy", "read_csv", "read_xlsx"}
    )
    fuzzed |= {"CampaignRun", "HttpTransport", "RunOptions", "Secret"}  # made by the others, or hold what they get
    for name in allmysms_async.__all__:
        value = getattr(allmysms_async, name)
        plain = isinstance(value, type) and (
            issubclass(value, BaseException | enum.Enum) or hasattr(value, "__struct_fields__")
        )
        assert plain or name in fuzzed, name


# -- files ------------------------------------------------------------------------------------------------------------

PATHS = ["/nowhere", "a" * 5000, "a" * 300, "a\0b", "", 5, None, b"x", "/", "\ud800", 3.5, -1]


@each("path", PATHS, ids=lambda path: repr(path)[:12])
def test_a_path_that_no_file_has_is_a_typed_error(path: Any) -> None:
    """A name that is too long, holds a NUL, is a folder's or no text at all is refused."""
    with pytest.raises(InvalidRequest):
        list(read_csv(path))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of one recipient."""
    path = tmp_path / "clients.csv"
    path.write_bytes(b"phone;name\n0612345678;Anne\n")
    return path


ENCODINGS = sorted({*encodings.aliases.aliases.values(), "utf-16", "undefined", "nothing", "a\0", "", "x" * 9999})


@pytest.mark.parametrize("name", ENCODINGS, ids=lambda name: repr(name)[:20])
def test_an_encoding_that_python_knows_is_read_or_refused(table: Path, name: str) -> None:
    """Encodings that are of no text (``base64``, ``rot13``), of no file (``idna``), or of another file are refused."""
    try:
        rows = list(read_csv(table, phone=1, header=True, encoding=name))
    except InvalidRequest as error:
        assert str(error).endswith(".")  # noqa: PT017
        return
    assert len(rows) <= 1
    assert not name or codecs.lookup(name)


@pytest.mark.parametrize("name", ["base64", "rot13", "hex", "punycode", "idna", "undefined", "zlib", "unicode_escape"])
def test_an_encoding_of_no_text_is_refused(table: Path, name: str) -> None:
    """What Python calls an encoding and no file of texts has is refused, with what to say in its place."""
    with pytest.raises(InvalidSource, match="utf-8 or cp1252"):
        read_csv(table, encoding=name)


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_a_file_without_its_mark_names_the_remedy(tmp_path: Path, name: str) -> None:
    """UTF-16 without the mark that tells its order of bytes names the encodings that need none."""
    path = tmp_path / "clients.csv"
    path.write_bytes("0612345678\n".encode(f"{name}-be"))
    with pytest.raises(InvalidSource, match=f"{name}-le"):
        list(read_csv(path, encoding=name))


@FUZZ
@given(data=st.data(), content=st.binary(max_size=200))
def test_any_bytes_and_any_arguments_are_read_or_refused(tmp_path: Path, data: st.DataObject, content: bytes) -> None:
    """Whatever is in a file, and whatever is said of it, rows or a typed error come out."""
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    names = ["phone", "params", "encoding", "separator", "header", "short_rows", "default_country", "check_numbers"]
    columns = st.one_of(st.integers(-1, 5), st.text(max_size=3))
    usual = st.one_of(
        JUNK, columns, st.lists(columns, max_size=3), st.sampled_from([";", ",", "\t", "utf-16", "cp1252"])
    )
    options = data.draw(st.dictionaries(st.sampled_from(names), usual, max_size=3))
    try:
        for row in read_csv(path, **options):
            assert isinstance(row, Recipient)
    except InvalidRequest as error:
        assert str(error).endswith(".")  # noqa: PT017


SHEET = Path(__file__).parent.parent / "samples" / "source" / "libreoffice" / "clients.xlsx"


@each("path", PATHS, ids=lambda path: repr(path)[:12])
def test_a_path_that_no_sheet_has_is_a_typed_error(path: Any) -> None:
    """What is refused as the path of a CSV file is refused as that of a spreadsheet."""
    with pytest.raises(InvalidRequest):
        list(read_xlsx(path))


@FUZZ
@given(data=st.data(), content=st.binary(max_size=200))
def test_any_sheet_and_any_arguments_are_read_or_refused(tmp_path: Path, data: st.DataObject, content: bytes) -> None:
    """Whatever is said of a spreadsheet, or is none, rows or a typed error come out."""
    path = tmp_path / "any.xlsx"
    path.write_bytes(content)
    names = ["phone", "params", "sheet", "header", "default_country", "check_numbers"]
    columns = st.one_of(st.integers(-1, 5), st.text(max_size=3))
    usual = st.one_of(JUNK, columns, st.lists(columns, max_size=3), st.sampled_from(["be", "FR"]))
    options = data.draw(st.dictionaries(st.sampled_from(names), usual, max_size=3))
    try:
        for row in read_xlsx(data.draw(st.sampled_from([SHEET, path])), **options):
            assert isinstance(row, Recipient)
    except InvalidRequest as error:
        assert str(error).endswith(".")  # noqa: PT017
