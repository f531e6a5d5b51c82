"""Where the sandbox keeps the mails that the gateway sends back, instead of sending them anywhere."""

from typing import TypedDict

__all__ = ["Mail", "Mailbox"]


class Mail(TypedDict):
    """One mail from the gateway."""

    to: str
    subject: str
    text: str
    received_at: str
    raw: str


class Mailbox:
    """Every mail that the gateway sent back."""

    def __init__(self) -> None:
        """Start empty."""
        self._mails: list[Mail] = []

    def put(self, mail: Mail) -> None:
        """Keep a mail."""
        self._mails.append(mail)

    def mails(self, address: str | None = None) -> list[Mail]:
        """Return the mails to an address, or all of them, in order."""
        return [mail for mail in self._mails if address is None or mail["to"].lower() == address.lower()]

    def reset(self) -> None:
        """Forget them."""
        self._mails.clear()
