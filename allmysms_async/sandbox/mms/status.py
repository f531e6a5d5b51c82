"""The statuses of the MMS module and their texts, as its tables print them.

Source: MMS module, §2.2, §3.2 and §3.3.
"""

from allmysms_async.sandbox.state import Reason, Refused

__all__ = ["PROGRAMMED", "SENT", "MmsRefused", "as_mms", "status_text"]

SENT, PROGRAMMED = 100, 101

_TEXTS = {
    SENT: "Le message a été envoyé",
    PROGRAMMED: "Le message a été programmé pour un envoi différé",
    102: "Problème de connexion - Aucun compte ne correspond aux clientcode et passcode spécifiés",
    103: "Crédit SMS épuisé. Veuillez recrediter votre compte sur AllMySMS.com",
    104: (
        "Crédit insuffisant pour traiter cet envoi. A utiliser: {needed} Crédits, Disponibles: {available} Crédits. "
        "Veuillez recrediter votre compte sur AllMySMS.com"
    ),
    105: "Flux XML Vide",
    106: "Flux XML invalide ou incomplet après la balise <DATA>",
    107: "Flux XML invalide ou incomplet après la balise <CLIENT>",
    108: "Balise <MSGCLASS> - Type du MMS non défini (vide) dans le flux XML",
    109: "Balise <MSGCLASS> - Type du MMS incorrect",
    110: "Balise <MESSAGE> <IMAGE> <VIDEO> <SON> - non défini (vide) dans le flux XML",
    111: "Message trop long",
    112: "Extension invalide",
    113: "URL incorrecte",
    114: "Problème lors du téléchargement du fichier",
    115: "Média trop volumineux (image, son, vidéo)",
    116: "Impossible de se connecter au serveur pour télécharger l'image",
    117: "Problème au cours du téléchargement de l'image",
    118: "Balise <VIDEO><URL> <SON><URL> - non définie (vide) dans le flux XML",
    119: "Balise <VIDEO><DUREE> <SON><DUREE> - non définie (vide) dans le flux XML",
    120: "Durée incorrect pour le son ou la vidéo",
    121: "Flux XML invalide ou date mal formatée entre les balises <DATE> et </DATE>",
    122: "Flux XML invalide ou incomplet après la balise <MOBILEPHONE>",
    123: (
        "Aucun numéro de téléphone valide dans le flux. Veuillez vous référer à la documentation en ligne pour "
        "connaître les formats valides."
    ),
    200: (
        "Vous n'avez pas l'autorisation d'utiliser ce module. Contactez le support AllMySMS pour plus de "
        "renseignements."
    ),
    300: "Compte actif",
    301: "Compte inexistant",
    302: "Vous n'avez pas accès aux informations concernant ce compte",
    303: "Compte inactif",
}

_CODES = {
    Reason.NO_ACCOUNT: 102,
    Reason.INSUFFICIENT_CREDIT: 104,
    Reason.EMPTY_TEXT: 110,
    Reason.NO_VALID_NUMBER: 123,
    Reason.BAD_DATE: 121,
}


class MmsRefused(Exception):
    """The request was refused with a status of the module's own."""

    def __init__(self, code: int, *, text: str = "", refused: tuple[str, ...] = ()) -> None:
        """Keep what the answer will have to say."""
        super().__init__(code)
        self.code = code
        self.text = text or status_text(code)
        self.refused = refused


def status_text(code: int) -> str:
    """Return the text of a status; one that the tables lack gets a neutral one."""
    return _TEXTS.get(code, "Une erreur est survenue").format(needed=0, available=0)


def as_mms(refused: Refused) -> MmsRefused:
    """Return the module's own refusal; an account without any credit has a status to itself."""
    if refused.reason is not Reason.INSUFFICIENT_CREDIT:
        return MmsRefused(_CODES[refused.reason])
    if refused.available <= 0:
        return MmsRefused(103)
    text = _TEXTS[104].format(needed=int(refused.needed), available=int(refused.available))
    return MmsRefused(104, text=text)
