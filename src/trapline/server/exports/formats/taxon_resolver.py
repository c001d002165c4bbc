"""Resolve the labels and taxa of observations to names and types, and find which show people."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from trapline.server.exports.formats.export_records import TaxonRecord
from trapline.server.exports.formats.observed_images import (
    ExportedObservation,
    ObservationType,
    ObservedImage,
)
from trapline.server.findings.formats.label_words import NOT_KNOWN, THINGS
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.findings.rules.people_words import KEPT_BACK, NAMES_PEOPLE, PEOPLE, VEHICLES

PRIVATE = frozenset({ObservationType.HUMAN, ObservationType.VEHICLE})
CLASS_PARTS = 7
"""The parts of a SpeciesNet class: `uuid;class;order;family;genus;species;common name`."""


class ObservedTaxon(NamedTuple):
    """The meaning of a label or taxon; `scientific_name` is empty if there is no taxon."""

    kind: ObservationType
    scientific_name: str
    shows_people: bool


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression of PostgreSQL."""
    return re.compile(
        pattern.replace("[^[:alpha:]]", r"[\W\d_]").replace("[[:alpha:]]", r"[^\W\d_]"),
        re.IGNORECASE,
    )


_IS_PERSON, _IS_VEHICLE = _compile(PEOPLE), _compile(VEHICLES)
_SHOWS_PEOPLE, _IS_KEPT_BACK = _compile(NAMES_PEOPLE), _compile(KEPT_BACK)


class TaxonResolver:
    """Resolve the labels and taxa of an export, and cache the results."""

    def __init__(self, taxa: Mapping[UUID, TaxonRecord]) -> None:
        self.taxa = {str(key): taxon for key, taxon in taxa.items()}
        self._known: dict[tuple[str, str | None], ObservedTaxon] = {}
        self._tags: dict[str, bool] = {}
        self.formless = 0
        """The number of annotations that a format could not represent, such as heatmaps."""

    def find(self, label: str, taxon: str | None) -> ObservedTaxon:
        """Return the meaning of a label, or of the taxon that is assigned to it."""
        named = self._known.get((label, taxon))
        if named is None:
            named = self._known[label, taxon] = self._name(label, taxon)
        return named

    def title(self, observation: ExportedObservation) -> str:
        """Return the class of an observation: its taxon's name, else its label, else its type."""
        named = self.find(observation.label, observation.taxon)
        return named.scientific_name or observation.label or observation.kind.value

    def is_withheld(self, image: ObservedImage) -> bool:
        """Return whether an image must not be public, because of people on it or a hiding tag.

        People are on an image if it has such an observation. In an export of raw model output, the
        findings of models decide.
        """
        for tag in image.tags:
            if tag not in self._tags:
                self._tags[tag] = _IS_KEPT_BACK.search(tag) is not None
            if self._tags[tag]:
                return True
        if image.observed is None:
            return any(self._shows_people(one.class_name, one.taxon) for one in image.found)
        return any(
            one.kind in PRIVATE or self._shows_people(one.label, one.taxon)
            for one in image.observed
        )

    def _shows_people(self, label: str | None, taxon: str | None) -> bool:
        return bool(label or taxon) and self.find(label or "", taxon).shows_people

    def _name(self, label: str, taxon: str | None) -> ObservedTaxon:
        known = self.taxa.get(taxon) if taxon is not None else None
        if known is not None:
            is_human = known.scientific_name.split(" ")[0] == "Homo"
            names = (label, *(name for names in known.common_names.values() for name in names))
            people = is_human or any(_SHOWS_PEOPLE.search(name) for name in names)
            return ObservedTaxon(
                ObservationType.HUMAN if is_human else ObservationType.ANIMAL,
                known.scientific_name,
                people,
            )
        parts = label.split(";")
        word = (parts[-1] if len(parts) == CLASS_PARTS else label).strip().lower()
        people = _SHOWS_PEOPLE.search(label) is not None
        if not word or word in NOT_KNOWN or word in THINGS:
            return ObservedTaxon(ObservationType.UNKNOWN, "", people)
        if is_blank_label(label):
            return ObservedTaxon(ObservationType.BLANK, "", False)
        if _IS_PERSON.search(label):
            return ObservedTaxon(ObservationType.HUMAN, "Homo sapiens", True)
        if _IS_VEHICLE.search(label):
            return ObservedTaxon(ObservationType.VEHICLE, "", True)
        return ObservedTaxon(ObservationType.ANIMAL, "", people)
