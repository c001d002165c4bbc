"""The images that an export selects."""

from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.exports.queries.export_gathering import ExportScope
from trapline.server.exports.queries.exports import ExportRow
from trapline.wire.exports import ExportSelection
from trapline.wire.observations import ObservationSource


def build_selection(row: ExportRow) -> ExportScope:
    """Build the scope of an export from its stored selection."""
    chosen = ExportSelection.model_validate(row.selection)
    return ExportScope(
        project_id=row.project_id,
        as_of=row.created_at,
        filter=ImageFilter(
            deployment_id=chosen.deployment,
            class_name=chosen.class_name,
            taxon_id=chosen.taxon,
            analysis_state=chosen.analysis_state.value if chosen.analysis_state else None,
            captured_after=chosen.captured_after,
            captured_before=chosen.captured_before,
            day_after=chosen.day_after,
            day_before=chosen.day_before,
            confidence_min=chosen.confidence_min,
            blank=chosen.blank,
            reviewed=chosen.reviewed,
            job_id=chosen.job,
            tag=chosen.tag,
            starred=chosen.starred,
            camera_time=chosen.camera_time,
            truncated=chosen.truncated,
            sequence_id=chosen.sequence,
            kind=chosen.kind.value if chosen.kind else None,
            human=None if chosen.source is None else chosen.source is ObservationSource.HUMAN,
            identified_by=f"user:{chosen.identified_by}" if chosen.identified_by else None,
            needs_review=chosen.needs_review,
            individual_id=chosen.individual,
            count_min=chosen.count_min,
            model_class=chosen.model_class,
        ),
        images=None if chosen.images is None else tuple(chosen.images),
    )
