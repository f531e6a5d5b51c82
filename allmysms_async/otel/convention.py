"""Names of the conventions that are used, written by hand: the package that lists them is still changing.

Source: OpenTelemetry Semantic Conventions 1.30 to 1.38: HTTP (stable), messaging (development).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACTIVE_REQUESTS",
    "BACKEND",
    "BATCH_SIZE",
    "COST",
    "ERROR_TYPE",
    "EVENT",
    "HTTP_DURATION",
    "HTTP_METHOD",
    "HTTP_STATUS",
    "OPERATION",
    "OPERATION_DURATION",
    "OPERATION_TYPE",
    "OUTCOME",
    "PARTS",
    "PORT",
    "PROCESS_DURATION",
    "PROTOCOL",
    "REASON",
    "RECIPIENTS",
    "REPORT_LAG",
    "REQUEST",
    "RETRIES",
    "SENT",
    "SERVER",
    "SYSTEM",
    "SYSTEM_NAME",
    "URL",
]

SYSTEM_NAME: Final = "allmysms"
"""The value of ``messaging.system``."""

# Of HTTP and in general.
ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_STATUS: Final = "http.response.status_code"
PORT: Final = "server.port"
SERVER: Final = "server.address"
URL: Final = "url.full"
PROTOCOL: Final = "network.protocol.name"

# Of messaging.
BATCH_SIZE: Final = "messaging.batch.message_count"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
SYSTEM: Final = "messaging.system"

# Metrics of both.
ACTIVE_REQUESTS: Final = "http.client.active_requests"
HTTP_DURATION: Final = "http.client.request.duration"
OPERATION_DURATION: Final = "messaging.client.operation.duration"
PROCESS_DURATION: Final = "messaging.process.duration"
SENT: Final = "messaging.client.sent.messages"

# Our own, where the conventions have none.
BACKEND: Final = "allmysms.backend"
COST: Final = "allmysms.cost"
EVENT: Final = "allmysms.event"
OUTCOME: Final = "allmysms.outcome"
PARTS: Final = "allmysms.parts"
REASON: Final = "allmysms.reason"
RECIPIENTS: Final = "allmysms.recipients"
REPORT_LAG: Final = "allmysms.report.lag"
REQUEST: Final = "allmysms.request"
RETRIES: Final = "allmysms.retries"
