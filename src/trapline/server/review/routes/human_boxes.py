"""Create, change and withdraw annotations of people."""

from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.review.actions import human_boxes
from trapline.wire.annotations import Annotation, CreatedHumanBoxes
from trapline.wire.human_boxes import HumanBoxHistory, HumanBoxUpdate, NewHumanBoxes

router = APIRouter(prefix="/annotations", tags=["annotations"])


@router.post("", status_code=201)
async def create_annotations(
    system: SystemOf, scope: ScopeOf, wanted: NewHumanBoxes
) -> CreatedHumanBoxes:
    """Create boxes that a person drew: all are stored, or none.

    A box that corrects a box of a model names it in `supersedes`; the model's result is kept. A
    client that works without a network chooses the `id` of a box; a box that the caller withdrew is
    restored with its ID.
    """
    return await human_boxes.create_annotations(system, scope, wanted)


@router.patch("/{annotation_id}")
async def update_annotation(
    system: SystemOf,
    scope: ScopeOf,
    annotation_id: UUID,
    change: HumanBoxUpdate,
    response: Response,
) -> Annotation:
    """Change a person's box; fields that are left out are kept.

    With `If-Match` and the version that the caller read, as in `"2"`, a later version is not
    overwritten. Boxes of other users require the manager role.
    """
    annotation = await human_boxes.update_annotation(system, scope, annotation_id, change)
    response.headers["ETag"] = f'"{annotation.version}"'
    return annotation


@router.delete("/{annotation_id}", status_code=204)
async def delete_annotation(system: SystemOf, scope: ScopeOf, annotation_id: UUID) -> None:
    """Withdraw a person's box, or identify a model's box as not an animal.

    A withdrawn box is kept in the history, and the previous observations are restored. `If-Match`
    is honoured for boxes of people; those of other users require the manager role.
    """
    await human_boxes.delete_annotation(system, scope, annotation_id)


@router.get("/{annotation_id}/history")
async def get_annotation_history(
    system: SystemOf, scope: ScopeOf, annotation_id: UUID
) -> HumanBoxHistory:
    """Get the changes of a person's box with their authors and times, and the previous values."""
    return await human_boxes.get_annotation_history(system, scope, annotation_id)
