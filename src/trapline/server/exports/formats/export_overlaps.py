"""Remove duplicates among several analyses of an image, so that an export has each animal once.

A model that runs again finds the same animals again. If a person identified an older box, that box
is kept, and the new box in the same place is left out. Of several models, the latest analysis and
all identified findings describe what an image shows, as on the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from trapline.server.exports.queries.export_gathering import ExportedAnnotation
from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.review.rules.identifications import ActiveIdentification
from trapline.wire.annotations import AnnotationType
from trapline.wire.identifications import IdentificationKind

SAME = 0.5
"""Two boxes are the same animal if the intersection is at least this share of their union."""
BOX, CLASSIFICATION = AnnotationType.BOUNDING_BOX.value, AnnotationType.CLASSIFICATION.value


class _Corners(msgspec.Struct):
    x_min: float = 0.0
    y_min: float = 0.0
    x_max: float = 0.0
    y_max: float = 0.0


@dataclass
class _Finding:
    """A finding of an analysis with its classifications and key points.

    `identified` is the time and ID of its latest identification.
    """

    rows: list[ExportedAnnotation] = field(default_factory=list)
    root: ExportedAnnotation | None = None
    identified: tuple[datetime, UUID] | None = None
    duplicates: set[UUID] = field(default_factory=set)
    """IDs of other analyses in which this finding has a duplicate."""
    _box: PixelBox | None = None

    @property
    def first(self) -> ExportedAnnotation:
        """The annotation that the classifications and key points belong to."""
        return self.root or self.rows[0]

    @property
    def box(self) -> PixelBox:
        """The box of the finding; empty if it is not a box."""
        if self._box is None:
            try:
                corners = msgspec.json.decode(self.first.data, type=_Corners)
            except msgspec.ValidationError:
                corners = _Corners()
            self._box = PixelBox(corners.x_min, corners.y_min, corners.x_max, corners.y_max)
        return self._box


def remove_overlaps(
    found: Sequence[ExportedAnnotation], holds: Mapping[UUID, ActiveIdentification | None]
) -> tuple[set[UUID], set[UUID]]:
    """Return the annotations of an image to leave out, and those to mark as aside.

    The second set is left out only of formats that list what an image shows. `holds` is the
    effective identification of each annotation.
    """
    left_out: set[UUID] = set()
    aside: set[UUID] = set()
    if all(one.is_latest for one in found):
        return left_out, aside
    kept: list[_Finding] = []
    for finding in _list_findings(found, holds):
        first = finding.first
        into: set[UUID] | None = None
        twin = _find_twin(finding, kept)
        if twin is not None:
            twin.duplicates.add(first.analysis_id)
            into = left_out if first.made_by == twin.first.made_by else aside
        elif finding.identified is not None:
            kept.append(finding)
        elif not first.is_newest:
            into = left_out
        elif not first.is_latest:
            into = aside
        if into is not None:
            into.update(one.id for one in finding.rows if one.id is not None)
    return left_out, aside


def _list_findings(
    found: Sequence[ExportedAnnotation], holds: Mapping[UUID, ActiveIdentification | None]
) -> list[_Finding]:
    """List the findings: first those that people identified, the latest identification first."""
    findings: dict[UUID, _Finding] = {}
    for one in found:
        if one.id is None:
            continue
        is_part = one.type != BOX and one.parent_id is not None
        finding = findings.setdefault(
            one.parent_id if is_part and one.parent_id is not None else one.id, _Finding()
        )
        finding.rows.append(one)
        if not is_part:
            finding.root = one
        said = holds[one.id]
        # That a whole image is blank does not identify any single finding.
        if said is not None and (
            said.annotation_id is not None or said.kind == IdentificationKind.CONFIRM
        ):
            finding.identified = max(finding.identified or (said.at, said.id), (said.at, said.id))
    identified = [
        (finding.identified, finding)
        for finding in findings.values()
        if finding.identified is not None
    ]
    identified.sort(key=lambda pair: pair[0], reverse=True)
    return [finding for _, finding in identified] + [
        finding for finding in findings.values() if finding.identified is None
    ]


def _find_twin(finding: _Finding, kept: Sequence[_Finding]) -> _Finding | None:
    """Return the most similar finding of another analysis, or None.

    A finding has at most one duplicate per analysis.
    """
    key = finding.first.analysis_id
    package = finding.first.package
    others = [
        other
        for other in kept
        if other.first.analysis_id != key
        and key not in other.duplicates
        and (package is None or other.first.package != package)
    ]
    shares = [(_compare(finding, other), other) for other in others]
    best = max(shares, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= SAME else None


def _compare(one: _Finding, other: _Finding) -> float:
    """Return the similarity of two findings, from 0 to 1.

    For boxes it is intersection over union. Classifications of a whole image are always similar.
    """
    if one.first.type != other.first.type:
        return 0.0
    if one.first.type == CLASSIFICATION:
        return 1.0
    if one.first.type != BOX:
        return float(one.first.data == other.first.data)
    a, b = one.box, other.box
    both = PixelBox(
        max(a.x_min, b.x_min), max(a.y_min, b.y_min), min(a.x_max, b.x_max), min(a.y_max, b.y_max)
    )
    if both.is_empty:
        return 0.0
    shared = _area(both)
    return shared / (_area(a) + _area(b) - shared)


def _area(box: PixelBox) -> float:
    return max(box.x_max - box.x_min, 0.0) * max(box.y_max - box.y_min, 0.0)
