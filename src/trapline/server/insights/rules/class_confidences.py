"""The confidence with which a model found each class on an image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trapline.server.review.rules.model_observations import select_findings
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    Meaning,
)


@dataclass(frozen=True, slots=True)
class ImageConfidences:
    """The confidences of an image by name.

    Attributes:
        shown: The highest confidence of each name above the thresholds of the project.
        boxes: The highest score of a box of each name, without any detection threshold.
    """

    shown: Mapping[str, float]
    boxes: Mapping[str, float]


def list_confidences(analysis: AnalysisInput, settings: DerivationSettings) -> ImageConfidences:
    """List the confidences of the findings of one analysis."""
    own = replace(settings, ranks={analysis.model_name: 0})
    selected = select_findings(analysis, own)
    shown: dict[str, float] = {}
    for one in (*selected.boxes, *selected.classifications):
        name = one.named.name or "unknown"
        shown[name] = max(shown.get(name, 0.0), one.namer.counted_score)
    without = replace(
        analysis,
        findings=tuple(
            replace(one, named=_remove_threshold(one.named)) for one in analysis.findings
        ),
    )
    boxes: dict[str, float] = {}
    for one in select_findings(without, replace(own, detection_threshold=0.0)).boxes:
        name = one.named.name or "unknown"
        boxes[name] = max(boxes.get(name, 0.0), one.found.counted_score)
    return ImageConfidences(shown, boxes)


def _remove_threshold(named: Meaning | None) -> Meaning | None:
    if named is None or named.detection_threshold is None:
        return named
    return replace(named, detection_threshold=None)
