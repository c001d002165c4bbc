"""The images that an export selects."""

from trapline.server.catalogue.rules.filters import build_image_filter
from trapline.server.exports.queries.export_gathering import ExportScope
from trapline.server.exports.queries.exports import ExportRow
from trapline.wire.exports import ExportSelection


def build_selection(row: ExportRow) -> ExportScope:
    """Build the scope of an export from its stored selection."""
    chosen = ExportSelection.model_validate(row.selection)
    return ExportScope(
        project_id=row.project_id,
        as_of=row.created_at,
        filter=build_image_filter(chosen),
        images=None if chosen.images is None else tuple(chosen.images),
    )
