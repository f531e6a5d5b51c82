"""Envoyer SMS Pro as the sandbox plays it.

Source: Envoyer SMS Pro.
"""

from .face import EnvoyerSmsProFace

__all__ = ["EnvoyerSmsProFace"]
