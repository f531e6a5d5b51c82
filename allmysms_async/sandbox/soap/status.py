"""The statuses of the SOAP API and their texts.

Source: SOAP API, section B and annexes 1 to 5.
"""

from allmysms_async.sandbox.state import Reason, Refused

from .render import Answer

__all__ = [
    "ACK_COMMENTS",
    "ACTIVE",
    "AVAILABLE",
    "DENIED",
    "INACTIVE",
    "NONE",
    "NO_ACCOUNT",
    "PARTLY",
    "PROGRAMMED",
    "SENT",
    "refusal",
    "said",
]

SENT, PROGRAMMED, PARTLY = 100, 101, 113
AVAILABLE, NONE, DENIED = 0, 1, 2
ACTIVE, NO_ACCOUNT, INACTIVE = "active account", "301", "303"

_NO_CREDIT = 103
_CODES = {
    Reason.NO_ACCOUNT: 102,
    Reason.INSUFFICIENT_CREDIT: 104,
    Reason.EMPTY_FLOW: 105,
    Reason.BROKEN_FLOW: 106,
    Reason.MISSING_PARAM: 106,
    Reason.EMPTY_TEXT: 110,
    Reason.TEXT_TOO_LONG: 111,
    Reason.NO_VALID_NUMBER: 114,
    Reason.BAD_DATE: 115,
}
_TEXTS = {
    100: "Le message a été envoyé",
    101: "Le message a été programmé pour un envoi différé",
    102: "Problème de connexion - Aucun compte ne correspond aux clientcode et passcode spécifiés",
    103: "Crédit SMS épuisé. Veuillez re-créditer votre compte sur AllMySMS.com",
    104: (
        "Crédit insuffisant pour traiter cet envoi. A utiliser: {needed:.0f} Crédits, Disponibles: {available:.0f} "
        "Crédits. Veuillez re-créditer votre compte sur AllMySMS.com"
    ),
    105: "MessageData vide",
    106: "MessageData incomplet ou invalide",
    109: "Message invalide",
    110: "Message vide",
    111: "Le message dépasse 640 caractères",
    112: "MobilePhone invalide",
    113: "Certains numéros de téléphone sont invalides ou non pris en charge",
    114: (
        "Aucun numéro de téléphone valide dans le flux. Veuillez-vous référer à la documentation en ligne pour "
        "connaitre les formats valides."
    ),
    115: "Date mal formatée",
}

ACK_COMMENTS = {
    "1": "Delivered",
    "2": "Undelivered",
    "3": "Transmitted",
    "4": "Rejected",
    "5": "Unknown subscriber",
}


def said(code: int, *, needed: float = 0, available: float = 0) -> dict[str, object]:
    """Return a status of annex 1 with its text; one the annex lacks has a neutral one."""
    text = _TEXTS.get(code, "Une erreur est survenue")
    return {"status": str(code), "statusText": text.format(needed=needed, available=available)}


def refusal(refused: Refused) -> Answer:
    """Return the answer to a refused send; the refused numbers are listed where that is why."""
    code = _CODES[refused.reason]
    if code == 104 and refused.available <= 0:
        code = _NO_CREDIT
    numbers = "".join([f"{discard.number}|" for discard in refused.discards])
    return said(code, needed=refused.needed, available=refused.available) | {"invalidNumbers": numbers}
