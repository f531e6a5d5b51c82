"""What public clients do on the wire, and what the gateway makes of it. Source: HTTPS API v9, §5 to §7."""

import asyncio
import random
from urllib.parse import unquote_to_bytes

import pytest

from allmysms_async.sandbox import application
from allmysms_async.sandbox.form import unquote_form

AUTH = {"login": "demo", "apiKey": "demo-key"}
ONE = AUTH | {"message": "Bonjour \u00e9t\u00e9 = 100 % & plus+", "mobile": "0612345678"}


@pytest.mark.parametrize("path", ["/http/9.0", "/http/9.0/", "/HTTP/9.0//"])
async def test_simple_send_answers_with_and_without_final_slash(sandbox, gateway, path):
    """The final slash does not matter, and nobody is redirected."""
    assert (await gateway.http.post(path, data=ONE)).json()["status"] == 100
    assert sandbox.messages("0612345678")[0]["text"] == ONE["message"]


@pytest.mark.parametrize("path", ["getInfo", "getinfo/", "GETINFO"])
async def test_method_name_is_read_in_any_case(gateway, path):
    """The method's name is not case-sensitive."""
    assert (await gateway.http.post(f"/http/9.0/{path}", data=AUTH)).json()["status"] == "Active Account"


async def test_get_works_for_short_requests_only(sandbox, gateway):
    """A GET is understood up to 1024 characters of query; what is cut off is not there."""
    assert (await gateway.http.get("/http/9.0/", params=ONE)).json()["status"] == 100
    long = {"message": "a" * 1024, "mobile": "0612345678"} | AUTH
    assert (await gateway.http.get("/http/9.0/", params=long)).json()["status"] == 102
    assert sandbox.stats()["messages"] == 1


async def test_multipart_body_is_understood(sandbox, gateway):
    """A multipart body is read like a form, file parts included."""
    files = {name: (None, value.encode()) for name, value in ONE.items()}
    assert (await gateway.http.post("/http/9.0/", files=files)).json()["status"] == 100
    assert sandbox.messages("0612345678")[0]["text"] == ONE["message"]
    flow = '{"DATA": {"MESSAGE": "b", "SMS": [{"MOBILEPHONE": "0612345678"}]}}'
    sent = await gateway.http.post("/http/9.0/sendSms", data=AUTH, files={"smsData": ("flow.json", flow)})
    assert sent.json()["status"] == 100


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_broken_multipart_body_has_no_login(gateway, kind):
    """A multipart body that cannot be read has no fields."""
    response = await gateway.http.post("/http/9.0/", content=b"--y\r\nnonsense", headers={"content-type": kind})
    assert response.json()["status"] == 102


async def test_login_is_taken_from_the_query_too(gateway):
    """Login and key may be in the query while the rest is in the body, which wins where both say something."""
    body = {"message": "a", "mobile": "0612345678"}
    assert (await gateway.http.post("/http/9.0/", params=AUTH, data=body)).json()["status"] == 100
    wrong = await gateway.http.post("/http/9.0/", params=AUTH, data=body | {"apiKey": "wrong"})
    assert wrong.json()["status"] == 102


async def test_body_without_content_type_is_read_as_a_form(gateway):
    """A body that declares nothing is url-encoded."""
    response = await gateway.http.post("/http/9.0/getInfo", content=b"login=demo&apiKey=demo%2Dkey")
    assert response.json()["status"] == "Active Account"


async def test_empty_strings_stand_for_absent_values(gateway):
    """Optional fields may come empty."""
    empty = {"tpoa": "", "date": "", "campaign": "", "coding": "", "uniqueidentifier": "", "returnformat": ""}
    assert (await gateway.http.post("/http/9.0/", data=ONE | empty)).json()["status"] == 100


async def test_text_that_is_not_utf8_is_lost(sandbox, gateway):
    """Latin-1 arrives as question marks in a text, and breaks a flow."""
    body = b"login=demo&apiKey=demo-key&mobile=0612345678&message=%E9t%E9"
    assert (await gateway.http.post("/http/9.0/", content=body)).json()["status"] == 100
    assert sandbox.messages("0612345678")[0]["text"] == "?t?"
    flow = b'login=demo&apiKey=demo-key&smsData={"DATA":{"MESSAGE":"%E9","SMS":[]}}'
    assert (await gateway.http.post("/http/9.0/sendSms", content=flow)).json()["status"] == 109


async def test_what_is_not_served_is_404_or_405(gateway):
    """Unknown methods, other paths and other verbs are told so."""
    assert (await gateway.http.post("/http/9.0/getNothing", data=AUTH)).status_code == 404
    assert (await gateway.http.post("/http/9.0/getInfo/more", data=AUTH)).status_code == 404
    assert (await gateway.http.get("/nothing")).status_code == 404
    assert (await gateway.http.put("/http/9.0/getInfo", data=AUTH)).status_code == 405


async def test_body_over_the_limit_is_413(sandbox):
    """A body that announces more than 64 MB is refused unread."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    writer.write(b"POST /http/9.0/ HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (64 * 1024 * 1024 + 1))
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_streamed_body_over_the_limit_is_413(gateway, monkeypatch):
    """A body that does not say how long it is, is refused once it is too long."""
    monkeypatch.setattr(application, "MAX_BODY", 1000)

    async def stream():
        yield b"login=demo&apiKey=demo-key&message="
        yield b"a" * 1000

    assert (await gateway.http.post("/http/9.0/", content=stream())).status_code == 413


def test_fast_decoder_agrees_with_the_standard_one():
    """The quick reading of url-encoded bytes gives what the slow one gives, on broken input too."""
    chance = random.Random(1)
    for _ in range(20_000):
        value = bytes(chance.choice(b"%%%%009aAfFgG=+ \t\r\n.x\xff") for _ in range(chance.randint(0, 12)))
        assert unquote_form(value) == unquote_to_bytes(value.replace(b"+", b" "))
