"""The router of FastAPI: documented, started with the application, and in nobody's way."""

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException

from allmysms_async.errors import InvalidRequest
from allmysms_async.webhooks import Receiver

from .conftest import TOKEN, ask, query


def test_openapi_documents_it_without_the_token() -> None:
    """The documentation has GET and POST, each field, each answer, and no token."""
    app = FastAPI()
    app.include_router(Receiver(TOKEN).router(tags=["sms"]), prefix="/hooks")
    schema = app.openapi()
    (path,) = [path for path in schema["paths"] if path.startswith("/hooks/{token")]
    operations = schema["paths"][path]
    assert set(operations) == {"get", "post"}
    names = {one["name"] for one in operations["get"]["parameters"]}
    assert names == {
        *("token", "smsId", "status", "statusText", "smsMoId", "message", "receptionDate", "phoneNumber", "campaignId")
    }
    assert {"200", "404", "413", "414", "503"} <= set(operations["get"]["responses"])
    assert list(operations["get"]["responses"]["200"]["content"]) == ["text/plain"]
    assert "application/x-www-form-urlencoded" in operations["post"]["requestBody"]["content"]
    assert operations["get"]["tags"] == ["sms"]
    assert operations["get"]["operationId"] != operations["post"]["operationId"]
    token = next(one for one in operations["get"]["parameters"] if one["name"] == "token")
    assert "example" not in token
    assert "example" not in token["schema"]
    assert TOKEN not in json.dumps(schema)


async def test_including_it_starts_it() -> None:
    """The receiver starts and ends with the application, whatever lifespan that has of its own, however deep it is."""
    receiver = Receiver(TOKEN)
    began: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        began.append("own")
        yield

    app = FastAPI(lifespan=lifespan)
    outer = APIRouter(prefix="/a")
    outer.include_router(receiver.router("/b"))
    app.include_router(outer)
    assert (await ask(app, f"/a/b/{TOKEN}?{query()}"))[0] == 503
    async with app.router.lifespan_context(app):
        assert (await ask(app, f"/a/b/{TOKEN}?{query()}"))[:2] == (200, b"OK")
        assert (await ask(app, f"/a/b/deeper/{TOKEN}?{query(1)}"))[0] == 200
        assert (await ask(app, f"/a/{TOKEN}?{query(2)}"))[0] == 404
    assert (await ask(app, f"/a/b/{TOKEN}"))[0] == 503
    assert (began, receiver.stats.received) == (["own"], 2)


async def test_it_hides_no_other_path() -> None:
    """Without a prefix it still answers its own paths alone, whatever else is added after it."""
    receiver = Receiver(TOKEN)
    app = FastAPI()
    app.include_router(receiver.router())

    @app.get("/health")
    async def health() -> str:
        return "well"

    async with receiver:
        assert (await ask(app, "/health"))[:2] == (200, b'"well"')
        assert (await ask(app, "/docs"))[0] == 200
        assert (await ask(app, f"/{TOKEN}"))[:2] == (200, b"OK")
        assert (await ask(app, f"/{TOKEN}", method="DELETE"))[0] == 405
        wrong, nothing = await ask(app, f"/{TOKEN[1:]}"), await ask(app, "/nothing")
        assert wrong == nothing
        assert wrong[0] == 404


async def test_dependencies_of_the_application_hold() -> None:
    """What an application asks of every request of a router, it asks of these too."""

    async def refuse() -> None:
        raise HTTPException(status_code=418)

    receiver = Receiver(TOKEN)
    app = FastAPI()
    app.include_router(receiver.router(), prefix="/hooks", dependencies=[Depends(refuse)])
    async with receiver:
        assert (await ask(app, f"/hooks/{TOKEN}?{query()}"))[0] == 418
    assert receiver.stats.received == 0


@pytest.mark.parametrize("prefix", ["hooks", 7])
def test_prefix_begins_with_a_slash(prefix: str) -> None:
    """A prefix that no path can begin with is refused."""
    with pytest.raises(InvalidRequest):
        Receiver(TOKEN).router(prefix)
    with pytest.raises(InvalidRequest):
        Receiver(TOKEN).routes(prefix)
