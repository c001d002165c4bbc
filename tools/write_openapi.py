"""Write openapi.json, from which the page's types are generated: `make openapi`."""

import json
import sys
from pathlib import Path

from trapline.server.app.http.application import build_application

FILE = Path(__file__).parent.parent / "openapi.json"


def describe() -> str:
    """Render the OpenAPI document of the current code."""
    return (
        json.dumps(build_application(None).openapi(), indent=1, sort_keys=True, ensure_ascii=False)
        + "\n"
    )


if __name__ == "__main__":
    if "--check" in sys.argv and FILE.read_text(encoding="utf-8") != describe():
        sys.exit("openapi.json is stale: run `make openapi` and commit it.")
    FILE.write_text(describe(), encoding="utf-8")
