"""Methods that list, mark, tag, date, delete and restore images."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_images import NotebookImage, NotebookImageDetail
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.day_counts import DayCounts, Summary
from trapline.wire.images import (
    ClassCount,
    ClassCounts,
    DeleteImagesRequest,
    ImageIds,
    ImagesUpdate,
    ImagesUpdateResult,
    TagCount,
    TagCounts,
)

AT_ONCE = 1000
"""Maximum images per request; more are changed by several requests, each all or nothing."""


class ImageApi:
    """Methods for stored images."""

    _to: ApiSession

    def list_images(self, **filters: str | int | float | None) -> NotebookPage[NotebookImage]:
        """List one page of images.

        Filters are the endpoint's: project, deployment, class_, order, cursor, limit, ...
        """
        return self._to.get("/images", NotebookPage[NotebookImage], filters)

    def get_image(self, image_id: UUID) -> NotebookImageDetail:
        """Get an image with its analyses."""
        return self._to.get(f"/images/{image_id}", NotebookImageDetail)

    def count_classes(self, project_id: int) -> list[ClassCount]:
        """Count the images of each class of a project."""
        return self._to.get("/images/classes", ClassCounts, {"project": project_id}).results

    def update_images(self, images: Sequence[UUID], **changes: Any) -> ImagesUpdateResult:
        """Update images: starred, add_tags, remove_tags, one of captured_at, shift_s, as_read."""
        return _sum(
            self._to.send(
                "PATCH", "/images", ImagesUpdateResult, ImagesUpdate(images=some, **changes)
            )
            for some in _split(images)
        )

    def delete_images(self, images: Sequence[UUID], reason: str) -> ImagesUpdateResult:
        """Delete images, as an owner; they can be restored for a limited time."""
        return _sum(
            self._to.send(
                "POST",
                "/images/delete",
                ImagesUpdateResult,
                DeleteImagesRequest(images=some, reason=reason),
            )
            for some in _split(images)
        )

    def restore_images(self, images: Sequence[UUID]) -> ImagesUpdateResult:
        """Restore deleted images, as an owner."""
        return _sum(
            self._to.send("POST", "/images/restore", ImagesUpdateResult, ImageIds(images=some))
            for some in _split(images)
        )

    def list_days(self, project_id: int, **filters: str | int | float | None) -> DayCounts:
        """Count a project's images by the day of capture.

        Filters are those of `list_images`.
        """
        return self._to.get("/images/days", DayCounts, {"project": project_id, **filters})

    def get_summary(self, project_id: int, **filters: str | None) -> Summary:
        """Get the summary of a project by day, hour, class and deployment.

        Filters: deployment, class_, day_after.
        """
        return self._to.get("/summary", Summary, {"project": project_id, **filters})

    def list_tags(self, project_id: int) -> list[TagCount]:
        """List the tags of a project and count their images."""
        return self._to.get("/images/tags", TagCounts, {"project": project_id}).results


def _split(images: Sequence[UUID]) -> Iterator[list[UUID]]:
    for first in range(0, len(images), AT_ONCE):
        yield list(images[first : first + AT_ONCE])


def _sum(answers: Iterator[ImagesUpdateResult]) -> ImagesUpdateResult:
    changed = unchanged = 0
    for answer in answers:
        changed, unchanged = changed + answer.changed, unchanged + answer.unchanged
    return ImagesUpdateResult(changed=changed, unchanged=unchanged)
