"""The page: the built files, and index.html for every address that the page itself understands."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from trapline.server.routes.safe_headers import PAGE_POLICY

FOLDER = Path(__file__).parent.parent / "page"
OURS = ("api/", "files/", "pipeline/", "image-pull-sources", "healthz", "readyz")
NOT_BUILT = (
    "<!doctype html><title>Trapline</title><p>The page has not been built. Run <code>make web</code> "
    "and reload. The API works without it: <a href='/api/v2/docs'>its documentation</a>.</p>"
)


def add_page(app: FastAPI) -> None:
    """Serve the page for everything that no other route takes; added last."""

    @app.get("/{path:path}", include_in_schema=False)
    async def show_page(path: str) -> Response:
        """Answer a built file, or the page itself."""
        if path.startswith(OURS):
            raise HTTPException(404)
        if path.startswith("assets/") or path in ("favicon.svg", "favicon.ico", "manifest.webmanifest"):
            file = _find_built(path)
            if file is None:
                raise HTTPException(404)
            return FileResponse(file, headers={"Cache-Control": "public, max-age=31536000, immutable"})
        index = FOLDER / "index.html"
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, 503, headers=headers)
        return FileResponse(index, headers=headers)


def _find_built(path: str) -> Path | None:
    try:
        file = (FOLDER / path).resolve()
        return file if file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, ValueError):  # a name that is too long, or that no file can have
        return None
