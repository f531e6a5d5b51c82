"""The variables of a webhook, and how they are written into its address.

Source: HTTPS API v9, §6.2 (reports), §14.3 (replies) and annex 3 (texts of the statuses).
"""

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import quote_plus

from allmysms_async.sandbox.state import wall

__all__ = ["STATUS_TEXTS", "Variables", "query", "reply_variables", "report_variables"]

Variables = Sequence[tuple[str, str]]
"""Names and values, in the manual's order."""

STATUS_TEXTS: Final = {
    "1": "Délivré",
    "2": "Non-délivré (envoyé par l'opérateur)",
    "3": "Transmis à l'opérateur",
    "4": "Message rejeté",
    "5": "SMS rejeté (probablement numéro inconnu/abonné absent)",
}


def report_variables(sms_id: str, status: str, at: float, phone: str, campaign_id: str) -> Variables:
    """Return the variables of one report. Source: HTTPS API v9, §6.2."""
    return (
        ("smsId", sms_id),
        ("status", status),
        ("statusText", STATUS_TEXTS[status]),
        ("receptionDate", wall(at)),
        ("phoneNumber", phone),
        ("campaignId", campaign_id),
    )


def reply_variables(sms_id: str, reply_id: str, at: float, phone: str, campaign_id: str, text: str) -> Variables:
    """Return the variables of one reply. Source: HTTPS API v9, §14.3."""
    return (
        ("smsId", sms_id),
        ("smsMoId", reply_id),
        ("receptionDate", wall(at)),
        ("phoneNumber", phone),
        ("campaignId", campaign_id),
        ("message", text),
    )


def query(variables: Variables, faults: Collection[str] = ()) -> str:
    """Write variables as PHP's `http_build_query` does: in UTF-8, a space as `+`, and escaped what has to be.

    Args:
        variables: What is written.
        faults: `push_cp1252`, `push_case` and `push_repeated` change how, as `FAULTS` says.
    """
    charset = "cp1252" if "push_cp1252" in faults else "utf-8"
    if "push_case" in faults:
        capitals = dict(variables)["phoneNumber"][-1:] in "13579"
        variables = [(name.upper() if capitals else name.lower(), value) for name, value in variables]
    if "push_repeated" in faults:
        variables = [pair for pair in variables for _ in range(2)]
    return "&".join([f"{name}={_escaped(value, charset)}" for name, value in variables])


def _escaped(value: str, charset: str) -> str:
    """Write a value as PHP's `urlencode` does, which unlike Python's escapes the tilde."""
    if value.isascii() and value.isalnum():
        return value
    return quote_plus(value.encode(charset, "replace")).replace("~", "%7E")
