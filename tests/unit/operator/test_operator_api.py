"""The operator's requests to the API server, recorded by a fake one."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from tradebot_operator.api import METADATA_ONLY, Api, ApiError, Listed
from tradebot_operator.login import AUTHORIZATION

CHILD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "trader-btc", "namespace": "bots", "uid": "u"},
}
CHILD_PATH = "/apis/apps/v1/namespaces/bots/deployments/trader-btc"


class Server:
    """Records each request; responds with `answers`, and after that with an empty object."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Mapping[str, str], Any]] = []
        self.answers: list[web.Response] = []
        self.address = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append(
            (request.method, request.path, dict(request.query), request.headers, body)
        )
        return self.answers.pop(0) if self.answers else web.json_response({})


def refusal(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """Returns a client whose token differs each time its credentials are read."""
    read = 0

    async def load() -> client.Configuration:
        nonlocal read
        read += 1
        found = client.Configuration(host=server.address)
        found.api_key[AUTHORIZATION] = f"Bearer token-{read}"
        return found

    made = Api(load)
    yield made
    await made.close()


async def test_a_child_is_applied_by_name_with_our_field_manager_and_by_force(
    server: Server, api: Api
) -> None:
    server.answers.append(web.json_response(CHILD))
    assert await api.apply(CHILD) == CHILD
    ((method, path, query, headers, body),) = server.asked
    assert (method, path, body) == ("PATCH", CHILD_PATH, CHILD)
    assert query == {"fieldManager": "tradebot-operator", "force": "true"}
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert headers["Authorization"] == "Bearer token-1"


async def test_a_status_is_applied_to_the_subresource_alone(server: Server, api: Api) -> None:
    await api.apply_status("bots", {"kind": "TradeBot", "metadata": {"name": "btc"}})
    ((method, path, *_),) = server.asked
    assert method == "PATCH"
    assert path == "/apis/tradebot.dev/v1alpha1/namespaces/bots/tradebots/btc/status"


async def test_a_json_patch_keeps_its_content_type(server: Server, api: Api) -> None:
    steps = [{"op": "remove", "path": "/spec/x"}]
    await api.patch("Deployment", "bots", "trader-btc", steps, "application/json-patch+json")
    ((method, path, _, headers, body),) = server.asked
    assert (method, path, body) == ("PATCH", CHILD_PATH, steps)
    assert headers["Content-Type"] == "application/json-patch+json"


async def test_a_deletion_names_the_very_object_and_one_that_is_gone_is_no_error(
    server: Server, api: Api
) -> None:
    server.answers.append(refusal(404, "NotFound", "not found"))
    await api.delete(CHILD)
    ((method, path, _, _, body),) = server.asked
    assert (method, path) == ("DELETE", CHILD_PATH)
    assert body["preconditions"] == {"uid": "u"}


async def test_a_refusal_carries_its_reason_and_its_message(server: Server, api: Api) -> None:
    server.answers.append(refusal(422, "Invalid", "spec.replicas: must be a number"))
    with pytest.raises(ApiError, match="must be a number") as refused:
        await api.apply(CHILD)
    assert (refused.value.status, refused.value.reason) == (422, "Invalid")


async def test_a_response_of_something_other_than_an_api_server_is_a_refusal_too(
    server: Server, api: Api
) -> None:
    server.answers.append(web.Response(status=502, text="<html>bad gateway</html>"))
    with pytest.raises(ApiError, match="returned 502"):
        await api.apply(CHILD)


async def test_a_token_that_is_refused_is_read_again_once(server: Server, api: Api) -> None:
    server.answers += [refusal(401, "Unauthorized", "no")]
    await api.apply(CHILD)
    tokens = [headers["Authorization"] for _, _, _, headers, _ in server.asked]
    assert tokens == ["Bearer token-1", "Bearer token-2"]
    server.answers += [refusal(401, "Unauthorized", "no"), refusal(401, "Unauthorized", "never")]
    with pytest.raises(ApiError, match="never"):
        await api.apply(CHILD)


async def test_names_and_generations_are_listed_without_their_objects(
    server: Server, api: Api
) -> None:
    metadata = {"name": "btc", "uid": "u", "generation": 2, "labels": {"a": "b"}}
    server.answers.append(web.json_response({"items": [{"metadata": metadata}]}))
    assert await api.listed_metadata("TradeBot", "bots", "a=b") == [Listed("btc", "u", 2)]
    ((_, _, query, headers, _),) = server.asked
    assert headers["Accept"] == METADATA_ONLY
    assert query == {"labelSelector": "a=b"}
