"""Add the comments of people that identify nothing to the images of an export."""

from collections.abc import Sequence
from typing import Any

from trapline.server.exports.formats.export_records import ImageRecord, join_texts
from trapline.server.exports.queries.exported_observations import ExportedRemark


def add_remarks(record: ImageRecord, remarks: Sequence[ExportedRemark]) -> None:
    """Add comments that identify nothing: to the observation of their box, else to the image."""
    observed = record.observed or ()
    for one in observed:
        if one.found is not None:
            one.remarks = join_texts(
                remark.comment for remark in remarks if remark.annotation_id == one.found
            )
    boxes = {one.found for one in observed if one.remarks}
    record.remarks = join_texts(one.comment for one in remarks if one.annotation_id not in boxes)
    record.remarked = bool(remarks)
    texts: list[Any] = [one.said for one in observed if one.said is not None]
    texts += [] if record.stated is None else record.stated.groups
    comments = [getattr(one, "comment", None) for one in (*texts, record.stated)]
    record.described = bool(
        remarks
        or record.tags
        or record.comment
        or any(comments)
        or any(one.behaviour or one.individual_id for one in texts)
    )
