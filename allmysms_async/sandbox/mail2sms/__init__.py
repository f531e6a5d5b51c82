"""Mail2SMS: a mail server on loopback, and the gateway that reads its mail.

Source: Mail2SMS.
"""

from .gateway import ADDRESS, MailGateway
from .mailbox import Mail, Mailbox
from .server import Certificate, MailServer

__all__ = ["ADDRESS", "Certificate", "Mail", "MailGateway", "MailServer", "Mailbox"]
