"""Methods for review sets: lists of items that several people review."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.review_sets import (
    ClaimedReviewItems,
    NewReviewSet,
    ReleasedReviewItems,
    ReviewClaimRequest,
    ReviewControlAnswer,
    ReviewControls,
    ReviewDisagreements,
    ReviewReleaseRequest,
    ReviewSet,
    ReviewSetProgress,
    ReviewSetUpdate,
)


class ReviewSetApi:
    """Methods for review sets."""

    _to: ApiSession

    def list_review_sets(
        self, project_id: int, **filters: str | int | float | None
    ) -> NotebookPage[ReviewSet]:
        """List one page of review sets, newest first.

        Filters are mine (sets that you can work on), closed, cursor and limit.
        """
        return self._to.get(f"/projects/{project_id}/review-sets", NotebookPage[ReviewSet], filters)

    def create_review_set(
        self, project_id: int, new: NewReviewSet, **filters: str | int | float | None
    ) -> ReviewSet:
        """Create a review set of the images that match these filters now.

        The filters are those of `list_images`. Requires the manager role.
        """
        return self._to.send(
            "POST", f"/projects/{project_id}/review-sets", ReviewSet, new, params=filters
        )

    def get_review_set(self, project_id: int, set_id: UUID) -> ReviewSet:
        """Get a review set with its progress."""
        return self._to.get(f"/projects/{project_id}/review-sets/{set_id}", ReviewSet)

    def update_review_set(
        self, project_id: int, set_id: UUID, change: ReviewSetUpdate
    ) -> ReviewSet:
        """Change the name or the people, close the set or open it; requires the manager role."""
        return self._to.send(
            "PATCH", f"/projects/{project_id}/review-sets/{set_id}", ReviewSet, change
        )

    def delete_review_set(self, project_id: int, set_id: UUID) -> None:
        """Delete a review set and keep its decisions; requires the manager role."""
        self._to.send("DELETE", f"/projects/{project_id}/review-sets/{set_id}", type(None))

    def claim_review_items(
        self, project_id: int, set_id: UUID, wanted: ReviewClaimRequest
    ) -> ClaimedReviewItems:
        """Claim items to review for 10 minutes, and renew the claims of items that you hold."""
        path = f"/projects/{project_id}/review-sets/{set_id}/claims"
        return self._to.send("POST", path, ClaimedReviewItems, wanted)

    def release_review_items(
        self, project_id: int, set_id: UUID, *positions: int
    ) -> ReleasedReviewItems:
        """Release your claims of these items; without positions, all of them."""
        path = f"/projects/{project_id}/review-sets/{set_id}/release"
        wanted = ReviewReleaseRequest(items=list(positions) or None)
        return self._to.send("POST", path, ReleasedReviewItems, wanted)

    def get_review_set_progress(self, project_id: int, set_id: UUID) -> ReviewSetProgress:
        """Get the progress by person and the agreement; requires the manager role."""
        return self._to.get(
            f"/projects/{project_id}/review-sets/{set_id}/progress", ReviewSetProgress
        )

    def list_review_disagreements(self, project_id: int, set_id: UUID) -> ReviewDisagreements:
        """List items on which people gave different answers; requires the manager role."""
        path = f"/projects/{project_id}/review-sets/{set_id}/disagreements"
        return self._to.get(path, ReviewDisagreements)

    def get_review_controls(self, project_id: int, set_id: UUID) -> ReviewControls:
        """List the control items with their known answers; requires the owner role."""
        return self._to.get(f"/projects/{project_id}/review-sets/{set_id}/controls", ReviewControls)

    def set_review_control(
        self, project_id: int, set_id: UUID, image_id: UUID, answer: ReviewControlAnswer
    ) -> ReviewControls:
        """Mark the item of an image as a control item; requires the owner role."""
        path = f"/projects/{project_id}/review-sets/{set_id}/controls/{image_id}"
        return self._to.send("PUT", path, ReviewControls, answer)

    def remove_review_control(self, project_id: int, set_id: UUID, image_id: UUID) -> None:
        """Make a control item an ordinary item again; requires the owner role."""
        path = f"/projects/{project_id}/review-sets/{set_id}/controls/{image_id}"
        self._to.send("DELETE", path, type(None))
