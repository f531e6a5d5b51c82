"""What can go wrong with the sandbox itself, as opposed to what it plays to its clients.

SandboxError (OSError)      it cannot listen
ControlError (ValueError)   it was told something it cannot do; the message says what is wrong
"""

__all__ = ["ControlError", "SandboxError"]


class SandboxError(OSError):
    """The sandbox cannot start, for instance because its port is taken."""


class ControlError(ValueError):
    """A control instruction is not valid; the message is a sentence for the person who wrote it."""
