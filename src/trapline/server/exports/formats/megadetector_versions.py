"""Published versions of MegaDetector and the confidence thresholds that their authors recommend.

Source: the table of models of the package megadetector 10.0.28 (`run_detector.py`), which writes
the same defaults into its own files. Readers such as Timelapse and AddaxAI start with these
thresholds.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

UNKNOWN: dict[str, str | float] = {
    "megadetector_version": "unknown",
    "typical_detection_threshold": 0.2,
    "conservative_detection_threshold": 0.1,
}
"""The values that the package writes for any other detector."""
_OF_4 = {"typical_detection_threshold": 0.8, "conservative_detection_threshold": 0.3}
_OF_5 = {"typical_detection_threshold": 0.2, "conservative_detection_threshold": 0.05}
_THRESHOLDS: dict[str, dict[str, float]] = {
    **dict.fromkeys(("v2.0.0", "v3.0.0", "v4.1.0"), _OF_4),
    **dict.fromkeys(("v5a.0.0", "v5b.0.0", "v5a.0.1", "v5b.0.1"), _OF_5),
    "v1000.0.0-redwood": {"typical_detection_threshold": 0.3},
    # These models have no thresholds in that table.
    **{
        f"v1000.0.0-{tree}": {"typical_detection_threshold": 0.2}
        for tree in ("cedar", "larch", "sorrel", "spruce")
    },
}  # fmt: skip
_IS_MEGADETECTOR = re.compile(r"(^|\W)(mega[ _-]?detector|md)(?![a-z])", re.IGNORECASE)
_VERSION = re.compile(
    r"(?<![\w.])v?((?:2|3)\.0\.0|4\.1\.0|5[ab]\.0\.[01]|1000\.0\.0-[a-z]+)(?![\w.])", re.IGNORECASE
)


class Detector(NamedTuple):
    """The model that found a box."""

    name: str
    version: str


def describe_detectors(detectors: Collection[Detector]) -> dict[str, str | float]:
    """Return `detector_metadata` for the detectors of a file.

    These are the values of the MegaDetector if there is only one, otherwise the defaults.
    """
    versions = {_find_version(one) for one in detectors}
    version = versions.pop() if len(versions) == 1 else None
    return UNKNOWN if version is None else {"megadetector_version": version, **_THRESHOLDS[version]}


def _find_version(detector: Detector) -> str | None:
    """Return the version in a detector's name, such as md_v5a.0.0 or "MegaDetector v5a.0.1"."""
    if not _IS_MEGADETECTOR.search(detector.name.replace("_", " ")):
        return None
    found = _VERSION.search(f"{detector.name.replace('_', ' ')} {detector.version}")
    version = f"v{found[1].lower()}" if found else None
    return version if version in _THRESHOLDS else None
