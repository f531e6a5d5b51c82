"""Who walks through the parts of a backend, as a service that collects errors does, meets no login."""

from allmysms_async import EnvoyerSmsProBackend, RestBackend

from . import conftest as here


def test_a_backend_holds_its_login_out_of_sight(protocol: str) -> None:
    """Whoever walks through what a backend is made of, six levels deep, meets neither login, key nor password."""
    for shown in here.serialised(here.backend(protocol, 1), 6):
        here.check(shown, protocol)


def test_a_sub_account_is_out_of_sight_too() -> None:
    """The same for the login of a sub-account, and for what names one of several accounts."""
    sub_account = RestBackend("demo", here.KEY, sub_account=here.LOGIN)
    one_of_several = EnvoyerSmsProBackend("demo", here.KEY, account_id=here.LOGIN)
    for backend in (sub_account, sub_account.with_sub_account(here.LOGIN), one_of_several):
        for shown in here.serialised(backend, 6):
            here.check(shown)
