"""The oracle's rules for sharing the boxes of an image among the taxa that a person stated.

It imports nothing of Trapline.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.survey.oracle_findings import Finding, Meaning


@dataclass
class TaxonShare:
    """The boxes of an image that one stated taxon names; `decided` are later named by people."""

    taxon: dict[str, Any]
    boxes: list[Finding] = field(default_factory=list)
    decided: int = 0

    @property
    def left(self) -> int:
        """The number of animals that are left for further boxes; an unknown count is 1."""
        return (self.taxon["count"] or 1) - len(self.boxes) - self.decided

    def takes(self, box: Meaning) -> bool:
        """Return whether it may name a further box with this name."""
        return self.agrees(box) and (self.taxon["count"] is None or self.left > 0)

    def agrees(self, box: Meaning) -> bool:
        """Return whether the name of a box does not contradict the taxon."""
        return box.kind == "unknown" or Meaning("animal", self.taxon["taxon"]).includes(box)


def choose_share(shares: list[TaxonShare], box: Meaning) -> TaxonShare | None:
    """Choose the taxon of a box: with the same name, or the one with the most animals left."""
    same = [one for one in shares if one.taxon["taxon"] == box.name]
    return max(same or shares, key=lambda one: one.left, default=None)
