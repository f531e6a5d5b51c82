"""Addresses that are called with reports and answers.

Source: HTTPS API v9, §41 (getWebhook), §42 (configureWebhook), §43 (deleteWebhook).
"""

import asyncio
from urllib.parse import urlsplit

from allmysms_async.sandbox.push import LOOPBACK

from .call import Call
from .status import Answer, done, failed

__all__ = ["configure_webhook", "delete_webhook", "get_webhook"]

_KINDS = ("dlr", "mo")
_SECONDS = 5
_MOST = 64 * 1024


def get_webhook(call: Call) -> Answer:
    """Tell the addresses."""
    webhooks = call.account.webhooks
    return {"webhookDlr": webhooks.get("dlr", ""), "webhookMo": webhooks.get("mo", "")}


async def configure_webhook(call: Call) -> Answer:
    """Set an address, which is tried at once.

    One on this machine is really called; any other is taken on trust, since the sandbox does not leave the machine.
    """
    kind, url = call.form.word("type").lower(), call.form.word("url")
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return failed("invalid url")
    if kind not in _KINDS or parts.scheme not in ("http", "https") or not parts.hostname:
        return failed("invalid parameters")
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await _get(parts.hostname, port, target)
        except (OSError, TimeoutError):
            answer = b""
        if answer.strip() != b"OK":
            return failed("the url does not return OK")
    call.world.set_webhook(call.account, kind, url)
    return done("webhook successfully configured")


def delete_webhook(call: Call) -> Answer:
    """Forget an address."""
    kind = call.form.word("type").lower()
    if kind not in _KINDS or call.account.webhooks.pop(kind, None) is None:
        return failed("webhook not found")
    return done("webhook successfully deleted")


async def _get(host: str, port: int, target: str) -> bytes:
    """Return what an address on this machine answers to a plain GET; empty unless it is a 200."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        await writer.drain()
        whole = bytearray()
        while len(whole) < _MOST and (piece := await reader.read(_MOST)):
            whole += piece
    finally:
        writer.close()
    head, _, body = bytes(whole).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)
    return body if len(status) > 1 and status[1] == b"200" else b""
