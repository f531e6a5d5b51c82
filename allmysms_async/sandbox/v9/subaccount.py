"""Sub-accounts.

Source: HTTPS API v9, §21 to §25, annexes 5 and 6.
"""

import math

from allmysms_async.sandbox.state import Account, euros, wall

from .call import Call, own_sub_account
from .record import parse_record
from .send import amount
from .status import Answer, done, failed

__all__ = ["create", "delete", "get_all", "manage_credits", "update"]

_MIN_PASSWORD = 6
_REQUIRED = ("FIRSTNAME", "LASTNAME", "EMAIL", "LOGIN", "PASSWORD")

# What §21 calls a variable, and §23 a field of the list.
_LISTED = {
    "Phone": "PHONE",
    "Mobile": "MOBILE",
    "Fax": "FAX",
    "WebSite": "WEBSITE",
    "Address": "ADDRESS",
    "Zip": "ZIP",
    "City": "CITY",
    "Country": "COUNTRY",
}
_BILLED = {
    "BillLastName": "BILLLASTNAME",
    "BillFirstName": "BILLFIRSTNAME",
    "BillCompany": "BILLSOCIETY",
    "BillPhone": "BILLPHONE",
    "BillMobile": "BILLMOBILE",
    "BillEmail": "BILLEMAIL",
    "BillAddress": "BILLADDRESS",
    "BillZip": "BILLZIP",
    "BillCity": "BILLCITY",
    "BillCountry": "BILLCOUNTRY",
}

_CREDIT_TEXTS = (
    "Le sous compte n'est pas rattaché au compte maître",
    "Le paramètre « subAccount » n'est pas défini",
    "Le paramètre « credits » n'est pas défini",
    "Le sous compte est en abonnement",
    "Le sous compte n'a pas assez de crédits",
    "Le compte maître n'a pas assez de crédits",
)


def create(call: Call) -> Answer:
    """Create a sub-account of the account that asks."""
    data = parse_record(call.form.raw("accountData")).words()
    missing = [name for name in _REQUIRED if not data.get(name)]
    if missing:
        return _text(failed(f"Missing parameter: {missing[0]}"))
    if len(data["PASSWORD"]) < _MIN_PASSWORD:
        return _text(failed("Password too short"))
    login = data["LOGIN"]
    if call.world.account(login) is not None:
        return _text(failed("Login already exists"))
    account = Account(
        login=login,
        api_key=f"{login}-key",
        pass_code=data["PASSWORD"],
        credits=0,
        first_name=data["FIRSTNAME"],
        last_name=data["LASTNAME"],
        society=data.get("SOCIETY", ""),
        email=data["EMAIL"],
        master=call.account.login,
        post_paid=data.get("POSTPAID") == "1" and call.account.post_paid,
        active=data.get("ACTIVE", "1") != "0",
        created_at=call.world.settle(),
    )
    _take(account, data)
    call.world.accounts[login] = account
    for name, kind in (("WEBHOOKDLR", "dlr"), ("WEBHOOKMO", "mo")):
        if data.get(name):
            call.world.set_webhook(account, kind, data[name])
    return _text(done("Sub-account successfully created"))


def update(call: Call) -> Answer:
    """Change a sub-account; what is not given, or empty, stays as it is. Only the main account may (annex 14)."""
    if call.as_sub_account:
        return _text(failed("Method not available"))
    account = own_sub_account(call.world, call.account, call.form.word("subAccount"))
    if account is None:
        return _text(failed("Sub-account not found"))
    data = {name: value for name, value in parse_record(call.form.raw("accountData")).words().items() if value}
    login = data.get("LOGIN", account.login)
    if login != account.login and call.world.account(login) is not None:
        return _text(failed("Login already exists"))
    if "PASSWORD" in data and len(data["PASSWORD"]) < _MIN_PASSWORD:
        return _text(failed("Password too short"))
    account.first_name = data.get("FIRSTNAME", account.first_name)
    account.last_name = data.get("LASTNAME", account.last_name)
    account.society = data.get("SOCIETY", account.society)
    account.email = data.get("EMAIL", account.email)
    account.pass_code = data.get("PASSWORD", account.pass_code)
    account.active = data.get("ACTIVE", "1" if account.active else "0") != "0"
    _take(account, data)
    if login != account.login:
        call.world.rename(account, login)
    return _text(done("Sub-account successfully updated"))


def get_all(call: Call) -> Answer:
    """List the sub-accounts of the account that asks."""
    accounts = call.world.sub_accounts_of(call.account)
    if not accounts:
        return {"status": 0, "statusText": "No subaccount found"}
    return {"total": len(accounts), "subAccounts": [_described(account) for account in accounts]}


def manage_credits(call: Call) -> Answer:
    """Move credits from the account that asks to a sub-account, or back."""
    login, wanted = call.form.word("subAccount"), call.form.word("credits")
    if not login:
        return _no_credits(1)
    try:
        credits = float(wanted)
    except ValueError:
        return _no_credits(2)
    if not math.isfinite(credits):
        return _no_credits(2)
    account = own_sub_account(call.world, call.account, login)
    if account is None:
        return _no_credits(0)
    if account.post_paid:
        return _no_credits(3)
    if account.credits + credits < 0:
        return _no_credits(4)
    if call.account.credits - credits < 0:
        return _no_credits(5)
    account.credits += credits
    call.account.credits -= credits
    held: Answer = {
        "Login": account.login,
        "Credits": amount(account.credits),
        "Balance": amount(euros(account.credits, 2)),
    }
    # Only JSON wraps the one object in a list and does without a status.
    return {"status": "OK", "subAccount": held} if call.xml else {"subAccount": [held]}


def delete(call: Call) -> Answer:
    """Delete a sub-account."""
    account = own_sub_account(call.world, call.account, call.form.word("loginToDelete"))
    if account is None:
        return failed("Sub-account not found")
    del call.world.accounts[account.login]
    account.webhooks.clear()
    return done("Sub-account has been successfully deleted")


def _no_credits(code: int) -> Answer:
    """Say why no credits were moved."""
    return {"status": code, "statusText": _CREDIT_TEXTS[code]}


def _text(answer: Answer) -> Answer:
    """Say it under the name that these two methods have for it."""
    return {"status": answer["status"], "text": answer["statusText"]}


def _take(account: Account, data: dict[str, str]) -> None:
    """Keep the variables that are only listed."""
    for name in (*_LISTED.values(), *_BILLED.values()):
        if name in data:
            account.details[name] = data[name]


def _described(account: Account) -> Answer:
    """Describe one sub-account, in the printed order; figures are printed as texts."""
    head: Answer = {
        "Login": account.login,
        "LastName": account.last_name,
        "FirstName": account.first_name,
        "ClientType": "Company" if account.society else "Individual",
        "Company": account.society,
    }
    listed: Answer = {name: account.details.get(variable, "") for name, variable in _LISTED.items()}
    email: Answer = {"Email": account.email}
    dates: Answer = {
        "CreationDate": wall(account.created_at) if account.created_at else "2027-01-01 09:00:00",
        "LastVisit": "",
        "LastActivity": wall(account.last_activity) if account.last_activity else "",
    }
    billed: Answer = {name: account.details.get(variable, "") for name, variable in _BILLED.items()}
    left: Answer = {"Credits": str(amount(account.credits)), "Balance": str(amount(euros(account.credits, 2)))}
    return head | listed | email | dates | billed | left
