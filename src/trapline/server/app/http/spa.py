"""The page: its built files, and its document in the user's language for each other path."""

import html
import json
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from trapline.server.app.http.page_languages import COOKIE, DEFAULT_LANGUAGE, choose_language
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.http.security_headers import build_page_policy, build_worker_policy
from trapline.server.platform.map_tiles import TILES_PATH, MapTiles

FOLDER = Path(__file__).parents[2] / "page"
API_WORDS = ("api", "pipeline", "image-pull-sources", "files", "healthz", "readyz", "metrics")
"""Prefixes of paths of the API; an unknown path with one of them is 404, never the page."""
WORKER = "maplibre-gl-worker"
"""Start of the name of the file that maps run as a web worker."""
UNKNOWN = "This path does not exist. The API is described at /api/v2/docs."
NOT_BUILT = (
    "<!doctype html><title>Trapline</title><p>The page has not been built. Run <code>make "
    "web</code> and reload. The API works without it: <a href='/api/v2/docs'>its "
    "documentation</a>.</p>"
)


def mount_spa(app: FastAPI) -> None:
    """Serve the page on every path without another route; called last."""

    @app.get("/{path:path}", include_in_schema=False)
    async def show_page(path: str, request: Request) -> Response:
        """Return a built file, or the page itself if a browser requests a document."""
        if path.startswith(API_WORDS):
            raise HTTPException(404, UNKNOWN)
        tiles = _find_tiles(request)
        if path == TILES_PATH:
            return _send_archive(tiles)
        if path.startswith("assets/") or path in (
            "favicon.svg",
            "favicon.ico",
            "manifest.webmanifest",
        ):
            file = _find_built(path)
            if file is None:
                raise HTTPException(404)
            headers = {"Cache-Control": "public, max-age=31536000, immutable"}
            if file.name.startswith(WORKER):
                # A browser applies the policy of the file to a web worker, not that of the page.
                headers["Content-Security-Policy"] = build_worker_policy(_find_origin(tiles))
            return FileResponse(file, headers=headers)
        if path and "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404, UNKNOWN)
        return _render_index(request, tiles)


def _find_tiles(request: Request) -> MapTiles | None:
    system: AppContext | None = request.app.state.system
    return None if system is None else system.map_tiles


def _find_origin(tiles: MapTiles | None) -> str | None:
    return None if tiles is None else tiles.origin


def _send_archive(tiles: MapTiles | None) -> Response:
    """Send the operator's map tiles, or the range of them that the browser requests."""
    if tiles is None or tiles.file is None or not tiles.file.is_file():
        raise HTTPException(404, "This server has no file of map tiles.")
    headers = {"Cache-Control": "public, max-age=3600"}
    return FileResponse(tiles.file, media_type="application/octet-stream", headers=headers)


def _describe_tiles(tiles: MapTiles) -> bytes:
    """Render the element of the document that names the map tiles to the page."""
    content = {"url": tiles.url, "kind": tiles.kind, "attribution": tiles.attribution}
    return f'<meta name="map-tiles" content="{html.escape(json.dumps(content))}" />'.encode()


def _render_index(request: Request, tiles: MapTiles | None) -> Response:
    """Return the document of the page in the language of the request."""
    indexes = _find_indexes()
    language = choose_language(
        request.cookies.get(COOKIE), request.headers.get("accept-language"), indexes
    )
    # The document is not a FileResponse: its ETag could be the same in two languages.
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": build_page_policy(_find_origin(tiles)),
        "Vary": "Accept-Language, Cookie",
        "Content-Language": language,
    }
    index = indexes.get(language)
    if index is None:
        return HTMLResponse(NOT_BUILT, 503, headers=headers)
    content = index.read_bytes()
    if tiles is not None:
        content = content.replace(b"</head>", _describe_tiles(tiles) + b"</head>", 1)
    return HTMLResponse(content, headers=headers)


def _find_indexes() -> dict[str, Path]:
    """Find the documents of the page by language; a build can contain only some languages."""
    translated = {file.suffixes[0].removeprefix("."): file for file in FOLDER.glob("index.*.html")}
    english = FOLDER / "index.html"
    return translated | ({DEFAULT_LANGUAGE: english} if english.is_file() else {})


def _find_built(path: str) -> Path | None:
    try:
        file = (FOLDER / path).resolve()
        return file if file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, ValueError):  # too long, or not a valid file name
        return None
