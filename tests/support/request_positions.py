"""Every place of a request that can name something of a project, read from the OpenAPI document."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from trapline.server.app.http.application import build_application
from trapline.server.platform.http.request_context import get_route_key
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS

DOCUMENT: dict[str, Any] = build_application(None).openapi()
ID_FROM = 2**31
"""A whole number that may be as large as this may be an id."""

HOLDS = {
    "project_id": "project_id",
    "project": "project_id",
    "projects[]": "project_id",
    "deployment_id": "deployment_id",
    "deployment": "deployment_id",
    "deployment[]": "deployment_id",
    "location_id": "deployment_id",
    "image_id": "image_id",
    "image": "image_id",
    "images[]": "image_id",
    "files[]": "staged_id",
    "source_id": "source_id",
    "run_id": "run_id",
    "job_id": "job_id",
    "job": "job_id",
    "analysis_id": "analysis_id",
    "analyses[]": "failed_id",
    "algorithm_id": "algorithm_id",
    "annotation_id": "annotation_id",
    "annotation": "annotation_id",
    "annotations[]": "annotation_id",
    "identification_id": "identification_id",
    "identifications[]": "identification_id",
    "bulk_id": "bulk_id",
    "change_id": "change_id",
    "excluded[]": "image_id",
    "parent": "parent_id",
    "supersedes": "annotation_id",
    "artifact_id": "artifact_id",
    "storage_path": "artifact_path",
    "key_id": "key_id",
    "webhook_id": "webhook_id",
    "folder_id": "folder_id",
    "delivery_id": "delivery_id",
    "deliveries[]": "delivery_id",
    "notice_id": "notice_id",
    "preset_id": "preset_id",
    "view_id": "view_id",
    "export_id": "export_id",
    "taxon_id": "taxon_id",
    "import_id": "import_id",
    "taxon": "taxon_id",
    "taxon[]": "taxon_id",
    "accepted": "accepted_id",
    "preset": "preset",
    "worker_id": "worker_id",
    "token_id": "token_id",
    "user_id": "user_id",
    "person": "user_id",
    "people[]": "user_id",
    "set_id": "set_id",
    "identified_by": "user_id",
    "session_id": "session_id",
    "sequence_id": "sequence_id",
    "sequence": "sequence_id",
    "sequence[]": "sequence_id",
    "sequences[]": "sequence_id",
    "actor": "actor",
    "pipeline": "slug",
    "begun[]": "lease",
    "leases[]": "lease",
    "unsent[]": "lease",
    "reply_subject": "lease",
    "target": "target",
    "last-event-id": "event_id",
    "x-trapline-worker": "greeted_id",
}
"""The ID of a House that a parameter or field of this name refers to."""

HOLDS_ELSEWHERE = {
    # A worker's own words about itself.
    ("POST /workers/hello", "service"): None,
    # A preset may name a pipeline before it is registered; access is checked when the preset runs.
    ("POST /presets", "pipeline"): None,
    ("PATCH /presets/{preset_id}", "pipeline"): None,
    # A worker's own description of its result, stored unchanged.
    ("POST /jobs/{job_id}/result", "pipeline"): None,
    ("POST /jobs/{job_id}/result", "image_id"): None,
    ("POST /jobs/{job_id}/retry", "images[]"): "failed_image_id",
    ("POST /pipeline/job/{job_id}/retry", "images[]"): "failed_image_id",
    ("POST /jobs/{job_id}/retry", "job_id"): "over_id",
    ("POST /pipeline/job/{job_id}/retry", "job_id"): "over_id",
    # A stream of a job that has not ended would not end.
    ("GET /pipeline/job/{job_id}/events", "job_id"): "over_id",
    ("GET /jobs/{job_id}/dead_letters", "job_id"): "over_id",
    ("GET /jobs/{job_id}/analyses", "job_id"): "over_id",
    # A random ID that the client chooses: test_human_boxes.py refuses IDs that are in use.
    ("POST /annotations", "id"): None,
    # A box of a person, which changes; annotations of models do not.
    ("PATCH /annotations/{annotation_id}", "annotation_id"): "box_id",
    ("DELETE /annotations/{annotation_id}", "annotation_id"): "box_id",
    ("GET /annotations/{annotation_id}/history", "annotation_id"): "box_id",
    # A user whom the calls of owners may change; the other users stay unchanged.
    ("PATCH /projects/{project_id}/members/{user_id}", "user_id"): "member_id",
    ("DELETE /projects/{project_id}/members/{user_id}", "user_id"): "member_id",
    ("GET /users/{user_id}", "user_id"): "member_id",
    ("PATCH /users/{user_id}", "user_id"): "member_id",
    ("POST /users/{user_id}/link", "user_id"): "member_id",
    # A sheet names deployments of the project that the query names.
    ("POST /deployments/csv", ""): None,
    # Folders with the IDs of their deployments: test_import_folders.py assigns those of another
    # project.
    ("POST /imports", "folder"): None,
    ("POST /imports/{import_id}/folders", "folders{}"): None,
    # A service of the caller, created if no service has this name.
    ("POST /callback_keys", "service"): None,
    # A pipeline by its name: one that analysed no image of the project is refused.
    ("PATCH /projects/{project_id}/observation-settings", "superseded_by"): None,
    ("POST /projects/{project_id}/observation-settings/preview", "superseded_by"): None,
}
"""Exceptions on one route; None is not an ID of stored data."""

PLAIN = frozenset(
    {
        *DEPLOYMENT_FIELDS, "groups[]", "tags[]",
        "blank_labels[]", "class_thresholds{}", "count_min", "individual", "individual_id",
        "model_class", "hour_from", "hour_to", "seed", "source_a", "source_b", "answer_a",
        "answer_b",
        "title", "organization", "data_licence", "media_licence",
        "action", "add_tags[]", "authorship", "common_names{}[]", "external_id", "gbif_key",
        "higher_ranks{}", "label",
        "rank", "scientific_name", "behaviour", "comment", "algorithm", "algorithms",
        "auth_header", "auth_password", "batch_size", "free_device_memory", "free_memory",
        "model_images_per_s", "model_load_s",
        "auth_username", "class[]", "end", "first", "recall", "second", "source", "species",
        "start", "time",
        "automatic_pipeline", "base_url", "body", "body_base64", "category", "class",
        "class_name",
        "classification", "config", "crop_image_url", "cursor", "data", "data[]",
        "day_after",
        "day_before", "description", "devices[]", "dispatch_mode", "email", "error",
        "error_message", "event_type",
        "exclude[]", "external_job_id", "filename", "filename_time_pattern", "gateway",
        "headers{}",
        "host", "id", "ids_only", "images_min", "include[]", "incomplete_only", "key", "kind",
        "labels[]", "link",
        "keypoints", "mask", "media_type", "metadata", "method", "model", "model_name",
        "model_version", "new",
        "old",
        "options", "parameters", "password", "path", "pipeline__slug", "pipeline__slug__in",
        "pipelines[]",
        "processing_service_name", "provenance", "provider", "reason", "Records[]", "remove_tags[]",
        "schedule", "search",
        "sha256", "shift_s", "signed_message", "size", "slug", "source_image_id", "status", "tag",
        "task_type",
        "timestamp", "uri", "url", "urls[]", "version", "version_name",
    }
)  # fmt: skip
"""Values that refer to no other project: texts, secrets, numbers, and cursors (tested separately).
"""

BEYOND_THE_DOCUMENT = {
    key: ["x-trapline-worker"]
    for key in (
        "POST /tasks/lease",
        "POST /tasks/renew",
        "POST /tasks/release",
        "POST /jobs/{job_id}/result",
    )
}
"""Headers that every route of workers reads."""


@dataclass(frozen=True)
class Position:
    """One position in the path, query, headers, body or form, by name or dotted path."""

    where: str
    name: str

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]

    def holds(self, key: str) -> str | None:
        """Which of a House's ids a route takes here; None for none.

        An unknown name fails the test.
        """
        if (key, self.leaf) in HOLDS_ELSEWHERE:
            return HOLDS_ELSEWHERE[key, self.leaf]
        if self.leaf == "analysis_id" and "/analyses/{analysis_id}" in key:
            return "outside_id"
        if self.leaf in HOLDS:
            return HOLDS[self.leaf]
        assert self.leaf in PLAIN, (
            f"{key} takes {self.name} in its {self.where}: say in request_positions.py what it "
            "names, or that it names nothing"
        )
        return None


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every method and path of the document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def positions_of(method: str, path: str, operation: dict[str, Any]) -> list[tuple[Position, str]]:
    """Every place of a route that holds an id, with the name of that id."""
    key = get_route_key(method, path)
    found = dict.fromkeys(_list_positions(operation))
    found |= dict.fromkeys(Position("header", name) for name in BEYOND_THE_DOCUMENT.get(key, ()))
    return [(position, held) for position in found if (held := position.holds(key)) is not None]


def _list_positions(operation: dict[str, Any]) -> Iterator[Position]:
    for parameter in operation.get("parameters", []):
        if any(_may_be_id(schema) for _, schema in _leaves(parameter["schema"], parameter["name"])):
            yield Position(parameter["in"], parameter["name"])
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        where = "form" if media_type.startswith("multipart/") else "body"
        for name, schema in _leaves(content["schema"], ""):
            if _may_be_id(schema):
                yield Position(where, name)


def _may_be_id(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    if "enum" in schema or "const" in schema or kind in ("boolean", "number", "null"):
        return False
    if kind == "integer":
        return bool(schema.get("maximum", ID_FROM) >= ID_FROM)
    return not (kind == "string" and schema.get("format") in ("date-time", "binary"))


def _leaves(
    schema: dict[str, Any], name: str, within: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """List the parts of a schema, down to values that are neither an object nor an array."""
    if "$ref" in schema:
        called = schema["$ref"].rpartition("/")[2]
        if called not in within:
            yield from _leaves(DOCUMENT["components"]["schemas"][called], name, (*within, called))
        return
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            for one in schema[choice]:
                yield from _leaves(one, name, within)
            return
    if schema.get("type") == "array":
        yield from _leaves(schema.get("items", {}), f"{name}[]", within)
    elif "properties" in schema:
        for inner, of in schema["properties"].items():
            yield from _leaves(of, f"{name}.{inner}", within)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _leaves(schema["additionalProperties"], name + "{}", within)
    else:
        yield name, schema


def put_at(body: Any, name: str, value: Any) -> Any:
    """Copy a body with a value at a dotted path. Missing parts of the path are created."""
    made = deepcopy(body)
    place, steps = made, [step for step in name.split(".") if step]
    for step in steps[:-1]:
        inner = step.removesuffix("[]")
        if step.endswith("[]"):
            if not place.get(inner):
                place[inner] = [{}]
            place = place[inner][0]
        else:
            if not isinstance(place.get(inner), dict):
                place[inner] = {}
            place = place[inner]
    last = steps[-1]
    place[last.removesuffix("[]")] = (
        value if not last.endswith("[]") or isinstance(value, list) else [value]
    )
    return made
