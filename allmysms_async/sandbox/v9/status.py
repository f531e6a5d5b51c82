"""The statuses of v9 and their texts.

The texts are what a gateway says literally: English where a sample answer prints them, French as in the table.

Source: HTTPS API v9, §4 (114), §6.1 (100), annexes 2 and 13.
"""

from allmysms_async.sandbox.state import Reason, Refused

__all__ = ["CODES", "VOICE_CODES", "Answer", "done", "failed", "refusal", "status_text"]

Answer = dict[str, object]

SENT, PROGRAMMED = 100, 101

CODES: dict[Reason, int] = {
    Reason.NO_ACCOUNT: 102,
    Reason.INSUFFICIENT_CREDIT: 104,
    Reason.EMPTY_FLOW: 105,
    Reason.BROKEN_FLOW: 109,
    Reason.MISSING_PARAM: 109,
    Reason.EMPTY_TEXT: 110,
    Reason.TEXT_TOO_LONG: 111,
    Reason.NO_VALID_NUMBER: 114,
    Reason.BAD_DATE: 115,
    Reason.IDENTICAL_REQUEST: 121,
    Reason.IDENTIFIER_IN_PROGRESS: 160,
}

VOICE_CODES: dict[Reason, int] = {
    **CODES,
    Reason.BROKEN_FLOW: 105,
    Reason.MISSING_PARAM: 105,
    Reason.EMPTY_TEXT: 110,
    Reason.BAD_DATE: 111,
    Reason.BAD_SENDER: 112,
    Reason.BAD_MEDIA: 113,
    Reason.MEDIA_SIZE: 115,
    Reason.MEDIA_LENGTH: 116,
}
"""From 110 on, the same numbers mean other things for a voice message."""

_TEXTS = {
    SENT: "Your messages have been sent",
    PROGRAMMED: "Le message a été programmé pour un envoi différé",
    102: "Problème de connexion - Aucun compte ne correspond aux clientcode et apiKey spécifiés",
    104: (
        "Crédit insuffisant pour traiter cet envoi. A utiliser : {needed} Crédits, Disponibles : {available} Crédits. "
        "Veuillez recréditer votre compte sur AllMySMS.com"
    ),
    105: "Flux XML Vide",
    109: "Flux XML invalide ou incomplet après la balise <MESSAGE>",
    110: "Message non défini (vide) dans le flux XML",
    111: "Le message dépasse le nombre de caractères autorisé",
    114: "No valid numbers",
    115: "Flux XML invalide ou date mal formatée entre les balises <DATE> et </DATE>",
    121: (
        "Requête rejetée car une requête identique a été envoyée dans un laps de temps de moins de 10 secondes. "
        "Système de sécurité mis en place pour éviter l'envoi en boucle de message."
    ),
    160: "Une requête avec cet identifiant unique est déjà en cours de traitement",
}


_VOICE_TEXTS = {
    105: "Flux XML/JSON Vide",
    110: "URL du fichier vocal vide",
    111: "Date d'envoi mal formatée",
    112: "Numéro d'expéditeur invalide",
    113: "Fichier vocal invalide. Formats acceptés : WAV ou MP3",
    114: "Aucun numéro de téléphone valide",
    115: "Taille du fichier vocal incorrect (doit être comprise entre 1Ko et 5Mo)",
    116: "Durée du fichier vocal invalide (doit être comprise entre 5 et 35 secondes)",
}


def done(text: str = "") -> Answer:
    """Return the answer of most methods other than sends to what they did: a text, not a number."""
    return {"status": "1", "statusText": text}


def failed(text: str) -> Answer:
    """Return the answer of most methods other than sends to what they refused to do."""
    return {"status": "0", "statusText": text}


def status_text(code: int, *, voice: bool = False, needed: float = 0, available: float = 0) -> str:
    """Return the text of a status; one the table lacks gets a neutral one."""
    if voice and code in _VOICE_TEXTS:
        return _VOICE_TEXTS[code]
    text = _TEXTS.get(code, "Une erreur est survenue")
    return text.format(needed=_plain(needed), available=_plain(available)) if code == 104 else text


def refusal(refused: Refused, *, voice: bool = False) -> Answer:
    """Return the answer to a refused request."""
    code = (VOICE_CODES if voice else CODES)[refused.reason]
    text = status_text(code, voice=voice, needed=refused.needed, available=refused.available)
    return {"status": code, "statusText": text}


def _plain(amount: float) -> str:
    """Write credits without an exponent."""
    return str(int(amount)) if amount == int(amount) else str(amount)
