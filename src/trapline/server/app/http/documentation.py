"""Documentation of the API as one plain HTML page, generated from the OpenAPI document."""

from html import escape
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from trapline.server.platform.http.security_headers import build_style_policy

ADDRESS = "/api/v2/docs"
STYLE = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}h3{font:600 1rem "
    "monospace}"
)


def add_documentation(app: FastAPI) -> None:
    """Serve the documentation next to the OpenAPI document."""
    app.get(ADDRESS, include_in_schema=False)(get_documentation)


async def get_documentation(request: Request) -> HTMLResponse:
    """Return the page."""
    # FastAPI caches every route function, so the function must not hold the application.
    return HTMLResponse(
        render_html(request.app.openapi()),
        headers={"Content-Security-Policy": build_style_policy(STYLE)},
    )


def render_html(document: dict[str, Any]) -> str:
    """Render an OpenAPI document as HTML: each call with its description, by tag."""
    subjects: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            subject = operation.get("tags", ["other"])[0]
            subjects.setdefault(subject, []).append(_describe_call(method.upper(), path, operation))
    parts = "".join(
        f"<h2>{escape(subject)}</h2>{''.join(calls)}" for subject, calls in subjects.items()
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>The API of "
        f"Trapline</title><style>{STYLE}</style><h1>The API of Trapline</h1><p>Every message in "
        f"full: <a href='/api/v2/openapi.json'>openapi.json</a>.</p>{parts}</html>"
    )


def _describe_call(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(given['name'])}</code> "
        f"({escape(given['in'])}{', required' if given.get('required') else ''}) "
        f"{escape(given.get('description', ''))}</li>"
        for given in operation.get("parameters", [])
    )
    words = escape(operation.get("description") or operation.get("summary", ""))
    return f"<h3>{method} {escape(path)}</h3><p>{words}</p>" + (
        f"<ul>{parameters}</ul>" if parameters else ""
    )
