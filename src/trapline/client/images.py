"""What a token may do about images that are there: mark, tag, date, delete and restore them."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from trapline.client.api_session import Connection
from trapline.wire.day_counts import DayCounts, Summary
from trapline.wire.images import ImageDeletion, ImagesChange, ImagesChanged, ImagesNamed, TagCount, TagCounts

AT_ONCE = 1000
"""So many images are changed by one request; more are changed by several, each all or nothing."""


class ImageCalls:
    """What a token may do about images that are there."""

    _to: Connection

    def change_images(self, images: Sequence[UUID], **changes: Any) -> ImagesChanged:
        """Change images: starred, add_tags, remove_tags, and one of captured_at, shift_s and as_read."""
        return _sum(
            self._to.send("PATCH", "/images", ImagesChanged, ImagesChange(images=some, **changes))
            for some in _split(images)
        )

    def delete_images(self, images: Sequence[UUID], reason: str) -> ImagesChanged:
        """Delete images, as an owner; for some time they can be restored."""
        return _sum(
            self._to.send("POST", "/images/delete", ImagesChanged, ImageDeletion(images=some, reason=reason))
            for some in _split(images)
        )

    def restore_images(self, images: Sequence[UUID]) -> ImagesChanged:
        """Restore deleted images, as an owner."""
        return _sum(
            self._to.send("POST", "/images/restore", ImagesChanged, ImagesNamed(images=some)) for some in _split(images)
        )

    def list_days(self, project_id: int, **filters: str | int | float | None) -> DayCounts:
        """The days on which a project's images were taken, with how many. Filters are those of `list_images`."""
        return self._to.get("/images/days", DayCounts, {"project": project_id, **filters})

    def summarise(self, project_id: int, **filters: str | None) -> Summary:
        """The figures of the overview: by day, hour, class and deployment. Filters: deployment, class_, day_after."""
        return self._to.get("/summary", Summary, {"project": project_id, **filters})

    def list_tags(self, project_id: int) -> list[TagCount]:
        """Each tag of a project and how many images have it."""
        return self._to.get("/images/tags", TagCounts, {"project": project_id}).results


def _split(images: Sequence[UUID]) -> Iterator[list[UUID]]:
    for first in range(0, len(images), AT_ONCE):
        yield list(images[first : first + AT_ONCE])


def _sum(answers: Iterator[ImagesChanged]) -> ImagesChanged:
    changed = unchanged = 0
    for answer in answers:
        changed, unchanged = changed + answer.changed, unchanged + answer.unchanged
    return ImagesChanged(changed=changed, unchanged=unchanged)
