"""The manual's samples, and how they are compared with what the codec writes and reads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from lxml import etree

from allmysms_async.exchange import HttpResponse
from allmysms_async.model import Secret
from allmysms_async.protocols.rest.codec import Credentials, Format, Formats, decode, encode
from allmysms_async.protocols.rest.operation import Operation

SAMPLES = Path(__file__).parents[2] / "samples" / "rest"
CREDENTIALS = Credentials(login=Secret("monidentifiant"), api_key=Secret("maclef"))


def plain(value: object) -> object:
    """Return structs as dictionaries, all the way down, each with its fields as they are."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__ if name != "raw"}
    return tuple(plain(element) for element in value) if isinstance(value, tuple) else value


def types(value: object) -> object:
    """Return the types of what ``plain`` returns."""
    if isinstance(value, dict):
        return {name: types(element) for name, element in value.items()}
    return tuple(types(element) for element in value) if isinstance(value, tuple) else type(value)


def tree(element: Any) -> object:
    """Return an element as its name with its text or its children; the order of what is not repeated is free."""
    if len(element) == 0:
        return element.tag, element.text or ""
    return element.tag, sorted((tree(child) for child in element), key=lambda node: node[0])  # type: ignore[index]


class Sample:
    """One case of the samples, in one format."""

    def __init__(self, name: str) -> None:
        """Find it; what ends in ``_xml`` is XML."""
        self.folder = SAMPLES / name
        self.format: Format = "xml" if name.endswith("_xml") else "json"
        self.formats = Formats(flow=self.format, answer=self.format)

    def check_request(self, operation: Operation[Any], path: str) -> None:
        """Compare what is written with the printed request, and the address with the printed one."""
        base_url = "https://api.allmysms.com"
        request = encode(
            operation, CREDENTIALS, base_url=base_url, timeout=1, max_response_bytes=1, formats=self.formats
        )
        assert (request.method, request.url) == ("POST", f"{base_url}/http/9.0/{path}")
        written = dict(parse_qsl(request.body.decode("ascii"), strict_parsing=True, keep_blank_values=True))
        printed = (self.folder / "request").read_text()
        if operation.route.flow is None:
            fields = dict(parse_qsl(printed, keep_blank_values=True))
            # The printed addresses of the two simple methods leave the reply format out.
            assert written == ({"returnformat": "json"} if operation.route.json_only else {}) | fields
            return
        head, _, flow = printed.partition(f"&{operation.route.flow.name}=")
        sent = written.pop(operation.route.flow.name)
        assert written == dict(parse_qsl(head, keep_blank_values=True))
        if self.format == "json":
            assert json.loads(sent) == json.loads(flow)
        else:
            parser = etree.XMLParser(remove_blank_text=True)
            assert tree(etree.fromstring(sent.encode())) == tree(etree.fromstring(flow.strip().encode(), parser))
            # As annex 1 prints it.
            assert ("<MESSAGE><![CDATA[" in sent) == ("<MESSAGE>" in sent)

    def check_answer(self, operation: type[Operation[Any]], expected: dict[str, Any]) -> None:
        """Compare each field of the printed answer, and its type, with what is read."""
        body = (self.folder / "response").read_bytes()
        result = decode(operation, HttpResponse(status=200, headers={}, body=body), formats=self.formats)
        assert plain(result) == expected
        assert types(plain(result)) == types(expected)
        assert repr(result)
        if self.format == "json":
            raw = {key: value.reveal() if isinstance(value, Secret) else value for key, value in result.raw.items()}
            assert raw == json.loads(body)
        else:
            root = etree.fromstring(body)
            assert list(result.raw) == [child.tag for child in root]


@pytest.fixture
def sample() -> Callable[[str], Sample]:
    """Gives a case by its name."""
    return Sample
