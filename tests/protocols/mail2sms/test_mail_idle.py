"""What a mail server says, or does, on a connection that waits for the next mail."""

import asyncio
import os
from socket import SHUT_RDWR
from typing import Any

import pytest

from allmysms_async import Mail2SmsBackend

PHONE = "33612345678"


@pytest.mark.parametrize("security", ["starttls", "plain"])
@pytest.mark.parametrize("said", [b"421 idle", b"550 go away", b"535 who", b"250 OK", b"2", None])
async def test_what_came_before_a_mail_is_no_answer_to_it(
    postman: Any, line: Any, request_of: Any, security: str, said: bytes | None
) -> None:
    """A connection on which something came, or its end, carries no mail, though nobody had a turn to read it."""
    transport = line(postman.port, security=security)
    backend = Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=transport)
    await backend.send(request_of("Bonjour", PHONE))
    writer: asyncio.StreamWriter = postman._writers[-1]
    if said is None:
        writer.get_extra_info("socket").shutdown(SHUT_RDWR)
    elif said == b"2":
        os.write(writer.get_extra_info("socket").fileno(), said)
    else:
        writer.write(said + b"\r\n")
    await backend.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken), len(postman.mails)) == (2, 2, 2)


async def test_a_dead_connection_leaves_the_mail_to_one_that_lives(postman: Any, line: Any, request_of: Any) -> None:
    """Of several idle connections the next mail goes over one that nothing came on."""
    backend = Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=line(postman.port))
    await asyncio.gather(*(backend.send(request_of("Bonjour", PHONE)) for _ in range(3)))
    assert postman.connections == 3
    for writer in postman._writers[1:]:
        writer.write(b"421 idle\r\n")
    await backend.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken)) == (3, 4)
