"""Methods for presets: named pipelines with parameters."""

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.presets import NewPreset, Preset, PresetUpdate


class PresetApi:
    """Methods for presets."""

    _to: ApiSession

    def list_presets(self, **filters: str | int | float | None) -> NotebookPage[Preset]:
        """List one page of presets by name; filters:

        project, name, pipeline, order, cursor, limit.
        """
        return self._to.get("/presets", NotebookPage[Preset], filters)

    def create_preset(self, new: NewPreset) -> Preset:
        """Create a preset: a named pipeline of a project with parameters."""
        return self._to.send("POST", "/presets", Preset, new)

    def get_preset(self, preset_id: int) -> Preset:
        """Get a preset."""
        return self._to.get(f"/presets/{preset_id}", Preset)

    def update_preset(self, preset_id: int, change: PresetUpdate) -> Preset:
        """Update the fields that are set in `change`; existing runs are not changed."""
        return self._to.send("PATCH", f"/presets/{preset_id}", Preset, change)

    def delete_preset(self, preset_id: int) -> None:
        """Delete a preset; its runs are kept."""
        self._to.send("DELETE", f"/presets/{preset_id}", type(None))
