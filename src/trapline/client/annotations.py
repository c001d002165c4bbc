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
        """List one page of annotations of completed analyses, by the times of the images.

        Filters are project, type, class_, taxon, confidence_min, confidence_max, deployment,
        captured_after, captured_before, model, model_version, algorithm, job, order, cursor, limit.
        """
        return self._to.get("/annotations", NotebookPage[AnnotationWithImage], filters)

    def list_image_annotations(
        self, image_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[AnnotationWithImage]:
        """List one page of an image's annotations, with the filters of `find_annotations`."""
        return self._to.get(
            f"/images/{image_id}/annotations", NotebookPage[AnnotationWithImage], filters
        )

    def get_scores(self, annotation_id: UUID) -> ClassificationScores:
        """Get the scores of a classification over its whole class list."""
        return self._to.get(f"/annotations/{annotation_id}/scores", ClassificationScores)

    def list_algorithms(self, **filters: str | int | float | None) -> NotebookPage[ListedAlgorithm]:
        """List one page of algorithms; filters: project, search, cursor, limit.

        `search` is a text in a name, key or class.
        """
        return self._to.get("/algorithms", NotebookPage[ListedAlgorithm], filters)

    def get_algorithm(self, algorithm_id: int) -> ListedAlgorithm:
        """Get one revision of an algorithm."""
        return self._to.get(f"/algorithms/{algorithm_id}", ListedAlgorithm)

    def list_algorithm_classes(
        self, algorithm_id: int, **filters: str | int | float | None
    ) -> NotebookPage[AlgorithmClass]:
        """List one page of an algorithm's classes, ordered as its scores; filters:

        search, cursor, limit.
        """
        return self._to.get(
            f"/algorithms/{algorithm_id}/classes", NotebookPage[AlgorithmClass], filters
        )

    def list_sequences(self, **filters: str | int | float | None) -> NotebookPage[Sequence]:
        """List one page of sequences with their first images.

        Filters are project, deployment, started_after, started_before, images_min, order, cursor,
        limit.
        """
        return self._to.get("/sequences", NotebookPage[Sequence], filters)

    def get_sequence(self, sequence_id: UUID) -> Sequence:
        """Get a sequence with its images, at most 1,000."""
        return self._to.get(f"/sequences/{sequence_id}", Sequence)
