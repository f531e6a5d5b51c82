"""The short way through an answer reads what h11 reads, and hands over what it does not."""

import asyncio
from typing import Any

import h11
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import ProtocolError, RequestTimeout
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import H11Transport
from allmysms_async.transports.line import Line
from allmysms_async.transports.wire import begun, read_ordinary

from .test_transport import scripted

ORDINARY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"

# fmt: off
_NAMES = st.sampled_from([
    "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Date", "X-a", "Content-Type", "Set-Cookie",
    "Content-Encoding", "Upgrade", "b ad", "", " folded", "x\x00", "é",
])
_VALUES = st.sampled_from([
    "0", "2", "5", "05", "+5", "5, 5", "5,6", "1e1", "chunked", "keep-alive", "close", "Keep-Alive", "identity", "gzip",
    "", " a\tb ", "x\x01", "x\x7f", "x\x00", "é", "a\nb: c", "a\rb", "٥",
])
_FIRST = st.sampled_from([
    "HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 OK", "HTTP/1.1 201 OK", "HTTP/1.1 204 No",
    "HTTP/1.1 100 Continue", "HTTP/1.1  200 OK", "http/1.1 200 OK", "HTTP/1.1 200 \x00", "HTTP/2.0 200 OK",
])
# fmt: on
_ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"])


@st.composite
def _answers(draw: Any) -> bytes:
    fields = draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=5))
    length = draw(st.sampled_from([[("Content-Length", "5")], []]))
    end = draw(_ENDS)
    head = draw(_FIRST) + end + "".join(f"{name}: {value}{end}" for name, value in [*fields, *length])
    return f"{head}{end}".encode() + draw(st.sampled_from([b"", b"{}", b"hello", b"hello, HTTP/1.1 200 OK\r\n\r\n"]))


def _by_h11(received: bytes) -> tuple[dict[str, str], bytes, bool]:
    """Return the fields, the body and whether nothing came after it."""
    parser = h11.Connection(h11.CLIENT)
    head = h11.Request(method="POST", target="/", headers=[("Host", "a"), ("Content-Length", "0")])
    parser.send(head)
    parser.send(h11.EndOfMessage())
    parser.receive_data(received)
    answer = parser.next_event()
    assert isinstance(answer, h11.Response)
    assert answer.status_code == 200
    body = b""
    while isinstance(event := parser.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert parser.our_state is h11.DONE
    fields = {name.decode(): value.decode() for name, value in answer.headers}
    assert len(fields) == len(answer.headers)
    return fields, body, parser.their_state is h11.DONE and not parser.trailing_data[0]


@given(_answers())
def test_what_is_read_in_one_pass_is_what_h11_reads(received: bytes) -> None:
    """An answer that the short way takes has the same fields and body for h11, and leaves the connection usable."""
    found = read_ordinary(received)
    if found is None or len(received) < found[2]:
        return
    fields, begin, end = found
    assert _by_h11(received) == (fields, received[begin:end], len(received) == end)


@pytest.mark.parametrize("fields", [b"", b"Date: now\r\nConnection: keep-alive\r\n", b"X-a:\r\n"])
def test_usual_answers_are_read_in_one_pass(fields: bytes) -> None:
    """What a gateway nearly always answers is not left to the long way."""
    assert read_ordinary(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 2\r\n\r\n{}") is not None


@pytest.mark.parametrize("kind", ["default"], indirect=True)
async def test_connection_carries_any_amount_of_answers(server: Any, transport: H11Transport) -> None:
    """What came on a connection in all does not count for an answer: the hundredth is read as the first was."""
    body = b"x" * 30_000

    async def answer(_: Any, __: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + body)

    server.script = answer
    for _ in range(40):
        assert (await transport.send(server.request())).body == body
    assert server.connections == 1


@pytest.mark.parametrize("kind", ["default"], indirect=True)
@pytest.mark.parametrize("cut", [1, 20, 40, 41, 45, 50])
async def test_answer_in_pieces_is_read_as_one(server: Any, transport: H11Transport, cut: int) -> None:
    """Wherever the network cuts an answer, it is the same, and the connection is kept."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"

    async def in_pieces(_: Any, __: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in (whole[:cut], whole[cut : cut + 2], whole[cut + 2 :]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    server.script = in_pieces
    for _ in range(2):
        answer = await transport.send(server.request())
        assert (answer.status, answer.body) == (200, b"0123456789")
    assert server.connections == 1


@pytest.mark.parametrize("kind", ["default"], indirect=True)
async def test_ordinary_answer_over_the_limit_is_refused(server: Any, transport: H11Transport) -> None:
    """The bound of a request holds on the short way too."""
    server.script = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")
    with pytest.raises(ProtocolError, match="longer than 9 bytes"):
        await transport.send(server.request(max_response_bytes=9))


@pytest.mark.parametrize("kind", ["default"], indirect=True)
async def test_two_answers_to_one_request_end_the_connection(server: Any, transport: H11Transport) -> None:
    """The second one could be taken for the answer to another request: nobody gets it."""
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    server.script = scripted(one + b"1" + one + b"2")
    for _ in range(2):
        assert (await transport.send(server.request())).body == b"1"
    assert server.connections == 2


@pytest.mark.parametrize("kind", ["default"], indirect=True)
@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}, {"X-Own": "a b", "accept": "*/*"}])
async def test_head_is_written_as_h11_writes_it(server: Any, transport: H11Transport, headers: dict[str, str]) -> None:
    """A head that is kept from an earlier request, or cannot be, is the one that h11 writes."""
    request = msgspec.structs.replace(server.request(), headers=headers)
    for _ in range(2):
        await transport.send(request)
    fields = [("Host", f"localhost:{server.port}"), ("Accept-Encoding", "identity")]
    fields += [*headers.items(), ("Content-Length", "3")]
    head = h11.Request(method="POST", target="/http/9.0/sendSms/", headers=fields)
    assert [written for written, _ in server.requests] == 2 * [h11.Connection(h11.CLIENT).send(head)]


@pytest.mark.parametrize("kind", ["default"], indirect=True)
@pytest.mark.parametrize("first", [3, 600, 5000])
async def test_time_of_a_request_is_its_own(
    server: Any, transport: H11Transport, until: Any, pass_time: Any, first: float
) -> None:
    """Whatever time an earlier request on the connection had, the next one is given up when its own is over."""
    await transport.send(server.request(timeout=first))

    async def silent(_: Any, __: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1e6)

    server.script = silent
    sending = asyncio.create_task(transport.send(server.request(timeout=1000)))
    await until(lambda: len(server.requests) == 2)
    pass_time(800)
    assert await asyncio.wait({sending}, timeout=0.05) == (set(), {sending})
    pass_time(200)
    with pytest.raises(RequestTimeout):
        await sending
    assert server.connections == 1


async def test_time_that_is_over_when_the_answer_is_there_ends_nothing() -> None:
    """An answer that came in the same turn as the end of its time is read, and the next request has its own time."""
    line = Line((False, "127.0.0.1", 1))
    first, second = asyncio.get_running_loop().time() + 60, asyncio.get_running_loop().time() + 120
    request = HttpRequest(name="sendSms", url="http://127.0.0.1:1/", body=b"", headers={}, timeout=60)
    written = _Written()
    line.connection_made(written)
    address, head = begun("POST", request.url, ())
    assert head is not None
    for until, came in ((first, ORDINARY), (second, CHUNKED)):
        line.write((address, head, None), request, fresh=False)
        waiting = asyncio.ensure_future(line.answered(request, until))
        await asyncio.sleep(0)
        line.data_received(came)
        if until == first:
            line._expire(until)
        assert (await waiting).body == b"OK"
        assert line.rest(0.0)
    line.close()


class _Written(asyncio.Transport):
    """Takes what a connection writes."""

    def write(self, data: Any) -> None:
        """Take it."""

    def get_write_buffer_size(self) -> int:
        """Return that nothing waits."""
        return 0

    def abort(self) -> None:
        """End nothing."""
