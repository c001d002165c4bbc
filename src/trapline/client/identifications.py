"""Methods for identifications by people."""

from collections.abc import Sequence
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.bulk_identifications import BulkIdentification, NewBulkIdentification
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

    def prepare_bulk_identification(
        self, new: NewBulkIdentification, **filters: str | int | float | None
    ) -> BulkIdentification:
        """Select the images of a bulk identification, and count them; nothing is identified yet.

        They are the images or sequences of `new`, or all images that match the filters, which are
        those of `list_images`. Start it within an hour:

            bulk = server.prepare_bulk_identification(
                NewBulkIdentification(kind="blank"), project=1, blank="true", reviewed="false")
            print(bulk.images)
            server.start_bulk_identification(bulk.id)
        """
        return self._to.send(
            "POST", "/bulk-identifications", BulkIdentification, new, params=filters
        )

    def start_bulk_identification(self, bulk_id: UUID) -> BulkIdentification:
        """Start a bulk identification, or resume it after it stopped.

        A few hundred images are identified when this returns. `get_bulk_identification` returns the
        progress of the others.
        """
        path = f"/bulk-identifications/{bulk_id}/start"
        return self._to.send("POST", path, BulkIdentification)

    def withdraw_bulk_identification(self, bulk_id: UUID) -> BulkIdentification:
        """Withdraw all its identifications: of your own, or as a manager those of any user."""
        path = f"/bulk-identifications/{bulk_id}/withdraw"
        return self._to.send("POST", path, BulkIdentification)

    def get_bulk_identification(self, bulk_id: UUID) -> BulkIdentification:
        """Get a bulk identification with its progress."""
        return self._to.get(f"/bulk-identifications/{bulk_id}", BulkIdentification)

    def list_bulk_identifications(
        self, **filters: str | int | float | None
    ) -> NotebookPage[BulkIdentification]:
        """List one page of the bulk identifications that were started, newest first.

        Filters are project, person, cursor, limit.
        """
        return self._to.get("/bulk-identifications", NotebookPage[BulkIdentification], filters)
