"""The operator's map tiles: named in the document, allowed by its policy, served by ranges."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.map_archive import build_map_archive

import trapline.server
from trapline.server.app.app_startup import open_app_context
from trapline.server.app.http.application import wrap_middleware
from trapline.server.app.settings import SettingsError, load_settings
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.map_tiles import parse_map_tiles

PAGE = Path(trapline.server.__file__).parent / "page"


def open_client(system: AppContext) -> httpx2.AsyncClient:
    """A client of a server with these settings."""
    transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
    return httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")


async def test_tiles_of_another_host_are_named_and_allowed(system: AppContext) -> None:
    url = "https://tiles.example.org/{z}/{x}/{y}.png?key=\"'<a>"
    with pytest.raises(ValueError, match="must be"):
        parse_map_tiles(url)
    tiles = parse_map_tiles("https://tiles.example.org/{z}/{x}/{y}.png?a=1&b=2", '"© <Example>"')
    async with open_client(replace(system, map_tiles=tiles)) as client:
        page = await client.get("/", headers={"Accept": "text/html"})
        policy = page.headers["content-security-policy"]
        assert policy.count("https://tiles.example.org") == 2
        assert (await client.get("/map-tiles/area.pmtiles")).status_code == 404
        if not (PAGE / "index.html").exists():
            pytest.skip("the page is not built (make web)")
        found = re.findall(r'<meta name="map-tiles" content="([^"]*)" />', page.text)
        assert json.loads(html.unescape(found[0])) == {
            "url": "https://tiles.example.org/{z}/{x}/{y}.png?a=1&b=2",
            "kind": "raster",
            "attribution": '"© <Example>"',
        }
        worker = next((PAGE / "assets").glob("maplibre-gl-worker*"))
        answer = await client.get(f"/assets/{worker.name}")
        assert "connect-src 'self' https://tiles.example.org" in answer.headers[
            "content-security-policy"
        ].split("; ")
        assert answer.headers["content-type"].startswith("text/javascript")


async def test_a_file_is_served_by_ranges_without_another_host(
    system: AppContext, app_client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    file = tmp_path / "area.pmtiles"
    content = build_map_archive((200, 40, 40))
    file.write_bytes(content)
    assert (await app_client.get("/map-tiles/area.pmtiles")).status_code == 404
    assert 'name="map-tiles"' not in (await app_client.get("/")).text
    async with open_client(replace(system, map_tiles=parse_map_tiles(str(file)))) as client:
        page = await client.get("/", headers={"Accept": "text/html"})
        assert "://" not in page.headers["content-security-policy"]
        part = await client.get("/map-tiles/area.pmtiles", headers={"Range": "bytes=0-126"})
        assert (part.status_code, part.content) == (206, content[:127])
        assert part.headers["content-range"] == f"bytes 0-126/{len(content)}"
        file.unlink()
        assert (await client.get("/map-tiles/area.pmtiles")).status_code == 404


async def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://127.0.0.1/none",
            "TRAPLINE_DATA": str(tmp_path),
            "TRAPLINE_SECRET_KEY": "k" * 32,
            "TRAPLINE_MAP_TILES": str(tmp_path / "none.pmtiles"),
        },
        tmp_path / ".env",
    )
    with pytest.raises(SettingsError, match=r"TRAPLINE_MAP_TILES .*none\.pmtiles"):
        async with open_app_context(settings):
            pass
