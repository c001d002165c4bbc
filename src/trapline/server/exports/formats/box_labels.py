"""Which of the classifications under a box names it, and what its detector itself calls it.

A worker's result says which are `terminal`: the last of them names the box, and the others are
coarser or were overruled. Imports and posted annotations say nothing of that: there the surest
names it, and the box has the detector's own label.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from trapline.server.exports.formats.export_records import AnnotationRecord, IdentificationRecord


class LabelledFinding(Protocol):
    """What is asked of an annotation, in whatever form it is read."""

    @property
    def confidence(self) -> float | None:
        """How sure its model is."""

    @property
    def model(self) -> str:
        """The model that found it, with its version."""

    @property
    def said(self) -> object | None:
        """What a person said of it that holds; what was said of a box is said of its classifications."""

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box to people; None where its result does not say."""


Form = TypeVar("Form", bound=LabelledFinding)


def find_box_label(box: Form, under: Sequence[Form]) -> Form | None:
    """Find the classification that names a box; None where nothing does but the label of the box.

    One that a person spoke of by itself names it before any other. Where the terminal one was left
    out, the detector's own does, for an overruled one must not.
    """
    unsaid: Form | None = None
    terminal: Form | None = None
    for one in under:
        if one.said is not None and box.said is None:
            return one
        says = one.terminal
        if says:
            terminal = one
        elif says is None and is_more_confident(one, unsaid):
            unsaid = one
    return terminal or unsaid or find_detector_label(box, under)


def find_detector_label(box: Form, under: Sequence[Form]) -> Form | None:
    """Find the classification by which a detector says what its box holds; None where the box says it, or nothing."""
    found: Form | None = None
    for one in under:
        if one.terminal is not None and one.model == box.model and is_more_confident(one, found):
            found = one
    return found


def find_statement(
    box: AnnotationRecord, under: Sequence[AnnotationRecord]
) -> IdentificationRecord | None:
    """Find what a person stated about a box, or about the classification that names it."""
    named = find_box_label(box, under) if under else None
    return (named.said if named else None) or box.said


def is_more_confident(one: Form, than: Form | None) -> bool:
    """Whether a model is surer of one thing than of another; of what it tells no confidence of it is least sure."""
    return than is None or _confidence(one) > _confidence(than)


def _confidence(one: LabelledFinding) -> float:
    return -1.0 if one.confidence is None else one.confidence
