"""The images of the oracle: files that the survey stored, with all that models and people said.

It imports nothing of Trapline.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Said = dict[str, Any]
"""A decision of the truth."""
Subject = tuple[str, int]
"""The box that a decision is about: the key of its run, and its position in the findings.

Of a box that a person drew: `DRAWN`, and the number of the box.
"""
DRAWN = "drawn"


@dataclass
class SeenImage:
    """An image that the survey must have stored, with its findings in the order of the runs."""

    key: str
    file: dict[str, Any]
    deployment: dict[str, Any]
    captured_at: datetime
    runs: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    decisions: list[Said] = field(default_factory=list)

    @property
    def local(self) -> datetime:
        """The capture time in the zone of the camera."""
        return self.captured_at.astimezone(ZoneInfo(self.deployment["time_zone"]))

    @property
    def path(self) -> str:
        """The path on the card, for every way of arrival."""
        return str(self.file["path"])

    @property
    def name(self) -> str:
        """The name of the file without its folders."""
        return self.path.rpartition("/")[2]

    def list_newest(self) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
        """List the newest run of each pipeline with its findings, by the name of the pipeline."""
        return {run["pipeline"]: (run, found) for run, found in self.runs}

    def find_subject(self, subject: Subject) -> dict[str, Any]:
        """Return the finding that a decision is about, or the box that a person drew."""
        if subject[0] == DRAWN:
            [drawn] = [one for one in self.decisions if get_subject(one) == subject]
            # No model names the box, and its score is the highest.
            return {
                "type": "box", "box": drawn["box"], "name": "", "name_score": None, "score": 1.0
            }  # fmt: skip
        found: dict[str, Any] = next(
            findings[subject[1]] for run, findings in self.runs if run["key"] == subject[0]
        )
        return found


def get_subject(said: Said) -> Subject | None:
    """Return the box that a decision is about, or drew; None for the whole image."""
    if DRAWN in said:
        return (DRAWN, said[DRAWN])
    return None if said["run"] is None else (said["run"], said["index"])
