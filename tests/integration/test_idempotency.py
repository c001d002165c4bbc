"""An Idempotency-Key counts however a body is sent, or the request is refused; never is the work done without it."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.integration.houses import build_house
from tests.integration.test_runs import RUN, as_caller, count, over_image
from trapline.server.system import System

KEY = {"Idempotency-Key": "once"}


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_key_counts_for_each_form_of_a_body(
    system: System, app_client: httpx2.AsyncClient, kind: str, is_chunked: bool
) -> None:
    house = await build_house(system, "house")
    before = await count(system, "select count(*) from jobs")
    sent = json.dumps(over_image(house)).encode()

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        yield body[:7]
        yield body[7:]

    async def submit(body: bytes) -> httpx2.Response:
        headers = as_caller(house, **KEY, **{"Content-Type": kind})
        return await app_client.post(RUN, content=pieces(body) if is_chunked else body, headers=headers)

    first, second = await submit(sent), await submit(sent)
    assert (first.status_code, second.status_code) == (202, 202), first.text
    assert first.json() == second.json()
    assert (await submit(sent + b" ")).status_code == 409, "another body"
    assert await count(system, "select count(*) from jobs") == before + 1


async def test_a_key_is_the_same_wherever_a_route_is_mounted(system: System, app_client: httpx2.AsyncClient) -> None:
    house = await build_house(system, "house")
    body, headers = over_image(house), as_caller(house, **KEY)
    answers = [await app_client.post(path, json=body, headers=headers) for path in (RUN, f"/api/v2{RUN}", f"{RUN}/")]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.text for answer in answers}) == 1
    other = await app_client.post("/api/v2/jobs", json=body, headers=headers)
    assert other.status_code in (409, 422)


async def test_a_key_of_another_route_is_refused_though_the_body_is_the_same(
    system: System, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    body, headers = {"name": "Forest"}, as_caller(house, **KEY)
    token = await app_client.post("/api/v2/auth/tokens", json=body, headers=headers)
    assert token.status_code == 201, token.text
    projects = await count(system, "select count(*) from projects")
    refused = await app_client.post("/api/v2/projects", json=body, headers=headers)
    assert (refused.status_code, "Idempotency-Key" in refused.text) == (409, True)
    assert await count(system, "select count(*) from projects") == projects
    allowed = await app_client.post("/api/v2/projects", json=body, headers=headers | {"Idempotency-Key": "another"})
    assert allowed.status_code == 201, allowed.text


async def test_where_a_key_cannot_count_nothing_is_done(system: System, app_client: httpx2.AsyncClient) -> None:
    house = await build_house(system, "house")
    images = await count(system, "select count(*) from images")
    for _ in range(2):
        form = {"files": ("a.jpg", b"x", "image/jpeg")}
        data = {"project": house.ids["project_id"]}
        sent = await app_client.post("/api/v2/images", data=data, files=form, headers=as_caller(house, **KEY))
        assert sent.status_code == 400, sent.text
        assert "Idempotency-Key" in sent.json()["detail"]
    assert await count(system, "select count(*) from images") == images
