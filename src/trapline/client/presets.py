"""What a token may do about presets: pipelines with their parameters under a name."""

from trapline.client.api_session import Connection
from trapline.client.notebook_tables import Page
from trapline.wire.presets import NewPreset, Preset, PresetChange


class PresetCalls:
    """What a token may do about presets."""

    _to: Connection

    def list_presets(self, **filters: str | int | float | None) -> Page[Preset]:
        """One page of presets by name; filters are project, name, pipeline, order, cursor, limit."""
        return self._to.get("/presets", Page[Preset], filters)

    def make_preset(self, new: NewPreset) -> Preset:
        """Name a pipeline of a project together with how it is run."""
        return self._to.send("POST", "/presets", Preset, new)

    def get_preset(self, preset_id: int) -> Preset:
        """One preset."""
        return self._to.get(f"/presets/{preset_id}", Preset)

    def change_preset(self, preset_id: int, change: PresetChange) -> Preset:
        """Change what is set in `change`; runs that were asked for stay."""
        return self._to.send("PATCH", f"/presets/{preset_id}", Preset, change)

    def remove_preset(self, preset_id: int) -> None:
        """Remove a preset; its runs stay."""
        self._to.send("DELETE", f"/presets/{preset_id}", type(None))
