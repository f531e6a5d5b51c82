"""Accounts and STOP SMS.

Source: Envoyer SMS Pro, from "Fonction SMS restant" to "Fonction consultation STOP SMS".
"""

from allmysms_async.sandbox.exchange import Reply
from allmysms_async.sandbox.numbering import canonical

from .answer import BAD_PARAMETER, Failed, Field, success
from .call import Call
from .ledger import Holder

__all__ = ["activate", "check", "create", "deactivate", "delete", "everything", "status", "transfer"]


def status(call: Call) -> Reply:
    """Say how many SMS are left, and how many requests are allowed."""
    holder = call.holder
    return success(("account", [("sms_remaining", holder.sms), ("api_request_limit", holder.limit)]))


def _entry(holder: Holder, *, with_limit: bool = False) -> list[Field]:
    fields: list[Field] = [
        ("account_id", holder.number),
        ("account_name", holder.name),
        ("sms_remaining", holder.sms),
    ]
    return [*fields, ("api_request_limit", holder.limit)] if with_limit else fields


def everything(call: Call) -> Reply:
    """List the accounts of the login."""
    holders = call.ledger.holders(call.login).values()
    return success(("accounts", [("account", _entry(holder, with_limit=True)) for holder in holders]))


def create(call: Call) -> Reply:
    """Create an account."""
    name = _given(call, "accountname")
    if len(name) > 50:
        raise Failed(BAD_PARAMETER, "Accountname must be shorter than 51")
    holder = call.ledger.create(call.login, name)
    return success(("account", [("account_id", holder.number)]))


def delete(call: Call) -> Reply:
    """Delete an account, and list the others."""
    call.ledger.delete(call.login, _given(call, "deleteaccountid"))
    holders = call.ledger.holders(call.login).values()
    return success(("accounts", [("account", _entry(holder)) for holder in holders]))


def transfer(call: Call) -> Reply:
    """Move SMS from one account to another."""
    debit = _given(call, "debitaccountid")
    credit = _given(call, "creditaccountid")
    wanted = _given(call, "sms")
    if not (wanted.isascii() and wanted.isdigit()) or int(wanted) < 1:
        raise Failed(BAD_PARAMETER, "Sms must be strictly positive")
    giver = call.ledger.holder(call.login, debit, "Debitaccountid")
    taker = call.ledger.holder(call.login, credit, "Creditaccountid")
    if giver.sms < int(wanted):
        raise Failed(BAD_PARAMETER, "Debit account has not enough SMS")
    giver.add(-int(wanted))
    taker.add(int(wanted))
    return success(("accounts", [("debitaccount", _entry(giver)), ("creditaccount", _entry(taker))]))


def _given(call: Call, name: str) -> str:
    """Return a parameter; that it is missing is, here, a bad value in the manual's table."""
    value = call.form.word(name)
    if not value:
        raise Failed(BAD_PARAMETER, f"{name.capitalize()} is missing")
    return value


def _phone(call: Call) -> str:
    """Return the number that is asked about, as it is known."""
    number = _given(call, "phonenumber")
    phone = canonical(number)
    if phone is None:
        raise Failed(BAD_PARAMETER, f"You do not send SMS to the {number}")
    return phone


def activate(call: Call) -> Reply:
    """Bar a number from being texted by this account."""
    phone = _phone(call)
    call.world.opt_outs.add(phone, "blacklist_stop", call.world.settle(), call.holder.account.login)
    return success(("stopsms", [("phone_number", phone)]))


def deactivate(call: Call) -> Reply:
    """Let a number be texted again by this account."""
    phone = _phone(call)
    call.world.opt_outs.remove(call.holder.account.login, phone)
    return success(("stopsms", [("phone_number", phone)]))


def check(call: Call) -> Reply:
    """Say whether a number is barred."""
    phone = _phone(call)
    call.world.settle()
    barred = call.world.opt_outs.find(call.holder.account.login, phone) is not None
    return success(("stopsms", [("phone_number", phone), ("stop_sms_status_id", int(barred))]))
