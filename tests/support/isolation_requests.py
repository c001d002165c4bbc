"""Requests to every route with the IDs of a project, or of another one."""

import asyncio
from typing import Any

import httpx2

from tests.support.isolation_projects import Grounds
from tests.support.request_positions import Position, positions_of, put_at
from trapline.server.platform.http.request_context import get_route_key

# A body that the route would take, for each route that takes one: ids stand in braces.
BODIES: dict[str, Any] = {
    "POST /projects": {"name": "one more"},
    "PATCH /projects/{project_id}": {"description": "taken over"},
    "POST /projects/{project_id}/members": {"email": "owner@stranger.example", "role": "owner"},
    "PATCH /projects/{project_id}/members/{user_id}": {"role": "viewer"},
    "POST /users": {
        "email": "in@truder.example",
        "memberships": [{"project": "{project_id}", "role": "owner"}],
    },
    "PATCH /users/{user_id}": {"is_operator": True},
    "POST /source-folders": {"project": "{project_id}", "path": "/media"},
    "PATCH /auth/me": {"name": "taken over"},
    "PUT /auth/password": {"old": "not it", "new": "a long enough password"},
    "POST /deployments": {"project": "{project_id}", "name": "intruder"},
    "PATCH /deployments/{deployment_id}": {"name": "taken over"},
    "POST /deployments/csv": "name",
    "POST /deployments/{deployment_id}/clock/preview": {"clock_offset_s": 60},
    "POST /auth/tokens": {"name": "t", "kind": "worker", "projects": ["{project_id}"]},
    "POST /jobs": {"project": "{project_id}", "pipeline": "p"},
    "PATCH /jobs/{job_id}": {"name": "taken over"},
    "POST /jobs/{job_id}/retry": {"analyses": ["{analysis_id}"]},
    "POST /pipeline/run": {"pipeline": "p", "content": {"image": "{image_id}"}},
    "POST /pipeline/job/{job_id}/retry": {"analyses": ["{analysis_id}"]},
    "POST /jobs/{job_id}/tasks": {"batch_size": 1},
    "POST /jobs/{job_id}/result": {"results": []},
    "POST /projects/{project_id}/pipelines": {"processing_service_name": "s", "pipelines": []},
    "POST /presets": {"project": "{project_id}", "name": "intruder", "pipeline": "p"},
    "PATCH /presets/{preset_id}": {"description": "taken over"},
    "POST /saved-views": {"project": "{project_id}", "name": "intruder"},
    "PATCH /saved-views/{view_id}": {"name": "taken over"},
    "POST /exports": {"project": "{project_id}", "format": "csv"},
    "POST /taxa": {"project": "{project_id}", "scientific_name": "Meles meles"},
    "PATCH /taxa/{taxon_id}": {"rank": "genus"},
    "POST /taxa/import": "scientific_name",
    "POST /imports": "nothing",
    "POST /imports/{import_id}/folders": {"folders": {"Cam 1": "{deployment_id}"}},
    "PUT /taxa/labels": {
        "project": "{project_id}",
        "labels": [{"label": "fox", "taxon": "{taxon_id}"}],
    },
    "POST /image-pull-sources": {
        "project": "{project_id}",
        "deployment": "{deployment_id}",
        "name": "intruder",
        "base_url": "http://camera.example/",
    },
    "POST /image-pull-sources/test": {
        "source": {
            "project": "{project_id}",
            "deployment": "{deployment_id}",
            "name": "intruder",
            "base_url": "http://camera.example/",
        }
    },
    "PATCH /image-pull-sources/{source_id}": {"name": "taken over"},
    "POST /image-pull-sources/{source_id}/test": {"name": "taken over"},
    "PATCH /images": {"images": ["{image_id}"], "starred": True},
    "POST /identifications": {"identifications": [{"kind": "unsure", "images": ["{image_id}"]}]},
    "POST /annotations": {
        "annotations": [
            {
                "image": "{image_id}",
                "box": {"x_min": 0, "y_min": 0, "x_max": 5, "y_max": 5},
                "label": "hare",
            }
        ]
    },
    "PATCH /annotations/{annotation_id}": {"label": "taken over"},
    "PATCH /projects/{project_id}/observation-settings": {"review_threshold": 0.3},
    "POST /projects/{project_id}/observation-settings/preview": {"review_threshold": 0.3},
    "PUT /projects/{project_id}/palette": {"keys": [{"key": 1, "label": "fox"}]},
    "PUT /projects/{project_id}/sensitive-taxa/{taxon_id}": {"viewer": "withheld"},
    "POST /projects/{project_id}/review-sets": {"name": "intruder"},
    "POST /insights/audit-samples": {"images": 1},
    "PATCH /projects/{project_id}/review-sets/{set_id}": {"name": "taken over"},
    "POST /projects/{project_id}/review-sets/{set_id}/claims": {"count": 1},
    "POST /projects/{project_id}/review-sets/{set_id}/release": {},
    "PUT /projects/{project_id}/review-sets/{set_id}/controls/{image_id}": {"blank": True},
    "POST /identifications/withdraw": {"identifications": ["{identification_id}"]},
    "POST /sequences/split": {"image_id": "{image_id}"},
    "POST /sequences/merge": {"sequences": ["{sequence_id}"]},
    "POST /bulk-identifications": {"kind": "unsure", "images": ["{image_id}"]},
    "POST /images/delete": {"images": ["{image_id}"], "reason": "taken over"},
    "POST /images/restore": {"images": ["{image_id}"]},
    "POST /images/presign": {
        "project": "{project_id}",
        "files": [{"filename": "a.jpg", "size": 9, "sha256": "0" * 64, "media_type": "image/jpeg"}],
    },
    "POST /images/import": {"files": ["{staged_id}"]},
    "POST /images/{image_id}/analyses": {
        "image_id": "{image_id}",
        "model_name": "intruder",
        "model_version": "1",
    },
    "PATCH /analyses/{analysis_id}/status": {"status": "canceled"},
    "POST /analyses/{analysis_id}/artifacts/presign": {
        "artifact_type": "log",
        "filename": "log.txt",
    },
    "POST /analyses/{analysis_id}/annotations:bulk": {"annotations": []},
    "POST /analyses/{analysis_id}/finalize": {"status": "failed"},
    "POST /callback_keys": {"projects": ["{project_id}"], "service": "intruder"},
    "POST /callback_keys/check": {
        "project": "{project_id}",
        "target": "/api/analyses/1",
        # Without it, the message that is returned has the time of the request.
        "headers": {"x-ml-timestamp": "1700000000"},
    },
    "POST /webhooks": {"project": "{project_id}", "url": "https://intruder.example/"},
    "PATCH /webhooks/{webhook_id}": {"name": "taken over"},
    "POST /webhooks/{webhook_id}/deliveries/replay": {"deliveries": ["{delivery_id}"]},
    "POST /notification-subscriptions": {"project": "{project_id}", "kind": "job_failed"},
    "POST /workers/hello": {
        "service": "s",
        "name": "worker-1",
        "host": "h",
        "pid": 1,
        "pipelines": ["p"],
    },
    "POST /tasks/lease": {"pipelines": ["p"], "limit": 1},
    "POST /tasks/renew": {"leases": []},
    "POST /tasks/release": {"leases": []},
}


# Query parameters that a route requires in addition to the ID.
QUERIES: dict[str, dict[str, str]] = {
    "GET /images/days": {"project": "{project_id}"},
    "GET /summary": {"project": "{project_id}"},
    "GET /disagreements/matrix": {"source_a": "model:m/1", "source_b": "people"},
    "GET /insights/detections": {"species": "fox"},
    "GET /insights/reliability": {"source": "model:m/1"},
    "GET /insights/threshold": {"source": "model:m/1", "class": "fox"},
    "GET /insights/model-comparison": {"first": "model:m/1", "second": "model:m/2"},
    "POST /insights/audit-samples": {"project": "{project_id}"},
    "GET /insights/overlap": {"first": "fox", "second": "deer"},
    "GET /insights/tables": {"table": "species"},
    "DELETE /projects/{project_id}": {"name": "{project_name}"},
    "GET /analyses/{analysis_id}/export": {"format": "json"},
    "POST /imports": {"format": "megadetector"},
}


# The same without what names a project: the role is asked for all the same.
SELECTED_IN_BODY = frozenset({"POST /bulk-identifications"})
"""Routes that refuse a filter in the query together with the images in the body."""
LEAST_BODIES: dict[str, Any] = {"POST /auth/tokens": {"name": "t", "kind": "worker"}}


# Multipart routes: form fields that name a project.
FORMS: dict[str, dict[str, str]] = {"POST /images": {"project": "{project_id}"}}


def fill(value: Any, ids: dict[str, str]) -> Any:
    """Put a house's ids where a body has them in braces."""
    if isinstance(value, str) and value.startswith("{"):
        found = ids[value.strip("{}")]
        return int(found) if found.isdigit() else found
    if isinstance(value, dict):
        return {key: fill(inner, ids) for key, inner in value.items()}
    return [fill(inner, ids) for inner in value] if isinstance(value, list) else value


def _list_filters(key: str, body: Any, put: tuple[Position, str, Any] | None) -> tuple[str, ...]:
    """List the names in the query that narrow a request to the data of a project."""
    is_selected = "images" in (body or {}) or (put is not None and put[0].name == ".sequences[]")
    in_body = key in SELECTED_IN_BODY and is_selected
    is_put = put is not None and put[0].where == "query"
    return () if in_body and not is_put else ("project", "deployment")


def _list_required(key: str, operation: dict[str, Any], body: Any) -> set[str]:
    """List the names in the query without which a request is refused."""
    given = {one["name"] for one in operation.get("parameters", []) if one.get("required")}
    return given | ({"project"} if key in SELECTED_IN_BODY and "images" not in body else set())


async def call(
    grounds: Grounds,
    method: str,
    path: str,
    operation: dict[str, Any],
    ids: dict[str, str],
    headers: dict[str, str],
    *,
    bodies: dict[str, Any] = BODIES,
    put: tuple[Position, str, dict[str, str]] | None = None,
) -> httpx2.Response:
    """Call a route with the IDs of a project; `put` names the one replaced by another project's."""
    key = get_route_key(method, path)
    query = dict(fill(QUERIES.get(key, {}), ids))
    headers, body = dict(headers), None
    if "requestBody" in operation and key not in FORMS:
        assert key in BODIES, (
            f"{key} takes a body: add one to BODIES, so that its isolation is tested"
        )
        body = fill(bodies[key], ids)
    form = {name: str(fill(value, ids)) for name, value in FORMS.get(key, {}).items()}
    named: dict[str, str] = {}
    for position, held in positions_of(method, path, operation):
        if position.where == "path":
            named[position.name] = ids[held]
        elif position.name in _list_filters(key, body, put) and position.where == "query":
            query[position.name] = ids[held]
        elif position.where == "header" and position.name == "x-trapline-worker" and held in ids:
            headers.setdefault(position.name, ids[held])
    if put is not None:
        position, held, others = put
        value = others[held]
        match position.where:
            case "path":
                named[position.name] = value
            case "query":
                required = _list_required(key, operation, body)
                query = {name: given for name, given in query.items() if name in required} | {
                    position.name: value
                }
                form = {}
            case "header":
                headers[position.name] = value
            case "form":
                form = {position.name.lstrip("."): value}
            case _:
                typed: Any = int(value) if value.isdigit() else value
                body = put_at(body, position.name, typed)
    address = path.format(**named)
    async with asyncio.timeout(20):
        if key in FORMS:
            files = {"files": ("a.jpg", b"not a picture", "image/jpeg")}
            return await grounds.app_client.post(
                address, params=query, headers=headers, data=form, files=files
            )
        return await grounds.app_client.request(
            method, address, params=query, headers=headers, json=body
        )
