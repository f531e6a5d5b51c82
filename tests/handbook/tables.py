"""The tables of the handbook, each rendered from the code: ``python tests/handbook/tables.py`` writes them anew."""

import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import click

import allmysms_async
from allmysms_async import EnvoyerSmsProBackend, Mail2SmsBackend, MmsBackend, RestBackend, SoapBackend
from allmysms_async.backend import CAPABILITIES, Backend
from allmysms_async.cli.command import allmysms
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.handbook import FOLDER
from allmysms_async.model import Reason
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.sandbox import FAULTS

PACKAGE = Path(allmysms_async.__file__).parent
BACKENDS: dict[str, Backend] = {
    "rest": RestBackend("demo", "key"),
    "soap": SoapBackend("demo", "pass"),
    "mail2sms": Mail2SmsBackend("demo", "key", mail_from="sms@shop.example", hostname="smtp.shop.example"),
    "mms": MmsBackend("demo", "key"),
    "envoyersmspro": EnvoyerSmsProBackend("demo", "key"),
}
REPLAY = {"safe": "yes", "key": "with its key", "never": "never"}
REASONS = {
    Reason.EMPTY: "the row holds no number",
    Reason.MALFORMED: "it is no number",
    Reason.AMBIGUOUS: "it may be of several countries",
    Reason.LAND_LINE: "no mobile number",
    Reason.OUTSIDE_FRANCE: "the protocol reaches metropolitan France alone",
    Reason.WRONG_WIDTH: "the row is not as wide as the header",
    Reason.DUPLICATE: "the source held the number before",
    Reason.DUPLICATE_AT_GATEWAY: "the gateway had just taken an identical request; whose, nobody can tell",
    Reason.MISSING_PARAM: "a placeholder has no value",
    Reason.INVALID_PARAM: "a value is no text and no figure, or holds what no text can hold",
    Reason.TEXT_TOO_LONG: "the expanded text is longer than the protocol takes",
    Reason.NEEDS_UNICODE: "the expanded text has characters that GSM-7 lacks, and the message or the protocol wants it",
    Reason.OPTED_OUT: "the person answered STOP",
    Reason.UNASSIGNED: "the gateway knows that nobody has the number",
    Reason.MANUAL_BLACKLIST: "the number was put on the gateway's list by hand",
    Reason.INVALID_AT_GATEWAY: "the gateway takes it for no number",
    Reason.MISSING_STOP: "in France, and the marketing text has a sender and does not say how to opt out",
    Reason.QUIET_HOURS: "marketing, and it was the quiet hours of the person's zone when the campaign began",
    Reason.GATEWAY_REFUSED: "the gateway refused, without one of these reasons",
    Reason.NOT_CONFIRMED: "the answer says nothing of it (unknown, not rejected)",
}
CODES = {
    ExitCode.ALL_ACCEPTED: "everybody accepted, or done",
    ExitCode.SOME_NOT: "some not, or the gateway refused",
    ExitCode.BAD_USAGE: "bad usage: an option, a number, a text or a file cannot be right; nothing was sent",
    ExitCode.STOPPED: "stopped: credits, login, permission, quiet hours, the journal, Ctrl-C",
    ExitCode.NOT_WRITTEN: "a file that was asked for could not be written",
    ExitCode.DEFECT: "a defect of the program; report it",
}
VARIABLES = {
    "ALLMYSMS_API_KEY": "the account's API key",
    "ALLMYSMS_BASE_URL": "another server, such as a sandbox's; the gateway's own by default",
    "ALLMYSMS_DEBUG": "`1`: the command line shows where an unexpected error happened",
    "ALLMYSMS_IMAP_PASSWORD": "the password of `mails read --imap`",
    "ALLMYSMS_JOURNAL": "the journal of the command line, where none is named",
    "ALLMYSMS_LOGIN": "the account's login",
    "ALLMYSMS_PROFILE": "the profile of the command line, where `--profile` names none",
    "ALLMYSMS_WEBHOOK_TOKEN": "the token of `webhooks listen`; drawn where there is none",
}
EXTRAS = {
    "aiohttp": "`AiohttpTransport`, and receivers in aiohttp",
    "cli": "the command line, with journal, sandbox and a server for webhooks",
    "envoyersmspro": "nothing more: the name stays for whoever installs by it",
    "fastapi": "receivers as a router of FastAPI",
    "imap": "mailboxes over IMAP",
    "journal": "journals in SQLite",
    "keyring": "keys of profiles in the system's keyring",
    "numbers": "numbers of other countries, read as they are written there, and checked",
    "otel": "spans and metrics of OpenTelemetry",
    "postgres": "journals in PostgreSQL",
    "runner": "workers on many machines, on one PostgreSQL",
    "sandbox": "the gateway that runs on your machine",
    "testing": "the plugin of pytest, with the sandbox",
    "webhooks": "a server for receivers",
    "xlsx": "spreadsheets' own files",
}


def methods(api: RestApi) -> list[tuple[int, str, Operation[Any] | type[Operation[Any]]]]:
    """Return section, Python name and class of every operation, in the order of the manual."""
    found: list[tuple[int, str, Any]] = []
    for group, resource in vars(api).items():
        if isinstance(resource, Resource):
            for name, method in vars(type(resource)).items():
                if isinstance(method, Method):
                    kind: Any = method.operation
                    section = re.search(r"Source: HTTPS API v9, §(\d+)", kind.__doc__)
                    assert section, kind
                    found.append((int(section[1]), f"{group}.{name}", kind))
    return sorted(found, key=lambda entry: entry[0])


def _methods() -> str:
    rows = []
    for section, name, kind in methods(RestBackend("demo", "key").api):
        what = str(kind.__doc__).split("\n")[0].split("; ")[0].split(", in one attempt")[0].rstrip(".")
        rows.append((str(section), f"`{kind.name}`", f"`{name}`", what, REPLAY[kind.replay]))
    return table(("§", "method", "`api.`", "what it does", "repeated by `sms.call`"), rows)


def _capabilities() -> str:
    rows = [
        (words, *("yes" if isinstance(backend, capability) else "-" for backend in BACKENDS.values()))
        for capability, (words, _) in CAPABILITIES.items()
    ]
    return table(("", *BACKENDS), rows)


def _reasons() -> str:
    return table(("reason", "what it means"), [(f"`{reason.value}`", REASONS[reason]) for reason in Reason])


def _exit_codes() -> str:
    return table(("code", "what it means"), [(str(code.value), CODES[code]) for code in ExitCode])


def _environment() -> str:
    return table(("variable", "what it is"), [(f"`{name}`", words) for name, words in sorted(VARIABLES.items())])


def _faults() -> str:
    return table(("fault", "what happens"), [(f"`{name}`", words) for name, words in FAULTS.items()])


def _extras() -> str:
    rows = [(f"`{name}`", words) for name, words in EXTRAS.items()]
    return table(("extra", "what it brings"), rows)


def commands(command: click.Command = allmysms, name: str = "allmysms") -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, by its whole name."""
    if isinstance(command, click.Group):
        for word, each in command.commands.items():
            yield from commands(each, f"{name} {word}")
    else:
        yield name, command


def _commands() -> str:
    rows = []
    for name, command in sorted(commands()):
        takes = " ".join(
            each.make_metavar(click.Context(command)) for each in command.params if each.param_type_name == "argument"
        )
        rows.append((f"`{name}{f' {takes}' if takes else ''}`", _sentence(command.help or "")))
    return table(("command", "what it does"), rows)


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "methods": ("reference/methods.md", _methods),
    "capabilities": ("reference/capabilities.md", _capabilities),
    "reasons": ("reference/reasons.md", _reasons),
    "exit-codes": ("reference/command-line.md", _exit_codes),
    "commands": ("reference/command-line.md", _commands),
    "environment": ("reference/environment.md", _environment),
    "faults": ("reference/faults.md", _faults),
    "extras": ("reference/extras.md", _extras),
}
"""Each table's page, and what renders it."""


def written(name: str, text: str) -> str:
    """Return what a page has between a table's marks."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    assert begin in text
    return text.partition(begin)[2].partition(end)[0].strip()


def variables_of_the_source() -> set[str]:
    """Return every variable that the package's source names."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" not in path.parts:
            found |= set(re.findall(r'"(ALLMYSMS_[A-Z_]+)"', path.read_text(encoding="utf-8")))
    return found


def extras_of_the_package() -> set[str]:
    """Return the extras that are declared."""
    return set(metadata.metadata("allmysms_async").get_all("Provides-Extra") or ())


if __name__ == "__main__":
    for name, (page, render) in TABLES.items():
        path = FOLDER / page
        text = path.read_text(encoding="utf-8")
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        path.write_text(
            f"{text.partition(begin)[0]}{begin}\n{render()}\n{end}{text.partition(end)[2]}", encoding="utf-8"
        )
