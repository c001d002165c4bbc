"""Methods that read annotations, scores, algorithms and sequences."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.algorithms import AlgorithmClass, ListedAlgorithm
from trapline.wire.annotations import (
    Annotation,
    AnnotationWithImage,
    ClassificationScores,
    CreatedHumanBoxes,
)
from trapline.wire.human_boxes import (
    HumanBoxHistory,
    HumanBoxUpdate,
    NewHumanBox,
    NewHumanBoxes,
)
from trapline.wire.sequences import (
    NewSequenceMerge,
    NewSequenceSplit,
    Sequence,
    SequenceChange,
)


def _build_condition(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}


class AnnotationApi:
    """Methods that read annotations."""

    _to: ApiSession

    def find_annotations(
        self, **filters: str | int | float | None
    ) -> NotebookPage[AnnotationWithImage]:
        """List one page of annotations by the times of the images.

        These are the annotations of completed analyses, and the boxes that people drew. Filters are
        project, source ("human" or "model"), type, class_, taxon, confidence_min, confidence_max,
        deployment, captured_after, captured_before, model, model_version, algorithm, job, reviewed,
        order, cursor, limit.
        """
        return self._to.get("/annotations", NotebookPage[AnnotationWithImage], filters)

    def list_image_annotations(
        self, image_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[AnnotationWithImage]:
        """List one page of an image's annotations, with the filters of `find_annotations`."""
        return self._to.get(
            f"/images/{image_id}/annotations", NotebookPage[AnnotationWithImage], filters
        )

    def create_annotations(self, *boxes: NewHumanBox) -> list[Annotation]:
        """Store boxes, points and polygons that a person drew, at most 1,000, all or none.

        `create_annotations(NewHumanBox(image=ID, box=HumanBoxCorners(x_min=10, y_min=20, x_max=110,
        y_max=90), label="Lynx lynx"))` creates one; `supersedes` names the box of a model that it
        corrects. `point=[60, 55]` and `polygon=[[10, 20], [110, 20], [60, 90]]` replace `box`.
        """
        wanted = NewHumanBoxes(annotations=list(boxes))
        return self._to.send("POST", "/annotations", CreatedHumanBoxes, wanted).annotations

    def update_annotation(
        self, annotation_id: UUID, change: HumanBoxUpdate, *, version: int | None = None
    ) -> Annotation:
        """Change a person's box; fields that are left out are kept.

        With `version`, the box is changed only if it still has this version.
        """
        path = f"/annotations/{annotation_id}"
        return self._to.send("PATCH", path, Annotation, change, headers=_build_condition(version))

    def delete_annotation(self, annotation_id: UUID, *, version: int | None = None) -> None:
        """Withdraw a person's box, or identify a model's box as not an animal.

        With `version`, the box is withdrawn only if it still has this version.
        """
        path = f"/annotations/{annotation_id}"
        self._to.send("DELETE", path, type(None), headers=_build_condition(version))

    def get_annotation_history(self, annotation_id: UUID) -> HumanBoxHistory:
        """Get the changes of a person's box, the newest first."""
        return self._to.get(f"/annotations/{annotation_id}/history", HumanBoxHistory)

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

    def split_sequence(self, image_id: UUID, sequence_id: UUID | None = None) -> SequenceChange:
        """Split a sequence before an image; the split is kept when images are grouped again.

        With `sequence_id`, the server refuses if the image is in another sequence now.
        """
        new = NewSequenceSplit(image_id=image_id, sequence_id=sequence_id)
        return self._to.send("POST", "/sequences/split", SequenceChange, new)

    def merge_sequences(self, *sequences: UUID) -> SequenceChange:
        """Merge consecutive sequences of a deployment into the first of them."""
        new = NewSequenceMerge(sequences=list(sequences))
        return self._to.send("POST", "/sequences/merge", SequenceChange, new)

    def list_sequence_changes(
        self, **filters: str | int | float | None
    ) -> NotebookPage[SequenceChange]:
        """List one page of splits and merges, newest first.

        Filters are project, deployment, cursor, limit.
        """
        return self._to.get("/sequence-changes", NotebookPage[SequenceChange], filters)

    def get_sequence_change(self, change_id: int) -> SequenceChange:
        """Get a split or a merge."""
        return self._to.get(f"/sequence-changes/{change_id}", SequenceChange)

    def undo_sequence_change(self, change_id: int) -> SequenceChange:
        """Undo a split or a merge: your own, or as a manager that of any user."""
        return self._to.send("POST", f"/sequence-changes/{change_id}/undo", SequenceChange)
