"""Every list of the API has one form, and editable objects report lost updates."""

import re
from typing import Any

import pytest
from tests.integration.projects.test_isolation import grounds
from tests.support.isolation_projects import Grounds
from tests.support.isolation_requests import BODIES, call, fill
from tests.support.request_positions import DOCUMENT, operations, positions_of

from trapline.server.app.http.access_table import ACCESS
from trapline.server.platform.http.request_context import get_route_key

__all__ = ["grounds"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = {
    "GET /images/days": "a row for each day on which there are images",
    "GET /public/projects/{project_id}/deployments": "only of public projects, tested separately",
    "GET /public/projects/{project_id}/images": "only of public projects, tested separately",
    "GET /images/classes": "as many as a project has classes, the most frequent first",
    "GET /taxa/suggestions": "as many as a project has classes, the most frequent first",
    "GET /images/tags": "as many as a project has tags, the most frequent first",
    "GET /projects/{project_id}/sensitive-taxa": "a thousand sensitive taxa at most",
    "GET /projects/{project_id}/review-sets/{set_id}/controls": "a thousand control items at most",
    "GET /projects/{project_id}/review-sets/{set_id}/disagreements": "two hundred items at most",
    "GET /projects/{project_id}/sensitive-taxa/{taxon_id}/sightings": (
        "a thousand deployments at most"
    ),
    "GET /jobs/{job_id}/failures": "a hundred reasons at most",
}
"""Lists without pages, with the reason why they are bounded, and lists only for some users."""
LIMITS = {"GET /pipeline/jobs": (1, 1000, 20), "GET /jobs": (None, None, None)}
"""Limits from the guides: runs have pages of 20; a worker without a limit gets every job."""
OLDER = {"since": "at_after"}
"""Names of ranges from before they had one form, and what is the same."""


def answer_of(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a response; empty if it is not JSON."""
    content = operation["responses"].get("200", {}).get("content", {})
    form: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    while "$ref" in form:
        form = DOCUMENT["components"]["schemas"][form["$ref"].rpartition("/")[2]]
    return form


def list_queries(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        given["name"]: given["schema"]
        for given in operation.get("parameters", [])
        if given["in"] == "query"
    }


LISTS = [
    pytest.param(path, operation, id=path)
    for method, path, operation in operations()
    if method == "GET" and "results" in answer_of(operation).get("properties", {})
    if get_route_key(method, path) not in SHORT
]


@pytest.mark.parametrize(("path", "operation"), LISTS)
async def test_a_list_has_the_form_of_all_lists(
    path: str, operation: dict[str, Any], grounds: Grounds
) -> None:
    assert {"results", "next", "count", "count_is_estimate"} <= answer_of(operation)[
        "properties"
    ].keys()
    queries, key = list_queries(operation), get_route_key("GET", path)
    limit = queries["limit"]
    bounds = (limit.get("minimum"), limit.get("maximum"), limit.get("default"))
    assert bounds == LIMITS.get(key, (1, 1000, 50))
    assert "cursor" in queries
    for name, form in queries.items():
        assert re.fullmatch(r"[a-z0-9]+(_+[a-z0-9]+)*", name), f"{name} is no snake_case"
        if "date-time" in str(form):
            assert name.endswith(("_after", "_before")) or OLDER[name] in queries, (
                f"{name} is no range of times"
            )
    required = [
        given["name"]
        for given in operation.get("parameters", [])
        if given["in"] == "query" and given.get("required")
    ]
    caller = grounds.operator if ACCESS[key].operators else grounds.people["house"].call_as("owner")

    async def ask(**query: Any) -> Any:
        named = {
            position.name: grounds.house.ids[held]
            for position, held in positions_of("GET", path, operation)
        }
        where = path.format(**named)
        needed = {name: named[name] for name in required}
        return await grounds.app_client.get(where, params=needed | query, headers=caller.headers)

    whole = await ask(limit=1000)
    assert whole.status_code == 200, whole.text
    assert {"results", "next", "count", "count_is_estimate"} <= whole.json().keys()
    assert whole.json()["next"] is None
    assert whole.json()["count"] == len(whole.json()["results"])
    for wrong in (0, 1001, "x", ""):
        assert (await ask(limit=wrong)).status_code == 422, f"limit={wrong}"
    for wrong in ("x", "bnVsbA", "W10", "WyJ4IiwgMSwgMl0"):
        assert (await ask(cursor=wrong)).status_code == 400, f"cursor={wrong}"
    for name, form in queries.items():
        if name == "order":
            assert (await ask(order="nonsense")).status_code == 422
            values = (
                DOCUMENT["components"]["schemas"][form["$ref"].rpartition("/")[2]]["enum"]
                if "$ref" in form
                else []
            )
            for value in values:
                assert (await ask(order=value)).status_code == 200, value
    shown = await ask(limit=1)
    paged = shown.json()["results"]
    while (following := shown.json()["next"]) is not None:
        shown = await ask(limit=1, cursor=following)
        paged += shown.json()["results"]
    assert len(paged) == len(whole.json()["results"]), "pages leave nothing out, and repeat nothing"
    assert len({str(one) for one in paged}) == len(paged)


EDITED = [
    pytest.param(path, operation, id=path)
    for method, path, operation in operations()
    if method == "PATCH"
]
NOT_MATCHED = {
    "PATCH /auth/me": "one's own name, last said holds",
    "PATCH /images": "many at once, each of whose marks is set whatever it was",
    "PATCH /analyses/{analysis_id}/status": "a move, which is compared with the state that it is "
    "from",
}
"""Objects that are changed without a version, with the reason why nothing is lost."""


@pytest.mark.parametrize(("path", "operation"), EDITED)
async def test_an_edit_of_something_older_is_refused(
    path: str, operation: dict[str, Any], grounds: Grounds
) -> None:
    key = get_route_key("PATCH", path)
    if key in NOT_MATCHED:
        return
    caller = grounds.pick_least(key)
    stale = caller.headers | {"If-Match": '"1.000000"'}
    body = dict(fill(BODIES.get(key, {}), grounds.spare.ids))
    lost = await call(
        grounds, "PATCH", path, operation, grounds.spare.ids, stale, bodies={key: body}
    )
    assert lost.status_code == 412, lost.text
    assert lost.headers["content-type"] == "application/problem+json"
    gets = DOCUMENT["paths"].get(path, {}).get("get")
    if gets is not None:
        seen = await call(grounds, "GET", path, gets, grounds.spare.ids, caller.headers)
        assert seen.headers["etag"], "who reads it is told its version"
        fresh = caller.headers | {"If-Match": seen.headers["etag"]}
        won = await call(
            grounds, "PATCH", path, operation, grounds.spare.ids, fresh, bodies={key: body}
        )
        assert won.status_code == 200, won.text
        assert won.headers["etag"] != seen.headers["etag"]
