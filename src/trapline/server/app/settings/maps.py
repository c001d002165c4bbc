"""Settings of the maps of the page."""

from pydantic import Field, field_validator

from trapline.server.app.settings.field_types import SettingsGroup


class MapSettings(SettingsGroup):
    """Tiles below the circles of a map. Without them, maps show the coast lines of the wheel."""

    map_tiles: str | None = Field(
        None,
        description="Tiles for maps: the path or the URL of a PMTiles file, or a URL such as "
        "https://tiles.example.org/{z}/{x}/{y}.png (vector tiles: .pbf or .mvt). Browsers of all "
        "users, and of visitors of public projects, load it. Default: coarse land areas.",
    )
    map_attribution: str = Field(
        "",
        max_length=300,
        description="Text that maps show for the tiles, such as © OpenStreetMap contributors.",
    )

    @field_validator("map_tiles")
    @classmethod
    def _validate_tiles(cls, value: str | None) -> str | None:
        if value is not None:
            from trapline.server.platform.map_tiles import parse_map_tiles

            parse_map_tiles(value)
        return value
