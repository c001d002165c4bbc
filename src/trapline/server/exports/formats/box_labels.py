"""Select the classification that names a box, and the label that the detector gave it.

The result of a worker marks classifications as `terminal`. The last terminal one names the box; the
others are coarser or were overruled. Imported and posted annotations have no such mark. There, the
most confident classification names the box, and the box has the detector's label.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class LabelledFinding(Protocol):
    """The fields of an annotation that are needed here, whatever its record type."""

    @property
    def confidence(self) -> float | None:
        """The confidence of its model."""

    @property
    def model(self) -> str:
        """The model that found it, with its version."""

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box; None if its result does not state it."""


Form = TypeVar("Form", bound=LabelledFinding)


def find_box_label(box: Form, under: Sequence[Form]) -> Form | None:
    """Return the classification that names a box; None if only the box's own label names it.

    If the terminal one was left out of the export, the detector's label is used, and never an
    overruled classification.
    """
    unsaid: Form | None = None
    terminal: Form | None = None
    for one in under:
        says = one.terminal
        if says:
            terminal = one
        elif says is None and is_more_confident(one, unsaid):
            unsaid = one
    return terminal or unsaid or find_detector_label(box, under)


def find_detector_label(box: Form, under: Sequence[Form]) -> Form | None:
    """Return the detector's classification of its box; None if the label is the box's, or none."""
    found: Form | None = None
    for one in under:
        if one.terminal is not None and one.model == box.model and is_more_confident(one, found):
            found = one
    return found


def is_more_confident(one: Form, than: Form | None) -> bool:
    """Compare the confidence of two findings; a finding without one counts as least confident."""
    return than is None or _confidence(one) > _confidence(than)


def _confidence(one: LabelledFinding) -> float:
    return -1.0 if one.confidence is None else one.confidence
