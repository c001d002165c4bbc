"""The condition that an annotation is reviewed."""

from sqlalchemy import ColumnElement, exists, select

from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.review.queries.identifications import IdentificationRow
from trapline.wire.identifications import IdentificationKind as Kind


def build_reviewed_condition() -> ColumnElement[bool]:
    """Build the condition that an annotation has an effective identification.

    It is `rules.identifications.EffectiveIdentifications` in SQL.
    """
    counts = (
        IdentificationRow.image_id == AnnotationRow.image_id,
        IdentificationRow.withdrawn_at.is_(None),
        IdentificationRow.kind != Kind.COMMENT.value,
    )
    named = (IdentificationRow.annotation_id == AnnotationRow.id) | (
        IdentificationRow.annotation_id == AnnotationRow.parent_id
    )
    whole = (
        select(IdentificationRow.kind, IdentificationRow.analysis_id)
        .where(*counts, IdentificationRow.annotation_id.is_(None))
        .order_by(IdentificationRow.created_at.desc(), IdentificationRow.id.desc())
        .limit(1)
        .correlate(AnnotationRow)
        .subquery()
    )
    is_confirmed = (whole.c.kind == Kind.CONFIRM.value) & (
        whole.c.analysis_id == AnnotationRow.analysis_id
    )
    of_whole = select(whole.c.kind).where((whole.c.kind == Kind.BLANK.value) | is_confirmed)
    return exists().where(*counts, named) | of_whole.exists()
