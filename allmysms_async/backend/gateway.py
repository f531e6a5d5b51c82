"""What every backend is, whatever it can be asked."""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

__all__ = ["Backend", "identity"]


@runtime_checkable
class Backend(Protocol):
    """A way to reach a gateway."""

    @property
    def name(self) -> str:
        """The protocol's short name, such as ``rest``."""
        ...

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them: protocol, server and login, hashed."""
        ...

    async def aclose(self) -> None:
        """Close what this backend opened."""
        ...


def identity(*parts: str) -> str:
    """Return a backend's ``identity``.

    Args:
        parts: The protocol's name, the server's address, the login, and whatever else tells accounts apart.
    """
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
