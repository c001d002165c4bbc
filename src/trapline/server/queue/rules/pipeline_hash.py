"""Hashes of registrations; equal content has equal hashes."""

import hashlib
import json
from typing import Any

from trapline.wire.pipelines import CategoryMap, PipelineDefinition


def hash_pipeline(pipeline: PipelineDefinition) -> bytes:
    """Hash the content of a pipeline registration."""
    return _hash(pipeline.model_dump(mode="json"))


def list_labels(category_map: CategoryMap) -> list[str]:
    """Return the ordered class list: `labels` as sent, else the labels of `data` by index."""
    if category_map.labels:
        return list(category_map.labels)
    entries = [
        (entry.get("index", position), str(entry.get("label", "")).replace("\x00", ""))
        for position, entry in enumerate(category_map.data)
    ]
    if all(isinstance(index, int) for index, _ in entries):
        entries.sort(key=lambda entry: entry[0])
    return [label for _, label in entries]


def hash_category_map(labels: list[str], data: list[dict[str, Any]]) -> bytes:
    """Hash a class list without its metadata, such as its description or URL."""
    return _hash({"labels": labels, "data": data})


def _hash(content: Any) -> bytes:
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    ).digest()
