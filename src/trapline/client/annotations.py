"""Methods that read annotations, scores, algorithms and sequences."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.algorithms import AlgorithmClass, ListedAlgorithm
from trapline.wire.annotations import AnnotationWithImage, ClassificationScores
from trapline.wire.sequences import Sequence


class AnnotationApi:
    """Methods that read annotations."""

    _to: ApiSession

    def find_annotations(
        self, **filters: str | int | float | None
    ) -> NotebookPage[AnnotationWithImage]:
        """One page of what completed analyses found, by the times of the images.

        Filters are project, type, class_, taxon, confidence_min, confidence_max, deployment,
        captured_after, captured_before, model, model_version, algorithm, job, order, cursor, limit.
        """
        return self._to.get("/annotations", NotebookPage[AnnotationWithImage], filters)

    def list_image_annotations(
        self, image_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[AnnotationWithImage]:
        """One page of what all completed analyses of an image found; filters as of `find_annotations`."""
        return self._to.get(
            f"/images/{image_id}/annotations", NotebookPage[AnnotationWithImage], filters
        )

    def get_scores(self, annotation_id: UUID) -> ClassificationScores:
        """The scores of one classification over its whole class list."""
        return self._to.get(f"/annotations/{annotation_id}/scores", ClassificationScores)

    def list_algorithms(self, **filters: str | int | float | None) -> NotebookPage[ListedAlgorithm]:
        """One page of algorithms; filters are project, search (a name, a key or a class), cursor, limit."""
        return self._to.get("/algorithms", NotebookPage[ListedAlgorithm], filters)

    def get_algorithm(self, algorithm_id: int) -> ListedAlgorithm:
        """One revision of an algorithm."""
        return self._to.get(f"/algorithms/{algorithm_id}", ListedAlgorithm)

    def list_algorithm_classes(
        self, algorithm_id: int, **filters: str | int | float | None
    ) -> NotebookPage[AlgorithmClass]:
        """One page of an algorithm's classes in the order of its scores; filters are search, cursor, limit."""
        return self._to.get(
            f"/algorithms/{algorithm_id}/classes", NotebookPage[AlgorithmClass], filters
        )

    def list_sequences(self, **filters: str | int | float | None) -> NotebookPage[Sequence]:
        """One page of sequences with their first images.

        Filters are project, deployment, started_after, started_before, images_min, order, cursor,
        limit.
        """
        return self._to.get("/sequences", NotebookPage[Sequence], filters)

    def get_sequence(self, sequence_id: UUID) -> Sequence:
        """One sequence with its images, a thousand at most."""
        return self._to.get(f"/sequences/{sequence_id}", Sequence)
