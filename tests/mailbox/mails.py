"""Mails for tests: those that the gateway sends back, and others that lie beside them."""

STATUSES = {
    "102": "Problème de connexion - Aucun compte ne correspond aux clientcode et apiKey spécifiés",
    "104": (
        "Crédit insuffisant pour traiter cet envoi. A utiliser: 45 Crédits, Disponibles: 12 Crédits. Veuillez "
        "re-créditer votre compte sur AllMySMS.com"
    ),
    "105": "Flux XML Vide",
    "109": "Flux XML invalide ou incomplet après la balise <MESSAGE>",
    "110": "Message non défini (vide) dans le flux XML",
    "111": "Le message dépasse le nombre de caractères autorisé",
    "114": (
        "Aucun numéro de téléphone valide dans le flux. Veuillez-vous référer à la documentation en ligne pour "
        "connaître les formats valides."
    ),
    "115": "Flux XML invalide ou date mal formatée entre les balises <DATE> et </DATE>",
}
"""Source: Mail2SMS, §2.2."""

BOUNCE = b"""\
From: MAILER-DAEMON@shop.example
To: sms@shop.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@shop.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

I could not deliver your message.

--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; mail2sms@allmysms.com
Action: failed
Status: 5.1.1

--b
Content-Type: message/rfc822

From: mail2sms@allmysms.com
Subject: Mail2SMS : erreur

Status=104
StatusText=no

--b--
"""

NEWSLETTER = b"""\
From: Offres <news@shop.example>
To: sms@shop.example
Subject: Votre commande
Message-ID: <news@shop.example>
Content-Type: text/html; charset=utf-8

<p>Status : en cours de livraison</p><p>Il reste 102 articles</p>
"""

OTHERS = (BOUNCE, NEWSLETTER, b"", b"Subject: x\n\nStatus=100\nStatusText=sent\n")


def error_mail(code: str, number: int = 0, *, name: bool = True, date: bool = True) -> bytes:
    """Return a mail of the gateway's, each number another one."""
    lines = [
        "From: mail2sms@allmysms.com",
        "To: sms@shop.example",
        "Subject: Mail2SMS : erreur",
        *([f"Date: Mon, 2 Nov 2026 10:{number % 60:02d}:00 +0100"] if date else []),
        *([f"Message-ID: <{number}.{code}@allmysms.com>"] if name else []),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        f"Status={code}",
        f"StatusText={STATUSES.get(code, 'Une erreur est survenue')}",
        "",
    ]
    return "\n".join(lines).encode()
