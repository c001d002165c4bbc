"""Each text in a request has a maximum length: packed bodies can hold much data."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

import trapline.wire
from tests.house.tree import list_files, read
from trapline.server.app.http.application import build_application
from trapline.wire.values import Request

BOUNDED_FORMATS = {"uuid", "date", "date-time", "binary"}
EXCEPTIONS = {
    "PushedEvents.urls[]": "each URL is checked and refused separately; the body has at most 1 MiB "
    "and is never packed",
}


def test_every_text_that_a_client_sends_has_a_maximum_length() -> None:
    models = _list_models_of_requests()
    assert {
        "Results",
        "PipelineRegistration",
        "ReleaseRequest",
        "HelloRequest",
        "LeaseRequest",
        "BulkAnnotationsRequest",
        "S3Options",
    } <= {model.__name__ for model in models}
    unbounded = {
        place
        for model in models
        for place in _find_unbounded(model.__name__, model.model_json_schema())
    }
    assert unbounded - set(EXCEPTIONS) == set(), "give each a max_length, as `Text` has"
    assert set(EXCEPTIONS) <= unbounded, "an exception is no longer needed"


def test_the_walk_finds_a_text_without_a_limit() -> None:
    class Inner(BaseModel):
        names: dict[str, list[str | None]]

    class Outer(BaseModel):
        inner: Inner | None

    assert set(_find_unbounded("Outer", Outer.model_json_schema())) == {"Inner.names{}[]"}


def _list_models_of_requests() -> set[type[BaseModel]]:
    """List the bodies that FastAPI or routes read, and all models of requests."""
    known = {
        name: kind
        for module in pkgutil.iter_modules(trapline.wire.__path__)
        for name, kind in vars(importlib.import_module(f"trapline.wire.{module.name}")).items()
        if inspect.isclass(kind) and issubclass(kind, BaseModel)
    }
    models: set[type[BaseModel]] = {
        kind for kind in known.values() if issubclass(kind, Request) and kind is not Request
    }
    bodies = re.compile(r"#/components/schemas/(\w+)")
    for operations in build_application(None).openapi()["paths"].values():
        for operation in operations.values():
            named = bodies.findall(json.dumps(operation.get("requestBody", {})))
            models |= {known[name] for name in named if name in known}
    return models | {known[name] for name in _list_read_by_hand() if name in known}


def _list_read_by_hand() -> set[str]:
    """List models in `describe_body(X)`, `_read(body, X)` and `X.model_validate_json(body)`."""
    found = set()
    for path in list_files():
        if path.suffix != ".py" or "/routes/" not in path.as_posix():
            continue
        for call in (
            node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.Call)
        ):
            found |= {one.id for one in call.args if isinstance(one, ast.Name)}
            found |= {
                one.value.id
                for one in (call.func, *call.args)
                if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)
            }
    return found


def _find_unbounded(name: str, schema: dict[str, Any]) -> Iterator[str]:
    definitions = schema.get("$defs", {})
    yield from _walk(name, schema)
    for inner, definition in definitions.items():
        yield from _walk(inner, definition)


def _walk(where: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    is_bounded = {"maxLength", "enum", "const"} & set(schema) or schema.get(
        "format"
    ) in BOUNDED_FORMATS
    if schema.get("type") == "string" and not is_bounded:
        yield where
    for choice in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(choice, ()):
            yield from _walk(where, one)
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(f"{where}.{name}", inner)
    yield from _walk(f"{where}[]", schema.get("items"))
    yield from _walk(f"{where}{{}}", schema.get("additionalProperties"))
