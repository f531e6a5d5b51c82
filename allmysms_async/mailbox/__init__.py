"""Reading the mails in which the gateway says that a Mail2SMS was not sent: a folder, a mailbox by IMAP, or bytes.

``MailErrors`` in ``allmysms_async.journal.mail_errors`` keeps them. Anybody who knows the address can write such a
mail: the counts are worth as much as what the mailbox lets in.
"""

from __future__ import annotations

from allmysms_async.mailbox.batch import Batch, ErrorMails, MailTally
from allmysms_async.mailbox.folder import MailFolder, read_error_mails
from allmysms_async.mailbox.imap import ImapMailbox
from allmysms_async.mailbox.mail import read_error_mail
from allmysms_async.model.mail_error import MailError

__all__ = [
    "Batch",
    "ErrorMails",
    "ImapMailbox",
    "MailError",
    "MailFolder",
    "MailTally",
    "read_error_mail",
    "read_error_mails",
]
