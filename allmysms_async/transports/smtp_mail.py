"""One mail on its way over a connection, each step driven by itself.

Which step a connection died in decides whether a mail may have been taken: up to RCPT nothing can have been, from DATA
on it may. aiosmtplib's own ``sendmail`` does not tell, so the commands of a mail are written here.
"""

from __future__ import annotations

import enum

import aiosmtplib

from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CannotPass,
    ConnectionLost,
    MailDeferred,
    MailRefused,
    NotSent,
    ProtocolError,
    RequestTimeout,
)
from allmysms_async.exchange import MailEnvelope
from allmysms_async.transports.peer import certificate_refused
from allmysms_async.transports.smtp_dialogue import Dialogue, command
from allmysms_async.transports.smtp_line import Line

__all__ = ["Attempt", "Step", "check_addresses", "quotes"]

# "Authentication required", "mechanism too weak", "credentials invalid", "encryption required". Source: RFC 4954, §6.
_LOGIN_CODES = frozenset({530, 534, 535, 538})


class Step(enum.Enum):
    """Where an attempt stands."""

    CONNECT = "connecting"
    LOGIN = "logging in"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


_STEPS = (Step.MAIL, Step.RCPT, Step.DATA, Step.DATA)


def check_addresses(envelope: MailEnvelope) -> None:
    """Refuse a mail with an address that SMTP has no way to write.

    Raises:
        CannotPass: It has one; it is not shown.
    """
    try:
        command("MAIL FROM:", envelope.mail_from)
        command("RCPT TO:", envelope.rcpt_to)
    except (ValueError, TypeError, AttributeError):  # which may quote it
        msg = f"{envelope.name}: an address cannot be written; nothing was sent."
        remedy = "Check the addresses that the mail comes from and goes to."
        raise CannotPass(msg, request=envelope.name, remedy=remedy) from None


class Attempt:
    """One mail on its way: how far it got, and what an error there means."""

    def __init__(self, envelope: MailEnvelope, hostname: str, line: Line) -> None:
        self.envelope = envelope
        self.hostname = hostname
        self.line = line
        self.step = Step.MAIL

    async def hand_over(self, until: float) -> bytes:
        """Go through the steps of one mail on an open connection, and return the answer to the mail.

        Args:
            until: When it must be over, by the event loop's clock.
        """
        envelope, client = self.envelope, self.line.client
        self.step = Step.MAIL
        message, options = envelope.message, ""
        if envelope.message_7bit is not None:
            if client.supports_extension("8bitmime"):
                options = "BODY=8BITMIME"
            else:
                message = envelope.message_7bit
        dialogue = Dialogue(envelope, message, options)
        try:
            return await self.line.converse(dialogue, until)
        finally:
            self.step = _STEPS[dialogue.at]

    def answered(self, error: Exception) -> bool:
        """Tell whether the server refused a mail and goes on listening."""
        if not isinstance(error, aiosmtplib.SMTPResponseException) or self.step in {Step.CONNECT, Step.LOGIN}:
            return False
        return 400 <= error.code < 600 and error.code != 421 and not self.line.strayed(error)

    def not_sent(self, what: str, *, code: str | None = None) -> NotSent:
        """Return the error of a mail that was surely not handed over."""
        name = self.envelope.name
        return NotSent(f"{name}: the mail server {what}; nothing was sent.", request=name, code=code)

    def failure(self, error: Exception) -> AllMySmsError:
        """Return the library's error for what went wrong in the present step."""
        name, in_data = self.envelope.name, self.step is Step.DATA
        if isinstance(error, AllMySmsError):
            return error
        if self.line.strayed(error):
            if in_data and self.line.invited:
                msg = f"{name}: the mail server answered out of turn, or not clearly; the mail may have been taken."
                return ProtocolError(msg, request=name)
            return self.not_sent(f"answered out of turn, or not clearly ({self.step.value})")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self._refusal(error.code)
        if isinstance(error, TimeoutError):
            if in_data:
                msg = f"{name}: no word from the mail server in time; the mail may have been taken."
                return RequestTimeout(msg, request=name)
            return self.not_sent(f"did not answer in time ({self.step.value})")
        if self.step is Step.CONNECT and (refused := certificate_refused(error, self.hostname, name)):
            return refused
        if self.step is Step.LOGIN and type(error) is aiosmtplib.SMTPException:
            msg = f"{name}: the mail server knows no way to log in that is known here; nothing was sent."
            return AuthenticationFailed(msg, request=name)
        if in_data:
            what = f"the connection was lost ({type(error).__name__}); the mail may have been taken."
            return ConnectionLost(f"{name}: {what}", request=name)
        return self.not_sent(f"could not be reached, or hung up ({self.step.value}, {type(error).__name__})")

    def _refusal(self, code: int) -> AllMySmsError:
        """Return the library's error for an answer other than the one that was hoped for."""
        name, step = self.envelope.name, self.step
        where = "after the mail" if step is Step.DATA else f"at {step.value}" if step.value.isupper() else step.value
        if 400 <= code < 500:
            msg = f"{name}: the mail server put it off ({code}, {where}); it was not taken."
            return MailDeferred(msg, request=name, code=str(code))
        if not 500 <= code < 600:
            if step is Step.DATA and self.line.invited:
                msg = f"{name}: the mail server's answer is none ({code}); the mail may have been taken."
                return ProtocolError(msg, request=name, code=str(code))
            return self.not_sent(f"answered what is no answer ({code}, {where})", code=str(code))
        if step is Step.LOGIN or code in _LOGIN_CODES:
            msg = f"{name}: the mail server refused the login, or asks for one ({code}); nothing was sent."
            return AuthenticationFailed(msg, request=name, code=str(code), remedy="Check username and password.")
        if step is Step.CONNECT:
            # It refused to talk at all: nothing was said about any mail yet, so the mails can wait.
            return self.not_sent(f"refused the connection ({code})", code=str(code))
        msg = f"{name}: the mail server refused the mail ({code}, {where}); nothing was sent."
        return MailRefused(msg, request=name, code=str(code))


def quotes(error: BaseException) -> bool:
    """Tell whether an error, or what led to it, holds a server's own words: they may repeat key and numbers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, aiosmtplib.SMTPException):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
