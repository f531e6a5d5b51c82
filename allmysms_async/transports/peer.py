"""The other side of a connection: whether it can be looked up at all, and why its certificate was refused."""

from __future__ import annotations

import functools
import ssl

from allmysms_async.errors import CertificateRefused

__all__ = ["certificate_refused", "is_host"]

_CLOCK = "Have it renewed, and check this machine's clock."
_TRUST = "Give an ssl_context that trusts its authority, if it is the right server."
_NAME = "Use the name that the certificate is for."

# OpenSSL's own codes. Source: its X509_STORE_CTX_get_error manual; x509_vfy.h has the numbers.
_REASONS: dict[int, tuple[str, str, str]] = {
    2: ("untrusted", "no authority known here vouches for it", _TRUST),
    9: ("not_yet_valid", "it is not valid yet", "Check this machine's clock."),
    10: ("expired", "it has expired", _CLOCK),
    18: ("untrusted", "it is self-signed", _TRUST),
    19: ("untrusted", "an authority that is not trusted here vouches for it", _TRUST),
    20: ("untrusted", "no authority known here vouches for it", _TRUST),
    21: ("untrusted", "no authority known here vouches for it", _TRUST),
    62: ("wrong_name", "it is for another name", _NAME),
    64: ("wrong_name", "it is for another name", _NAME),
}


def certificate_refused(error: BaseException, host: str, request: str) -> CertificateRefused | None:
    """Return the library's error where a certificate was refused, or None where something else went wrong.

    Args:
        error: What was raised while connecting.
        host: The name that was asked for.
        request: Name of the operation.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    invalid = ("invalid", f"it is not valid (OpenSSL says: {cause.verify_message})", "Have it replaced.")
    reason, why, remedy = _REASONS.get(cause.verify_code, invalid)
    msg = f"{request}: the certificate of {host} was refused: {why}; nothing was sent."
    code = str(cause.verify_code)
    return CertificateRefused(msg, host=host, reason=reason, request=request, code=code, remedy=remedy)


_NEVER_IN_A_NAME = frozenset(" /\\@?#<>\"'[]{}|^`,;")


@functools.lru_cache(maxsize=64)
def is_host(name: str) -> bool:
    """Tell whether a host can be looked up at all: no part of its name is empty or too long, and none holds a space."""
    try:
        parts = name.removesuffix(".").encode("idna").split(b".")
    except UnicodeError:
        return False
    if not name.isprintable() or not _NEVER_IN_A_NAME.isdisjoint(name):
        return False
    return all(part and not part.startswith(b"-") for part in parts)
