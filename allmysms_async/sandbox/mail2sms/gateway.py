"""What becomes of a mail: it is sent as texts, or an error is mailed back.

Source: Mail2SMS, §2.1 and §2.2.
"""

from datetime import datetime
from email.message import EmailMessage
from email.utils import make_msgid

from allmysms_async.sandbox.state import PARIS, Order, Reason, Refused, World, wall

from .letter import read_letter, read_text
from .mailbox import Mailbox

__all__ = ["ADDRESS", "MailGateway"]

ADDRESS = "mail2sms@allmysms.com"
"""Where mails go. Source: Mail2SMS, §2.1."""

_CODES = {
    Reason.NO_ACCOUNT: 102,
    Reason.INSUFFICIENT_CREDIT: 104,
    Reason.EMPTY_FLOW: 105,
    Reason.BROKEN_FLOW: 109,
    Reason.EMPTY_TEXT: 110,
    Reason.TEXT_TOO_LONG: 111,
    Reason.NO_VALID_NUMBER: 114,
    Reason.BAD_DATE: 115,
}
_TEXTS = {
    102: "Problème de connexion - Aucun compte ne correspond aux clientcode et apiKey spécifiés",
    104: (
        "Crédit insuffisant pour traiter cet envoi. A utiliser: {needed} Crédits, Disponibles: {available} Crédits. "
        "Veuillez re-créditer votre compte sur AllMySMS.com"
    ),
    105: "Flux XML Vide",
    109: "Flux XML invalide ou incomplet après la balise <MESSAGE>",
    110: "Message non défini (vide) dans le flux XML",
    111: "Le message dépasse le nombre de caractères autorisé",
    114: (
        "Aucun numéro de téléphone valide dans le flux. Veuillez-vous référer à la documentation en ligne pour "
        "connaître les formats valides."
    ),
    115: "Flux XML invalide ou date mal formatée entre les balises <DATE> et </DATE>",
}


class MailGateway:
    """Reads the mails that arrive at the gateway's address."""

    name = "mail2sms"

    def __init__(self, world: World, mailbox: Mailbox) -> None:
        """Play on a state, and send back to a mailbox."""
        self._world = world
        self._mailbox = mailbox

    def receive(self, mail_from: str, content: bytes) -> None:
        """Carry a mail out. Nobody is told of success, nor of some numbers that are wrong among others."""
        try:
            letter = read_letter(content)
            account = self._world.account(letter.login)
            if account is None or not account.opens_with(letter.api_key):
                raise Refused(Reason.NO_ACCOUNT)
            order = Order(
                protocol=self.name,
                method="mail",
                text=read_text(content),
                phones=letter.phones,
                sender=letter.sender,
                date=letter.date,
                repeatable=True,
            )
            self._world.submit(account, order)
        except Refused as refused:
            self.complain(
                mail_from, _CODES[refused.reason], needed=int(refused.needed), available=int(refused.available)
            )

    def complain(self, to: str, code: int, *, needed: int = 0, available: int = 0) -> None:
        """Mail an error back; to nobody where the mail had no sender, since that would go round for ever."""
        if not to:
            return
        text = _TEXTS.get(code, "Une erreur est survenue").format(needed=needed, available=available)
        at = self._world.settle()
        mail = EmailMessage()
        mail["From"] = ADDRESS
        mail["To"] = to
        mail["Subject"] = "Mail2SMS : erreur"
        mail["Date"] = datetime.fromtimestamp(at, PARIS)
        mail["Message-ID"] = make_msgid(domain=ADDRESS.partition("@")[2])
        mail.set_content(f"Status={code}\nStatusText={text}\n")
        self._mailbox.put(
            {
                "to": to,
                "subject": str(mail["Subject"]),
                "text": mail.get_content(),
                "received_at": wall(at),
                "raw": mail.as_string(),
            }
        )
