"""Misbehaviour on demand: what may go wrong, when, and how often."""

import math
import random
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

__all__ = ["FAULTS", "ControlError", "Fault", "FaultBook"]

FAULTS: Final[Mapping[str, str]] = {
    "latency": "wait `seconds`, then go on as usual",
    "reset_before": "reset the connection; nothing happened",
    "reset_after": "carry the request out, then reset the connection",
    "hang_before": "never answer; nothing happened",
    "hang_after": "carry the request out, then never answer",
    "http_NNN": "answer HTTP NNN (400 to 599), with Retry-After where `retry_after` is given; nothing happened",
    "http_NNN_after": "carry the request out, then answer HTTP NNN",
    "status_NNN": "answer the protocol's own status NNN; nothing happened",
    "redirect": "answer a 302 to another path of this host; nothing happened",
    "truncated": "carry the request out, close the connection in the middle of the answer",
    "truncated_json": "carry the request out, answer the first half, as a complete HTTP answer",
    "garbage": "carry the request out, answer random bytes",
    "html": "carry the request out, answer an HTML page",
    "empty": "carry the request out, answer without a body",
    "wrong_charset": "carry the request out, answer in UTF-16 declared as UTF-8",
    "drip": "carry the request out, answer one byte every `seconds`",
    "soap_fault_client": "answer a SOAP Fault of the client's, HTTP 500; nothing happened",
    "soap_fault_server": "answer a SOAP Fault of the server's, HTTP 500; nothing happened",
    "soap_fault_server_after": "carry the request out, then answer a SOAP Fault of the server's with HTTP 200",
    "soap_int_ok": "carry the request out, type words as xsd:int, as the manual prints `OK`",
    "soap_boolean_text": "carry the request out, type the client's identifier as xsd:boolean, as the manual prints it",
    "soap_href": "carry the request out, answer with the elements of lists referred to by href",
    "huge": "carry the request out, answer `megabytes` of spaces",
    "push_twice": "push a webhook a second time, as soon as the first was answered",
    "push_late": "push a webhook `seconds` later by the sandbox's clock, so that others overtake it",
    "push_drip": "push a webhook one byte every `seconds`; after 5 seconds it is given up, and pushed whole later",
    "push_lost": "never push a webhook",
    "push_cp1252": "push a webhook in Windows-1252 instead of UTF-8",
    "push_case": "push a webhook with field names in small letters, or in capitals, by the number's last figure",
    "push_repeated": "push a webhook with every field twice",
}
"""Every fault, with what it does."""

_KIND = re.compile(r"(?P<http>http_[45]\d\d)(?P<after>_after)?|(?P<status>status_\d{1,3})", re.ASCII)
_PUSH = "push_"
_NUMBERED = ("http_NNN", "http_NNN_after", "status_NNN")


class ControlError(ValueError):
    """The sandbox was told something that it cannot do; the message is a sentence for the person who wrote it."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule of misbehaviour.

    Attributes:
        fault: One of `FAULTS`; NNN stands for a number.
        probability: How likely it strikes a request it fits, from 0 to 1.
        times: How often it strikes at most; without it, for ever.
        path: Strikes only paths that contain this; without it, all but the control API's. A mail is struck by its
            command: `/smtp/MAIL`, `/smtp/RCPT`, and `/smtp/DATA`, which also stands for a mail as a whole. There
            `http_NNN` answers the mail server's own code NNN, and `status_NNN` mails that status back. A webhook
            that is pushed has the path `/webhook/dlr` or `/webhook/mo`.
        seconds: The wait of `latency`, of each byte of `drip` and `push_drip`, and of `push_late`.
        retry_after: Seconds for the Retry-After header of `http_NNN`.
        megabytes: The size of `huge`.
    """

    fault: str
    probability: float = 1.0
    times: int | None = None
    path: str = ""
    seconds: float = 0.05
    retry_after: int | None = None
    megabytes: int = 100

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        named = self.fault in FAULTS and self.fault not in _NUMBERED
        if not named and not _KIND.fullmatch(self.fault):
            raise ValueError(f"There is no fault {self.fault!r}; there are {', '.join(FAULTS)}.")
        if not 0 <= self.probability <= 1:
            raise ValueError("The probability must be from 0 to 1.")
        if self.times is not None and self.times < 0:
            raise ValueError("The number of times must not be negative.")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError("The seconds must be a number from 0 up.")
        if self.retry_after is not None and self.retry_after < 0:
            raise ValueError("The seconds to retry after must not be negative.")
        if not 1 <= self.megabytes <= 10_000:
            raise ValueError("The megabytes must be from 1 to 10000.")

    @property
    def code(self) -> int:
        """The number in the fault's name, 0 where it has none."""
        return int("".join(filter(str.isdigit, self.fault)) or 0)

    @property
    def kind(self) -> str:
        """The fault's name with NNN for its number."""
        return re.sub(r"\d+", "NNN", self.fault)


class FaultBook:
    """The rules in force."""

    def __init__(self, seed: int = 0) -> None:
        """Start without any."""
        self._seed = seed
        self._rules: list[Fault] = []
        self._left: list[int | None] = []
        self._random = random.Random(seed)  # noqa: S311 - chances of a simulation
        self._push_random = random.Random(seed)  # noqa: S311 - likewise, whatever requests come in between

    def replace(self, rules: Iterable[Fault | Mapping[str, object]], seed: int | None = None) -> None:
        """Put these rules in force instead of the ones before, and start the chances over.

        Raises:
            ControlError: A rule makes no sense; all of the ones before stay in force.
        """
        try:
            checked = [rule if isinstance(rule, Fault) else msgspec.convert(dict(rule), Fault) for rule in rules]
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ControlError(f"Not a list of faults: {error}") from error
        self._rules = checked
        self._left = [rule.times for rule in checked]
        if seed is not None:
            self._seed = seed
        self._random.seed(self._seed)
        self._push_random.seed(self._seed)

    def rules(self) -> list[Fault]:
        """Return the rules that may still strike, with how often each still does."""
        left = zip(self._rules, self._left, strict=True)
        return [msgspec.structs.replace(rule, times=count) for rule, count in left if count != 0]

    def strike(self, path: str, *, named: bool = False) -> tuple[float, Fault | None]:
        """Return how long to wait, and what else goes wrong with the next request to a path.

        Args:
            path: Where the request goes.
            named: Pass over rules that name no path: this is but a step of a request.

        Waits add up; of the others the first that strikes counts.
        """
        wait = 0.0
        for position, rule in enumerate(self._rules):
            left = self._left[position]
            if left == 0 or rule.path not in path or (named and not rule.path) or rule.fault.startswith(_PUSH):
                continue
            if not self._strikes(position, self._random):
                continue
            if rule.fault != "latency":
                return wait, rule
            wait += rule.seconds
        return wait, None

    def strike_push(self, path: str) -> list[Fault]:
        """Return all that goes wrong with the first push of a webhook.

        Args:
            path: `/webhook/dlr` or `/webhook/mo`.
        """
        return [
            rule
            for position, rule in enumerate(self._rules)
            if rule.fault.startswith(_PUSH)
            and rule.path in path
            and self._left[position] != 0
            and self._strikes(position, self._push_random)
        ]

    def _strikes(self, position: int, chance: random.Random) -> bool:
        """Say whether a rule that fits strikes, and count it if it does."""
        rule, left = self._rules[position], self._left[position]
        if rule.probability < 1 and chance.random() >= rule.probability:
            return False
        if left is not None:
            self._left[position] = left - 1
        return True
