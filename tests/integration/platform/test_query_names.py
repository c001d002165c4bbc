"""Every route refuses unknown query names, so that a misspelt filter never returns everything."""

from typing import Any

import httpx2
import pytest
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.app_context import AppContext

FIVE_CALLS = {
    ("get", "/api/v2/projects"),
    ("post", "/api/v2/projects/{project_id}/pipelines"),
    ("post", "/api/v2/jobs/{job_id}/tasks"),
    ("get", "/api/v2/jobs/{job_id}/tasks"),
    ("post", "/api/v2/jobs/{job_id}/result"),
}


def _auth(house: House, role: str = "owner") -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[role]}"}


async def test_every_route_refuses_a_name_that_it_does_not_know(
    app_client: httpx2.AsyncClient,
) -> None:
    document: dict[str, Any] = (await app_client.get("/api/v2/openapi.json")).json()
    let_through = []
    asked = 0
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            filled = path
            for parameter in route.get("parameters", []):
                if parameter["in"] == "path":
                    filled = filled.replace("{" + parameter["name"] + "}", "1")
            answer = await app_client.request(method, filled, params={"zzzunknown": "1"})
            asked += 1
            is_refused = answer.status_code == 422 and "zzzunknown" in answer.json()["detail"]
            if is_refused is ((method, path) in FIVE_CALLS):
                let_through.append((method, path, answer.status_code))
    assert asked > 150
    assert let_through == []


async def test_the_nearest_known_name_is_suggested(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    for path, name, nearest in (
        ("/api/v2/images", "confidence_mim", "confidence_min"),
        ("/api/v2/images", "clas", "class"),
        ("/api/v2/jobs", "statsu", "status"),
        ("/image-pull-sources", "projct", "project"),
    ):
        answer = await app_client.get(path, params={name: "1"}, headers=_auth(house))
        assert answer.status_code == 422, path
        assert f"did you mean `{nearest}`" in answer.json()["detail"]
        assert answer.json()["errors"][0]["where"] == name


async def test_worker_calls_name_what_they_ignore(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    answer = await app_client.get(
        "/api/v2/projects/", params={"page_size": 5, "x y": 1}, headers=_auth(house)
    )
    assert answer.status_code == 200
    assert answer.headers["X-Trapline-Ignored"] == "page_size, x%20y"
    claim = {"ids_only": "1", "pipeline__slug__in": "any", "ordering": "id"}
    answer = await app_client.get("/api/v2/jobs", params=claim, headers=_auth(house))
    assert answer.status_code == 200
    assert answer.headers["X-Trapline-Ignored"] == "ordering"
    assert (
        "X-Trapline-Ignored"
        not in (await app_client.get("/api/v2/projects", headers=_auth(house))).headers
    )


@pytest.mark.parametrize("name", ["search", "offset", "skip", "cutoff_hours", "logs_limit"])
async def test_names_that_filter_elsewhere_are_refused_by_worker_calls(
    system: AppContext, app_client: httpx2.AsyncClient, name: str
) -> None:
    house = await build_house(system, "house")
    for path, others in (("/api/v2/projects", {}), ("/api/v2/jobs", {"ids_only": "1"})):
        answer = await app_client.get(path, params={name: "1", **others}, headers=_auth(house))
        assert answer.status_code == 422
        assert name in answer.json()["detail"]


async def test_project_id_filters_jobs_in_both_forms(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    project = int(house.ids["project_id"])
    for flags in ({}, {"ids_only": "1"}):
        mine = await app_client.get(
            "/api/v2/jobs", params={"project_id": project, **flags}, headers=_auth(house)
        )
        other = await app_client.get(
            "/api/v2/jobs", params={"project_id": project + 1, **flags}, headers=_auth(house)
        )
        assert mine.status_code == 200
        assert len(mine.json()["results"]) > 0, flags
        assert other.status_code == 404 or other.json()["results"] == []
    both = {"project_id": project, "project": project + 1}
    assert (
        await app_client.get("/api/v2/jobs", params=both, headers=_auth(house))
    ).status_code == 400


@pytest.mark.parametrize("off", ["0", "false", ""])
async def test_a_flag_that_is_off_is_not_a_claim(
    system: AppContext, app_client: httpx2.AsyncClient, off: str
) -> None:
    house = await build_house(system, "house")
    answer = await app_client.get("/api/v2/jobs", params={"ids_only": off}, headers=_auth(house))
    assert "count" in answer.json()


async def test_unknown_paths_are_404_json_unless_a_document_is_requested(
    app_client: httpx2.AsyncClient,
) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/apiv2/images", "/api/v3/jobs", "/pipelines/run", "/image-pull-sources-old"):
        answer = await app_client.get(path, headers=html)
        assert (answer.status_code, answer.headers["content-type"]) == (
            404,
            "application/problem+json",
        ), path
    for accept in ("application/json", "*/*"):
        answer = await app_client.get("/imagess", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (
            404,
            "application/problem+json",
        )
    for path in ("/", "/projects/1/images?clas=deer"):
        answer = await app_client.get(path, headers=html)
        assert answer.headers["content-type"].startswith("text/html")
