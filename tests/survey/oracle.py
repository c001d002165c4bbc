"""The independent oracle of the survey: the contents of each surface, computed from the truth.

It imports nothing of Trapline. Each rule of the product that the oracle needs is one function here
or in `oracle_observations`, so that a change of the rule is made in one place.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

BLANK_NAMES = {"blank", "empty"}
"""Classes that state an empty image; they are not findings."""


@dataclass
class SeenImage:
    """An image that the survey must have stored, with its findings in the order of the runs."""

    key: str
    file: dict[str, Any]
    deployment: dict[str, Any]
    captured_at: datetime
    runs: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)

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


def is_any(image: SeenImage) -> bool:
    """The condition of a list without a filter."""
    return bool(image.key)


def _is_of(deployment: str, image: SeenImage) -> bool:
    return bool(image.deployment["key"] == deployment)


class Oracle:
    """The expected contents of the survey."""

    def __init__(self, truth: dict[str, Any], missing: Collection[str] = ()) -> None:
        """Read the truth, without images that are `missing` for a known reason."""
        self.truth = truth
        deployments = {one["key"]: one for one in truth["deployments"]}
        self.images = {
            one["id"]: SeenImage(
                one["id"],
                one,
                deployments[one["deployment"]],
                datetime.fromisoformat(one["captured_at"]),
            )
            for one in truth["files"]
            if one["fate"] == "stored" and one["id"] not in missing
        }
        for run in truth["runs"]:
            for key, found in run["found"].items():
                if key in self.images:
                    self.images[key].runs.append((run, found))
        for decision in truth["decisions"]:
            if not decision["withdrawn"] and decision["file"] in self.images:
                self.images[decision["file"]].decisions.append(decision)

    # The rules of one image

    def list_classes(self, image: SeenImage) -> dict[str, float]:
        """List the classes of an image, with the highest score in any current analysis."""
        classes: dict[str, float] = {}
        for found in self._list_current(image).values():
            for one in found:
                if one["name"] not in BLANK_NAMES:
                    classes[one["name"]] = max(classes.get(one["name"], 0.0), one["score"])
        return classes

    def _list_current(self, image: SeenImage) -> dict[str, list[dict[str, Any]]]:
        """List the findings of each pipeline's newest analysis."""
        return {run["pipeline"]: found for run, found in image.runs}

    def is_blank(self, image: SeenImage) -> bool | None:
        """Return whether no current analysis has a finding; None if the image is not analysed."""
        if not image.runs:
            return None
        current = self._list_current(image).values()
        return not any(one["name"] not in BLANK_NAMES for found in current for one in found)

    def is_reviewed(self, image: SeenImage) -> bool:
        """Return whether a person identified the image or a box on it; comments do not count."""
        return any(one["kind"] != "comment" for one in image.decisions)

    def list_taxa(self, image: SeenImage) -> set[str]:
        """List the taxa that the labels on an image mean."""
        return {
            self.truth["labels"][name]
            for name in self.list_classes(image)
            if name in self.truth["labels"]
        }

    # The grid

    def list_filters(self) -> dict[str, Callable[[SeenImage], bool]]:
        """List filters of the grid by query string; `taxon` and `deployment` are given as names."""
        days = sorted(
            {one.local.date() for one in self.images.values() if one.captured_at.year > 2000}
        )
        middle = days[len(days) // 2]
        filters: dict[str, Callable[[SeenImage], bool]] = {
            "": is_any,
            "blank=true": lambda one: self.is_blank(one) is True,
            "blank=false": lambda one: self.is_blank(one) is False,
            "reviewed=true": self.is_reviewed,
            "reviewed=false": lambda one: not self.is_reviewed(one),
            "confidence_min=0.5": lambda one: (
                max(self.list_classes(one).values(), default=0) >= 0.5
            ),
            "analysis_state=none": lambda one: not one.runs,
            "analysis_state=completed": lambda one: bool(one.runs),
            f"day_after={middle}": lambda one: one.local.date() >= middle,
            f"day_before={middle}": lambda one: one.local.date() < middle,
        }
        for name in self.list_class_names():
            filters[f"class={name}"] = partial(self._shows_class, name, 0.0)
            filters[f"class={name}&confidence_min=0.75"] = partial(self._shows_class, name, 0.75)
        for taxon in self.truth["taxa"]:
            for name in (taxon["scientific_name"], *taxon["synonyms"]):
                filters[f"taxon={name}"] = partial(self._shows_taxon, taxon["scientific_name"])
        for deployment in self.truth["deployments"]:
            filters[f"deployment={deployment['key']}"] = partial(_is_of, deployment["key"])
        return filters

    def _shows_class(self, name: str, least: float, image: SeenImage) -> bool:
        return self.list_classes(image).get(name, -1.0) >= least

    def _shows_taxon(self, name: str, image: SeenImage) -> bool:
        return name in self.list_taxa(image)

    def list_class_names(self) -> list[str]:
        """List every class of a run, in alphabetical order."""
        return sorted({name for one in self.images.values() for name in self.list_classes(one)})

    def filter_images(self, wanted: Callable[[SeenImage], bool]) -> list[str]:
        """List the images of a filter, newest first; images with equal times by key."""
        chosen = [one for one in self.images.values() if wanted(one)]
        return [
            one.key
            for one in sorted(chosen, key=lambda one: (one.captured_at, one.key), reverse=True)
        ]

    # Figures

    def count_classes(self, images: Iterable[SeenImage] | None = None) -> dict[str, int]:
        """Count the images of each class."""
        chosen = self.images.values() if images is None else images
        return dict(Counter(name for one in chosen for name in self.list_classes(one)))

    def count_days(self, images: Iterable[SeenImage] | None = None) -> dict[str, int]:
        """Count images by the day on which they were taken, in the zone of their camera."""
        chosen = self.images.values() if images is None else images
        return dict(Counter(one.local.date().isoformat() for one in chosen))

    def count_blank_days(self) -> dict[str, int]:
        """Count blank images by day."""
        return self.count_days(one for one in self.images.values() if self.is_blank(one))

    def count_hours(self) -> list[int]:
        """Count images by hour of the day, in the zone of their camera."""
        hours = Counter(one.local.hour for one in self.images.values())
        return [hours[hour] for hour in range(24)]

    def count_deployments(self) -> dict[str, int]:
        """Count images by the name of their deployment."""
        return dict(Counter(one.deployment["name"] for one in self.images.values()))

    def list_sequences(self) -> set[frozenset[str]]:
        """Group the images of each deployment that follow each other within the gap."""
        groups: set[frozenset[str]] = set()
        for deployment in self.truth["deployments"]:
            ordered = sorted(
                (one for one in self.images.values() if one.deployment is deployment),
                key=lambda one: one.captured_at,
            )
            group: list[SeenImage] = []
            for one in ordered:
                if (
                    group
                    and (one.captured_at - group[-1].captured_at).total_seconds()
                    > self.truth["sequence_gap_s"]
                ):
                    groups.add(frozenset(image.key for image in group))
                    group = []
                group.append(one)
            if group:
                groups.add(frozenset(image.key for image in group))
        return groups

    def count_files(self, key: str) -> dict[str, int]:
        """Count the files of a card by outcome.

        Files that cannot be read are refused, or they wait for the next poll.
        """
        return dict(Counter(
            {"stored": "imported", "duplicate": "duplicate", "refused": "refused"}[one["fate"]]
            for one in self.truth["files"]
            if one["deployment"] == key and (one["fate"] != "stored" or one["id"] in self.images)
        ))  # fmt: skip
