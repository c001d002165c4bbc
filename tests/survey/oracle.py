"""The independent oracle of the survey: the contents of each surface, computed from the truth.

It imports nothing of Trapline. Each rule of the product that the oracle needs is one function here,
in `oracle_findings` or in `oracle_observations`, so that a change of the rule is made in one place.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from tests.survey.oracle_findings import BLANK_NAMES
from tests.survey.oracle_images import SeenImage
from tests.survey.oracle_observations import Observation, Observations


@dataclass(frozen=True)
class ShownName:
    """One name on an image, as lists and filters of images use it: the sum of its observations."""

    kind: str
    name: str
    count: int
    confidence: float
    is_human: bool
    needs_review: bool
    people: frozenset[str]
    individuals: frozenset[str]


def is_any(image: SeenImage) -> bool:
    """The condition of a list without a filter."""
    return bool(image.key)


def _is_of(deployment: str, image: SeenImage) -> bool:
    return bool(image.deployment["key"] == deployment)


class Oracle:
    """The expected contents of the survey, with the settings of one of its phases."""

    def __init__(
        self, truth: dict[str, Any], missing: Collection[str] = (), phase: int = 0
    ) -> None:
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
        groups = {key: group for group in self.list_sequences() for key in group}
        for decision in truth["decisions"]:
            if not decision["withdrawn"] and decision["file"] in self.images:
                of_sequence = decision.get("of_sequence", False)
                about = groups[decision["file"]] if of_sequence else {decision["file"]}
                for key in about:
                    self.images[key].decisions.append(decision)
        reviewed_with = Observations(truth, truth["phases"][0])
        self.rules = (
            Observations(truth, truth["phases"][phase], reviewed_with) if phase else reviewed_with
        )
        self._observed = {key: self.rules.observe(one) for key, one in self.images.items()}
        self._shown = {key: _sum_up(seen) for key, seen in self._observed.items()}

    # What an image shows

    def observe(self, image: SeenImage) -> list[Observation]:
        """List the observations of an image."""
        return self._observed[image.key]

    def list_names(self, image: SeenImage) -> list[ShownName]:
        """List the names on an image, blank included."""
        return self._shown[image.key]

    def list_names_by_person(self, image: SeenImage) -> list[ShownName]:
        """List the names on an image for each person, and for models, with their own counts."""
        seen = self.observe(image)
        return [
            name
            for person in dict.fromkeys(one.by for one in seen)
            for name in _sum_up([one for one in seen if one.by == person])
        ]

    def list_classes(self, image: SeenImage) -> set[str]:
        """List the names of what an image shows; a blank image shows nothing."""
        return {one.name for one in self.list_names(image) if one.kind != "blank" and one.name}

    def list_model_classes(self, image: SeenImage) -> set[str]:
        """List the labels of any current analysis, without thresholds and whatever people say."""
        return {
            one["name"]
            for _, found in image.list_newest().values()
            for one in found
            if one["name"] not in BLANK_NAMES
        }

    def is_blank(self, image: SeenImage) -> bool | None:
        """Return whether an image is blank; None if nothing is known about it."""
        kinds = {one.kind for one in self.observe(image)}
        return kinds == {"blank"} if kinds else None

    def is_reviewed(self, image: SeenImage) -> bool:
        """Return whether a person identified the image or a box on it; comments do not count."""
        return any(one["kind"] != "comment" for one in image.decisions)

    # The grid

    def list_filters(self) -> dict[str, Callable[[SeenImage], bool]]:
        """List filters of the grid by query string.

        `taxon`, `deployment` and `identified_by` are given as names.
        """
        days = sorted(
            {one.local.date() for one in self.images.values() if one.captured_at.year > 2000}
        )
        middle = days[len(days) // 2]
        filters: dict[str, Callable[[SeenImage], bool]] = {
            "": is_any,
            "blank=true": lambda one: self.is_blank(one) is True,
            "blank=false": lambda one: self.is_blank(one) is False,
            "kind=unclassified": lambda one: not self.observe(one),
            "reviewed=true": self.is_reviewed,
            "reviewed=false": lambda one: not self.is_reviewed(one),
            "analysis_state=none": lambda one: not one.runs,
            "analysis_state=completed": lambda one: bool(one.runs),
            f"day_after={middle}": lambda one: one.local.date() >= middle,
            f"day_before={middle}": lambda one: one.local.date() < middle,
        }
        for query, condition in self.list_conditions().items():
            filters[query] = partial(self._shows, condition)
        for name, stored in self._list_given_names().items():
            filters[f"class={name}"] = partial(self._shows, _is_named(stored))
            for query in ("confidence_min=0.75", "source=human", "needs_review=true"):
                both = _both(_is_named(stored), self.list_conditions()[query])
                filters[f"class={name}&{query}"] = partial(self._shows, both)
        for name in self.list_model_class_names():
            filters[f"model_class={name}"] = partial(self._has_model_class, name)
        for taxon in self.truth["taxa"]:
            for name in (taxon["scientific_name"], *taxon["synonyms"]):
                of_taxon = _is_named(taxon["scientific_name"])
                filters[f"taxon={name}"] = partial(self._shows, of_taxon)
                filters[f"taxon={name}&count_min=2"] = partial(
                    self._shows, _both(of_taxon, self.list_conditions()["count_min=2"])
                )
        for deployment in self.truth["deployments"]:
            filters[f"deployment={deployment['key']}"] = partial(_is_of, deployment["key"])
        return filters

    def list_conditions(self) -> dict[str, Callable[[ShownName], bool]]:
        """List conditions that one name on an image must meet, by query string."""
        conditions: dict[str, Callable[[ShownName], bool]] = {
            "source=human": lambda one: one.is_human,
            "source=model": lambda one: not one.is_human,
            "needs_review=true": lambda one: one.needs_review,
            "needs_review=false": lambda one: not one.needs_review,
        }
        for kind in ("animal", "human", "vehicle", "blank", "unknown"):
            conditions[f"kind={kind}"] = partial(lambda kind, one: one.kind == kind, kind)
        for least in (0.5, 0.75):
            conditions[f"confidence_min={least}"] = partial(
                lambda least, one: one.is_human or one.confidence >= least, least
            )
        for least in (1, 2, 5):
            conditions[f"count_min={least}"] = partial(lambda least, one: one.count >= least, least)
        for individual in sorted(
            {one for image in self.images.values() for name in self.list_names(image)
             for one in name.individuals}
        ):  # fmt: skip
            conditions[f"individual={individual}"] = partial(
                lambda individual, one: individual in one.individuals, individual
            )
        for person in sorted({one["by"] for one in self.truth["decisions"]}):
            conditions[f"identified_by={person}"] = partial(
                lambda person, one: person in one.people, person
            )
        return conditions

    def _list_given_names(self) -> dict[str, str]:
        """List the names and labels by which a class may be given, with the stored names."""
        names = {name: name for name in self.list_class_names()}
        names |= {label: name for label, name in self.truth["labels"].items() if name in names}
        return names

    def _shows(self, condition: Callable[[ShownName], bool], image: SeenImage) -> bool:
        return any(condition(one) for one in self.list_names(image))

    def _has_model_class(self, name: str, image: SeenImage) -> bool:
        return name in self.list_model_classes(image)

    def list_class_names(self) -> list[str]:
        """List the name of every observation, in alphabetical order."""
        return sorted({name for one in self.images.values() for name in self.list_classes(one)})

    def list_model_class_names(self) -> list[str]:
        """List every class of a current analysis, in alphabetical order."""
        images = self.images.values()
        return sorted({name for one in images for name in self.list_model_classes(one)})

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


def _sum_up(seen: list[Observation]) -> list[ShownName]:
    """Sum up the observations of an image by name; an unknown count is 1, a blank has none."""
    names: dict[str, list[Observation]] = {}
    for one in seen:
        names.setdefault(one.name, []).append(one)
    return [
        ShownName(
            of_it[0].kind,
            name,
            sum(
                0 if one.kind == "blank" else 1 if one.count is None else one.count for one in of_it
            ),
            max((one.confidence for one in of_it if one.confidence is not None), default=0.0),
            any(one.said is not None for one in of_it),
            any(one.needs_review for one in of_it),
            frozenset(one.by for one in of_it if one.by is not None),
            frozenset(one.individual_id for one in of_it if one.individual_id is not None),
        )
        for name, of_it in names.items()
    ]


def _is_named(name: str) -> Callable[[ShownName], bool]:
    return partial(lambda name, one: one.name == name, name)


def _both(
    one: Callable[[ShownName], bool], other: Callable[[ShownName], bool]
) -> Callable[[ShownName], bool]:
    return lambda name: one(name) and other(name)
