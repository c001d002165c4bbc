"""One ID of another project in a request of the caller: at every place that accepts an ID."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from tests.integration.projects.test_isolation import ENDLESS, GUARDED, grounds
from tests.support.isolation_projects import Grounds
from tests.support.isolation_requests import BODIES, SELECTED_IN_BODY, call
from tests.support.project_with_roles import unknown_ids
from tests.support.request_positions import operations, positions_of
from uuid_utils.compat import uuid7

from trapline.server.app.http.access_table import ACCESS
from trapline.server.platform.db.cursors import encode_cursor
from trapline.server.platform.http.request_context import get_route_key
from trapline.server.queue.actions.tasks import LEASE_TOKENS
from trapline.server.queue.rules.lease_tokens import sign_lease_token

__all__ = ["grounds"]
RETRIES = ("POST /jobs/{job_id}/retry", "POST /pipeline/job/{job_id}/retry")
SOURCE = {"project": "{project_id}", "name": "by place", "base_url": "http://camera.example/"}
SIGNED = {"x-ml-timestamp": "1700000000", "x-ml-signature": f"sha256={'0' * 64}"}
RUN: dict[str, Any] = {"pipeline": "p", "content": {}}
BOX = {"annotation_type": "classification", "class_name": "fox", "data": {"score": 0.5}}
RESULT = {
    "result": {
        "pipeline": "p",
        "algorithms": {},
        "total_time": 1,
        "source_images": [],
        "detections": [],
    }
}
# Other fields of a body, if the body in BODIES would not be accepted with the ID.
BESIDE: dict[tuple[str, str], Any] = {
    ("POST /image-pull-sources", ".location_id"): SOURCE,
    ("POST /image-pull-sources/test", ".source.location_id"): {"source": SOURCE},
    ("POST /image-pull-sources/test", ".create_deployment.project"): {
        "source": {"name": "s", "base_url": "http://camera.example/"},
        "create_deployment": {"name": "made for it"},
    },
    ("POST /callback_keys/check", ".target"): BODIES["POST /callback_keys/check"]
    | {"headers": SIGNED},
    ("POST /pipeline/run", ".content.images[]"): RUN,
    ("POST /pipeline/run", ".content.deployment"): RUN | {"project": "{project_id}"},
    ("POST /pipeline/run", ".content.sequence"): RUN,
    ("POST /jobs", ".preset"): {"project": "{project_id}"},
    ("POST /pipeline/run", ".preset"): {"content": {"image": "{image_id}"}},
    ("POST /analyses/{analysis_id}/annotations:bulk", ".annotations[].parent"): {
        "annotations": [BOX]
    },
    ("POST /analyses/{analysis_id}/annotations:bulk", ".annotations[].storage_path"): {
        "annotations": [{"annotation_type": "heatmap", "data": {"width": 20, "height": 10}}]
    },
    ("POST /jobs/{job_id}/result", ".results[].reply_subject"): {"results": [RESULT]},
    ("POST /identifications", ".identifications[].taxon"): {
        "identifications": [{"kind": "correct", "images": ["{image_id}"]}]
    },
    ("POST /bulk-identifications", ".sequences[]"): {"kind": "unsure"},
    ("POST /bulk-identifications", ".excluded[]"): {"kind": "unsure"},
    **{
        ("POST /bulk-identifications", place): {"kind": "correct", "images": ["{image_id}"]}
        for place in (".taxon", ".taxa[].taxon")
    },
    ("POST /annotations", ".annotations[].taxon"): {
        "annotations": [
            {"image": "{image_id}", "box": {"x_min": 0, "y_min": 0, "x_max": 5, "y_max": 5}}
        ]
    },
    ("PATCH /annotations/{annotation_id}", ".taxon"): {},
    ("PUT /projects/{project_id}/review-sets/{set_id}/controls/{image_id}", ".taxon"): {},
    ("POST /identifications", ".identifications[].taxa[].taxon"): {
        "identifications": [{"kind": "correct", "images": ["{image_id}"]}]
    },
    ("PUT /projects/{project_id}/palette", ".keys[].taxon"): {"keys": [{"key": 1}]},
    **{(key, f".{name}[]"): {} for key in RETRIES for name in ("images", "analyses")},
}
# The status for a missing ID where it is not 404; the same for foreign and unknown IDs.
ENDS = ("", "/days", "/{image_id}", "/{image_id}/annotations")
OTHERWISE: dict[tuple[str, str], int] = {
    # Lists narrowed by something that is not there have nothing in them.
    ("GET /audit", "actor"): 200,
    ("GET /annotations", "deployment"): 200,
    ("GET /annotations", "job"): 200,
    **{
        (f"GET /{path}", "taxon"): 200
        for path in ("annotations", *(f"images{end}" for end in ENDS))
    },
    **{("GET /identifications", name): 200 for name in ("annotation", "image", "person", "taxon")},
    **{
        (f"GET /{path}", "identified_by"): 200
        for path in ("images", "images/days", "images/{image_id}")
    },
    **{
        (f"GET /{path}", name): 200
        for path in ("observations", "observations/groups", "disagreements/matrix")
        for name in ("deployment", "identified_by", "image", "job", "sequence", "taxon")
    },
    # No image matches.
    **{
        ("POST /projects/{project_id}/review-sets", name): 422
        for name in ("deployment", "identified_by", "job", "sequence", "taxon", ".people[]")
    },
    ("POST /insights/audit-samples", ".people[]"): 422,
    ("PATCH /projects/{project_id}/review-sets/{set_id}", ".people[]"): 422,
    ("GET /bulk-identifications", "person"): 200,
    ("POST /sequences/split", ".sequence_id"): 409,
    # An image that the filter does not match needs no exclusion.
    ("POST /bulk-identifications", ".excluded[]"): 201,
    ("PUT /projects/{project_id}/palette", ".keys[].taxon"): 422,
    # A filter is not allowed together with the images of the body.
    **{
        ("POST /bulk-identifications", name): 422
        for name in ("deployment", "identified_by", "job", "sequence", "taxon")
    },
    ("GET /jobs", "preset"): 200,
    ("GET /presets", "pipeline"): 200,
    # An image has no neighbours in such a list.
    **{
        (f"GET /images{path}", name): 200
        for path in ("", "/days", "/{image_id}")
        for name in ("deployment", "job", "sequence")
    },
    ("GET /summary", "deployment"): 200,
    ("GET /sequences", "deployment"): 200,
    # Deliveries that are not there are passed over.
    ("POST /webhooks/{webhook_id}/deliveries/replay", ".deliveries[]"): 202,
    # Images that are not there are left out.
    ("POST /jobs", ".selection.images[]"): 201,
    # Leases of other workers are reported as lost.
    ("POST /tasks/renew", ".begun[]"): 200,
    ("POST /tasks/renew", ".leases[]"): 200,
    ("POST /tasks/release", ".leases[]"): 200,
    ("POST /tasks/release", ".unsent[]"): 200,
    ("POST /jobs/{job_id}/result", ".results[].reply_subject"): 200,
    ("POST /jobs/{job_id}/result", "x-trapline-worker"): 200,
    # None of these is a failure of this job.
    **{(key, f".{name}[]"): 409 for key in RETRIES for name in ("images", "analyses")},
    # A stream begins at its beginning behind an event of another job.
    ("GET /pipeline/job/{job_id}/events", "last-event-id"): 200,
    # The content of the request is validated before anything is looked up.
    ("POST /images/{image_id}/analyses", "image_id"): 400,
    ("POST /images/{image_id}/analyses", ".image_id"): 400,
    ("POST /image-pull-sources", ".user_id"): 403,
    ("POST /image-pull-sources/test", ".source.user_id"): 403,
    # Names, which say what is missing in one's own project.
    ("POST /jobs", ".pipeline"): 422,
    ("POST /jobs", ".preset"): 422,
    ("POST /pipeline/run", ".pipeline"): 422,
    ("POST /pipeline/run", ".preset"): 422,
    ("POST /callback_keys/check", ".target"): 200,
    ("POST /analyses/{analysis_id}/annotations:bulk", ".annotations[].parent"): 422,
    ("POST /analyses/{analysis_id}/annotations:bulk", ".annotations[].storage_path"): 422,
    **{(f"POST /tasks/{name}", "x-trapline-worker"): 409 for name in ("lease", "renew", "release")},
}
# These make something of the caller's own all the same.
MAKING = {
    ("POST /jobs", ".selection.images[]"),
    ("POST /bulk-identifications", ".excluded[]"),
    ("POST /webhooks/{webhook_id}/deliveries/replay", ".deliveries[]"),
}


def _plain(answer: httpx2.Response, put: str) -> str:
    """Return the response without the ID that was put, values that change, and its position."""
    text = answer.text
    # A number does not identify the object: other numbers of the response may be equal.
    if answer.status_code >= 400 or not put.isdecimal():
        text = text.replace(put, "<it>").replace(put.partition(".")[0], "<it>")
    return re.sub(r'"(request_id|id|created_at|updated_at|queued_at|at)":("[^"]*"|\d+)', "", text)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "operation"), GUARDED)
async def test_one_foreign_id_is_as_good_as_none(
    method: str, path: str, operation: dict[str, Any], grounds: Grounds
) -> None:
    key = get_route_key(method, path)
    kinds = ACCESS[key].kinds
    assert kinds is not None
    house, own, refused = grounds.house, grounds.stranger, 403 if ACCESS[key].operators else 404
    key_of_leases = grounds.system.secrets.derive(LEASE_TOKENS)
    unknown = unknown_ids(house) | {"lease": sign_lease_token(key_of_leases, uuid7(), 1)}
    await grounds.note_changes()
    for position, held in positions_of(method, path, operation):
        bodies = BODIES | (
            {key: BESIDE[key, position.name]} if (key, position.name) in BESIDE else {}
        )
        for name in ("owner", "worker", "pipeline"):
            caller = grounds.people["stranger"].call_as(name)
            if caller.kind not in kinds:
                continue
            told = [
                await call(
                    grounds,
                    method,
                    path,
                    operation,
                    own.ids,
                    caller.headers,
                    bodies=bodies,
                    put=put,
                )
                for put in ((position, held, house.ids), (position, held, unknown))
            ]
            where = f"{key} {position} as {name}"
            expected = OTHERWISE.get((key, position.name), refused)
            assert [answer.status_code for answer in told] == [expected, expected], (
                f"{where}: {told[0].text}"
            )
            foreign, missing = [
                _plain(answer, ids[held])
                for answer, ids in zip(told, (house.ids, unknown), strict=True)
            ]
            assert foreign == missing, where
        if (key, position.name) in MAKING:
            await grounds.note_changes()
    await grounds.expect_unchanged()


@pytest.mark.asyncio(loop_scope="module")
async def test_ones_own_id_is_taken_there(grounds: Grounds) -> None:
    """Otherwise the test above would prove nothing."""
    refused, ids = [], grounds.spare.ids
    for method, path, operation in operations():
        key = get_route_key(method, path)
        kinds = ACCESS[key].kinds
        if kinds is None or key in ENDLESS:
            continue
        for position, held in positions_of(method, path, operation):
            if position.where == "path" or position.name == "last-event-id":
                continue  # every call of test_the_least_role_may_do_it has its own there
            bodies = BODIES | (
                {key: BESIDE[key, position.name]} if (key, position.name) in BESIDE else {}
            )
            if key in SELECTED_IN_BODY and position.where == "query":
                bodies = BODIES | {key: {"kind": "unsure"}}
            caller = grounds.pick_most(key)
            put = (position, held, ids)
            answer = await call(
                grounds, method, path, operation, ids, caller.headers, bodies=bodies, put=put
            )
            # Since an earlier call, the taxon is a synonym, and no image shows it.
            told = ("keys.0.taxon is not an accepted taxon", "The selection has no images")
            is_taken = any(text in answer.text for text in told)
            if not (answer.status_code < 400 or answer.status_code == 409 or is_taken):
                refused.append(
                    f"{key} {position} as {caller.name}: {answer.status_code} {answer.text[:300]}"
                )
    assert not refused, "\n".join(refused)


LISTS = [
    one
    for one in operations()
    if any(found["name"] == "cursor" for found in one[2].get("parameters", []))
    and not ACCESS[get_route_key(one[0], one[1])].operators  # one list for the whole installation
    and not ACCESS[get_route_key(one[0], one[1])].public_project  # the caller has no account
    and "/auth/" not in one[1]  # one's own, short and fetched whole before a cursor is read
]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cursor_of_another_list_shows_nothing_of_it(grounds: Grounds) -> None:
    """Request each list with the cursor of each list of another project: nothing leaks."""
    cursors, own = {}, {}
    for method, path, operation in LISTS:
        key = get_route_key(method, path)
        headers = grounds.people["house"].call_as("owner").headers
        page = (await _list(grounds, path, operation, grounds.house.ids, headers, limit="1")).json()
        # Of what a house has but one there is no next page: its cursor is made as the server would
        # make it.
        ids = [row.get("id") or row.get("user_id") for row in page.get("results", [])]
        if page["next"] or ids:
            cursors[key] = page["next"] or encode_cursor(ids[:1])
        headers = grounds.people["stranger"].call_as("owner").headers
        own[key] = _rows(
            (await _list(grounds, path, operation, grounds.stranger.ids, headers)).json()
        )
    assert len(cursors) >= 20, "few lists had anything in them"
    await grounds.note_changes()
    for method, path, operation in LISTS:
        key = get_route_key(method, path)
        for origin, cursor in cursors.items():
            answer = await _list(
                grounds, path, operation, grounds.stranger.ids, headers, cursor=cursor
            )
            where = f"{key} with a cursor of {origin}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code == 400 or answer.status_code == 200, where
            if answer.status_code == 200:
                assert all(row in own[key] for row in _rows(answer.json())), where
    await grounds.expect_unchanged()


async def _list(
    grounds: Grounds,
    path: str,
    operation: dict[str, Any],
    ids: dict[str, str],
    headers: dict[str, str],
    **query: str,
) -> httpx2.Response:
    required = {one["name"] for one in operation["parameters"] if one.get("required")}
    named: dict[str, dict[str, str]] = {"path": {}, "query": {}}
    for position, held in positions_of("GET", path, operation):
        if position.where in named and position.name in required:
            named[position.where][position.name] = ids[held]
    url = path.format(**named["path"])
    return await grounds.app_client.get(url, params=named["query"] | query, headers=headers)


def _rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a page by their identifiers; URLs in them are signed for each response."""
    rows = page.get("results", page.get("jobs", []))
    return [
        {key: row[key] for key in ("id", "job_id", "analysis_id", "path", "name") if key in row}
        for row in rows
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_no_signed_address_leads_anywhere_else(grounds: Grounds) -> None:
    """Return URLs of files with each part changed, removed, or taken from another URL."""
    of_house, of_stranger = [await _find_addresses(grounds, name) for name in ("house", "stranger")]
    assert {kind for kind, _ in of_house} == {"GET", "PUT"}
    await grounds.note_changes()
    for method, address in of_house:
        for changed in _change(address, [other for _, other in of_stranger]):
            answer = await grounds.app_client.request(
                method,
                changed,
                content=b"x" if method == "PUT" else None,
                headers={"Content-Type": "image/png"},
            )
            assert answer.status_code == 403, f"{method} {changed}: {answer.status_code}"
        swapped = "PUT" if method == "GET" else "GET"
        answer = await grounds.app_client.request(
            swapped, address, headers={"Content-Type": "image/png"}
        )
        assert answer.status_code == 403, f"{swapped} {address}: {answer.status_code}"
    await grounds.expect_unchanged()


async def _find_addresses(grounds: Grounds, name: str) -> list[tuple[str, str]]:
    ids = getattr(grounds, name).ids
    headers = grounds.people[name].call_as("owner").headers
    found = [("PUT", ids["upload"])]
    for path in (f"/images/{ids['image_id']}", f"/artifacts/{ids['artifact_id']}/download"):
        answer = await grounds.app_client.get(f"/api/v2{path}", headers=headers)
        told = answer.text + answer.headers.get("location", "")
        found += [
            ("GET", address) for address in re.findall(r'http://trapline.test/files/[^"\s]+', told)
        ]
    assert len(found) >= 3
    return found


def _change(address: str, others: list[str]) -> Iterator[str]:
    """An address with one thing changed at a time."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query))
    for name, value in query.items():
        longer = str(int(value) + 3600) if value.isdigit() else f"{value}0"
        for changed in (
            query | {name: longer},
            {key: kept for key, kept in query.items() if key != name},
        ):
            yield parts._replace(query=urlencode(changed)).geturl()
    for name in (
        ({"for", "filename", "size", "sha256"} - query.keys())
        if "type" in query
        else {"for", "filename"}
    ):
        if name not in query and ("type" not in query or name in ("size", "sha256")):
            yield parts._replace(query=urlencode(query | {name: "1"})).geturl()
    for other in others:
        theirs = urlsplit(other)
        if theirs.path != parts.path:
            yield parts._replace(path=theirs.path).geturl()
            signature = dict(parse_qsl(theirs.query))["signature"]
            yield parts._replace(query=urlencode(query | {"signature": signature})).geturl()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_idempotency_key_of_somebody_else_gives_nothing_of_theirs(
    grounds: Grounds,
) -> None:
    body = {"pipeline": "p", "content": {"image": grounds.house.ids["image_id"]}}
    asked = {"Idempotency-Key": "one key"}
    told = {}
    for name in ("house", "stranger"):
        headers = grounds.people[name].call_as("manager").headers | asked
        told[name] = await grounds.app_client.post("/pipeline/run", json=body, headers=headers)
        await grounds.note_changes()
    assert (told["house"].status_code, told["stranger"].status_code) == (202, 404)
    assert told["house"].json()["job_id"] not in told["stranger"].text
