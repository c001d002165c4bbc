"""Rules for the fields of boxes that people draw."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from trapline.server.findings.rules.geometry import Frame
from trapline.server.review.rules.drawn_shapes import (
    find_polygon_error,
    list_outside_errors,
    list_shapes,
)
from trapline.wire.human_boxes import MOST_CORNERS_OF_REQUEST, NewHumanBox


class SupersededState(Protocol):
    """Properties that decide whether a box may supersede an annotation of a model."""

    @property
    def is_classification(self) -> bool:
        """Whether it has no place on the image."""

    @property
    def is_completed(self) -> bool:
        """Whether its analysis is completed."""

    @property
    def is_simulated(self) -> bool:
        """Whether its analysis is simulated."""

    @property
    def box_id(self) -> UUID | None:
        """The box that supersedes it already."""


def list_box_errors(new: Sequence[NewHumanBox]) -> list[tuple[str, str]]:
    """List the faults of new boxes, each with the path of its field."""
    faults: list[tuple[str, str]] = []
    seen: set[UUID] = set()
    ids: set[UUID] = set()
    if sum(len(one.polygon or ()) for one in new) > MOST_CORNERS_OF_REQUEST:
        why = f"must have at most {MOST_CORNERS_OF_REQUEST:,} corners of polygons in one request"
        return [("annotations", why)]
    for place, one in enumerate(new):
        if len(list_shapes(one)) != 1:
            faults.append((f"annotations.{place}", "must have one of box, point and polygon"))
        crossing = find_polygon_error(one.polygon) if one.polygon is not None else None
        if crossing is not None:
            faults.append((f"annotations.{place}.polygon", crossing))
        if one.id is not None and one.id in ids:
            faults.append((f"annotations.{place}.id", "is the ID of another box of the request"))
        elif one.id is not None:
            ids.add(one.id)
        if (one.taxon is None) == (one.label is None):
            faults.append((f"annotations.{place}", "must have either a taxon or a label"))
        if one.supersedes is not None and one.supersedes in seen:
            why = "is superseded by another box of the request"
            faults.append((f"annotations.{place}.supersedes", why))
        elif one.supersedes is not None:
            seen.add(one.supersedes)
    return faults


def list_frame_errors(
    new: Sequence[NewHumanBox], frames: Mapping[UUID, Frame]
) -> list[tuple[str, str]]:
    """List the boxes that are not within their images."""
    return [
        (f"annotations.{place}.{where}", why)
        for place, one in enumerate(new)
        for where, why in list_outside_errors(one, frames[one.image])
    ]


def list_superseding_errors(
    new: Sequence[NewHumanBox], superseded: Mapping[UUID, SupersededState]
) -> list[tuple[str, str]]:
    """List the annotations that boxes cannot supersede."""
    faults = []
    for place, one in enumerate(new):
        if one.supersedes is None:
            continue
        found = superseded[one.supersedes]
        why = None
        if found.is_simulated:
            why = "is of a simulated analysis"
        elif not found.is_completed:
            why = "is of an analysis that is not completed: wait until it is completed"
        elif found.is_classification:
            why = "is a classification: supersede its box, or identify it"
        elif found.box_id is not None:
            why = f"is superseded by {found.box_id} already: change that box"
        if why is not None:
            faults.append((f"annotations.{place}.supersedes", why))
    return faults


def list_id_errors(new: Sequence[NewHumanBox], used: Collection[UUID]) -> list[tuple[str, str]]:
    """List the boxes whose IDs are in use."""
    why = "is in use: choose another random ID"
    return [(f"annotations.{place}.id", why) for place, one in enumerate(new) if one.id in used]
