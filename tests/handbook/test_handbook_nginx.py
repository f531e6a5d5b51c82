"""The page on nginx: a real one, started as the page has it, in front of a receiver."""

import asyncio
import contextlib
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from fastapi import FastAPI

from allmysms_async import Reply, RestBackend, SmsService
from allmysms_async.sandbox import Sandbox
from allmysms_async.webhooks import Receiver
from tests.webhooks.servers import uvicorn_server

from .blocks import Block, blocks

TOKEN = "a-token-that-nobody-can-guess"
UPSTREAM = "127.0.0.1:8080"


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of an unprivileged user's, who may not enter pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="handbook-nginx-", dir="/tmp"))  # fresh, and removed
    if (user := unprivileged()) is not None:
        shutil.chown(folder, user)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def unprivileged() -> str | None:
    """Return whom to start it as."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "www-data" if "www-data" in names else "nobody"


def configured(block: Block, home: Path, port: int, upstream: str) -> Path:
    """Write nginx's whole configuration around what the page shows."""
    shown = block.text.replace("server {", f"server {{\n    listen 127.0.0.1:{port};", 1)
    shown = shown.replace("/var/log/nginx", str(home)).replace(UPSTREAM, upstream)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
    path = home / "nginx.conf"
    path.write_text(
        f"daemon off;\npid {home}/pid;\nerror_log {home}/main.log;\nevents {{}}\nhttp {{\n{paths}\n{shown}\n}}\n",
        encoding="utf-8",
    )
    return path


@contextlib.asynccontextmanager
async def nginx_before(block: Block, home: Path, program: str, port: int, upstream: int) -> AsyncIterator[str]:
    """Start nginx as a page has it; give the address under which it answers."""
    path = configured(block, home, port, f"127.0.0.1:{upstream}")
    log = home / "started.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(program, "-e", str(home / "first.log"), "-p", str(home), "-c", str(path)),
            user=unprivileged(), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        async with asyncio.timeout(250):
            while True:
                assert process.returncode is None, log.read_text()
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}/allmysms/{TOKEN}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("nginx"), ids=lambda block: block.name)
async def test_nginx_passes_webhooks_on_and_logs_no_token(
    block: Block, home: Path, reserve: Callable[[], int], machine_lacks: Callable[[str], NoReturn]
) -> None:
    """What the gateway pushes comes through; logs tell neither token nor number; who calls is seen as who it is."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin"
    program = shutil.which("nginx", path=places) or machine_lacks("nginx (Debian: nginx-light)")
    receiver = Receiver(TOKEN, allow=["127.0.0.1"], trusted_proxies=["127.0.0.1"])
    replies: asyncio.Queue[str] = asyncio.Queue()

    @receiver.on_reply
    async def answered(reply: Reply) -> None:
        replies.put_nowait(reply.text)

    app = FastAPI()
    app.include_router(receiver.router(), prefix="/allmysms")
    async with (
        uvicorn_server(app) as upstream,
        nginx_before(block, home, program, reserve(), upstream) as url,
        Sandbox() as sandbox,
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2")) as stranger,
    ):
        backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url)
        await backend.api.webhooks.configure_webhook("mo", url)
        async with SmsService(backend) as sms:
            await sms.send("Bonjour", to="0612345678")
        sandbox.reply("0612345678", "Merci")
        async with asyncio.timeout(250):
            assert await replies.get() == "Merci"
        pretending = {"X-Forwarded-For": "127.0.0.1"}
        assert (await stranger.get(url, headers=pretending)).status_code == 403
    logged = (home / "webhook.log").read_text(encoding="utf-8")
    assert re.search(r'^127\.0\.0\.1 \[.+\] "GET /allmysms/\*\*\*" 200$', logged, re.M)
    told = "".join((home / name).read_text("utf-8") for name in os.listdir(home) if name.endswith(".log"))
    assert TOKEN not in told
    assert "612345678" not in told
