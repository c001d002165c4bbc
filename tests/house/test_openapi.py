"""The committed description of the API is that of the code."""

import json
from pathlib import Path

from tests.house.tree import read
from trapline.server.app.http.application import build_application


def test_openapi_json_is_fresh() -> None:
    """The page's types are made of it: a stale one lets the page ask for what is not there."""
    assert json.loads(read(Path("openapi.json"))) == json.loads(
        json.dumps(build_application(None).openapi())
    ), "run `make openapi` and commit openapi.json"
