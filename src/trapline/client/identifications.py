"""Methods for identifications by people."""

from collections.abc import Sequence
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.identifications import (
    MOST_AT_ONCE,
    CreatedIdentifications,
    Identification,
    NewIdentification,
    NewIdentifications,
    WithdrawRequest,
    WithdrawResult,
)


class IdentificationApi:
    """Methods for identifications."""

    _to: ApiSession

    def create_identifications(self, *said: NewIdentification) -> list[Identification]:
        """Store identifications of annotations, images and sequences, at most 1,000, all or none.

        `create_identifications(NewIdentification(kind="correct", annotations=[ID], label="Lynx
        lynx"))` corrects one. Several taxa of an image or a sequence are `taxa`, a list of
        `NewIdentificationTaxon`. A sequence returns one identification for each of its images.
        """
        wanted = NewIdentifications(identifications=list(said))
        return self._to.send(
            "POST", "/identifications", CreatedIdentifications, wanted
        ).identifications

    def list_identifications(
        self, **filters: str | int | float | None
    ) -> NotebookPage[Identification]:
        """List one page of identifications, newest first.

        Filters are project, image, annotation, kind, person, taxon, withdrawn, created_after,
        created_before, order, cursor, limit.
        """
        return self._to.get("/identifications", NotebookPage[Identification], filters)

    def get_identification(self, identification_id: UUID) -> Identification:
        """Get an identification."""
        return self._to.get(f"/identifications/{identification_id}", Identification)

    def withdraw_identifications(self, identifications: Sequence[UUID]) -> WithdrawResult:
        """Withdraw identifications: your own, or as a manager those of any user.

        One of a sequence is withdrawn for all its images. Each thousand of them is withdrawn
        completely or not at all.
        """
        withdrawn = unchanged = 0
        for first in range(0, len(identifications), MOST_AT_ONCE):
            some = WithdrawRequest(
                identifications=list(identifications[first : first + MOST_AT_ONCE])
            )
            done = self._to.send("POST", "/identifications/withdraw", WithdrawResult, some)
            withdrawn, unchanged = withdrawn + done.withdrawn, unchanged + done.unchanged
        return WithdrawResult(withdrawn=withdrawn, unchanged=unchanged)
