"""Envoyer SMS Pro: form fields by POST, answers in XML, a limit of requests per hour.

Source: Envoyer SMS Pro.
"""

from __future__ import annotations

from allmysms_async.protocols.envoyersmspro.backend import EnvoyerSmsProBackend

__all__ = ["EnvoyerSmsProBackend"]
