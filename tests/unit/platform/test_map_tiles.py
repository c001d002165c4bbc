"""Map tiles of the operator: accepted values, their host, and the errors of others."""

from pathlib import Path

import pytest

from trapline.server.app.settings import SettingsError, load_settings
from trapline.server.platform.http.security_headers import build_page_policy, build_worker_policy
from trapline.server.platform.map_tiles import MapTiles, parse_map_tiles, require_archive

NO_FILE = Path("/nonexistent/.env")


@pytest.mark.parametrize(
    ("value", "tiles", "origin"),
    [
        (
            "/srv/area.pmtiles",
            MapTiles("/map-tiles/area.pmtiles", "archive", "©", Path("/srv/area.pmtiles")),
            None,
        ),
        (
            "https://tiles.example.org/area.pmtiles",
            MapTiles("https://tiles.example.org/area.pmtiles", "archive", "©"),
            "https://tiles.example.org",
        ),
        (
            "http://10.1.2.3:8080/{z}/{x}/{y}.png?key=a1",
            MapTiles("http://10.1.2.3:8080/{z}/{x}/{y}.png?key=a1", "raster", "©"),
            "http://10.1.2.3:8080",
        ),
        (
            "https://tiles.example.org/{z}/{x}/{y}.pbf?key=a1",
            MapTiles("https://tiles.example.org/{z}/{x}/{y}.pbf?key=a1", "vector", "©"),
            "https://tiles.example.org",
        ),
    ],
)
def test_a_file_and_urls_are_accepted(value: str, tiles: MapTiles, origin: str | None) -> None:
    parsed = parse_map_tiles(value, "©")
    assert parsed == tiles
    assert parsed.origin == origin


@pytest.mark.parametrize(
    "value",
    [
        "/srv/area.mbtiles",
        "https://tiles.example.org/style.json",
        "https://tiles.example.org/{z}/{x}.png",
        "https://tiles.example.org;script-src/{z}/{x}/{y}.png",
        "https://a:b@tiles.example.org/{z}/{x}/{y}.png",
        "https://*/{z}/{x}/{y}.png",
        "ftp://tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org /{z}/{x}/{y}.png",
    ],
)
def test_other_values_stop_the_start_with_an_example(value: str) -> None:
    with pytest.raises(SettingsError, match=r"TRAPLINE_MAP_TILES must be .*\{z\}/\{x\}/\{y\}\.png"):
        load_settings({"TRAPLINE_MAP_TILES": value}, NO_FILE)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "area.pmtiles"
    file.write_bytes(b"SQLite format 3\0")
    with pytest.raises(ValueError, match="is not a PMTiles file of version 3"):
        require_archive(file)
    file.write_bytes(b"PMTiles\x03 and the rest")
    require_archive(file)


def test_the_policies_name_the_host_of_the_tiles_only_if_there_is_one() -> None:
    assert "://" not in build_page_policy() + build_worker_policy()
    page = build_page_policy("https://tiles.example.org").split("; ")
    assert "img-src 'self' data: blob: https://tiles.example.org" in page
    assert "connect-src 'self' https://tiles.example.org" in page
    assert sum("://" in part for part in page) == 2
    assert "worker-src 'self'" in page
    worker = build_worker_policy("https://tiles.example.org").split("; ")
    assert "connect-src 'self' https://tiles.example.org" in worker
    assert "default-src 'none'" in worker
