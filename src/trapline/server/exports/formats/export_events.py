"""Combine the observations of the images of a sequence into an event, for every format.

An event is complete once the last image of its sequence was read. If several images show the same
group, the image with the highest count determines the count of the event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from trapline.server.exports.formats.observed_images import (
    Observation,
    ObservationType,
    ObservedIdentification,
    ObservedImage,
)


class CountGroup(NamedTuple):
    """The key of a count; the label is empty if a taxon is given, since several can mean it."""

    kind: ObservationType
    taxon: str | None
    label: str
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None

    @property
    def name(self) -> tuple[ObservationType, str]:
        """The type and the taxon or label, without details such as sex."""
        return self.kind, self.taxon or self.label


@dataclass
class GroupCount:
    """The highest count of a group on one image, its latest identification, and its best model."""

    count: int = 0
    said: ObservedIdentification | None = None
    comment: str | None = None
    model: str = ""
    confidence: float | None = None
    at: str | None = None
    media: list[str] = field(default_factory=list)


MOST_MEDIA = 50
"""The maximum number of images listed per group; a sequence may have thousands."""


@dataclass
class SequenceEvent:
    """A sequence, or an image without a sequence.

    It is verified once people have reviewed each of its images, all of which the export must
    contain.
    """

    id: str
    deployment_id: str
    start: datetime
    end: datetime
    time_zone: str
    verified_only: bool = False
    reviewed: bool = True
    images: int = 0
    whole: int = 0
    """The number of images of the sequence; an export may contain only some of them."""
    last: ObservedIdentification | None = None
    """The latest identification in the sequence."""
    said: dict[CountGroup, GroupCount] = field(default_factory=dict)
    modelled: dict[CountGroup, GroupCount] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Whether people reviewed all images of the sequence."""
        return self.reviewed and self.images >= self.whole

    @property
    def groups(self) -> dict[CountGroup, GroupCount]:
        """The groups that people counted, and those of models unless people reviewed everything.

        If people only removed findings, the groups of the models are included: the rejection of
        one box does not concern the others.
        """
        if self.verified and self.said:
            return self.said
        named = {group.name for group in self.said}
        return {
            group: seen for group, seen in self.modelled.items() if group.name not in named
        } | self.said

    def key_of(self, group: CountGroup | None) -> str:
        """Return an ID of a group that does not depend on the other groups; None means blank."""
        return str(uuid5(UUID(self.id), msgspec.json.encode(group).decode()))

    def add(
        self, image: ObservedImage, observations: Sequence[Observation], *, shown: bool = True
    ) -> None:
        """Add an image with its observations; a hidden image is not listed in `media`."""
        self.reviewed = self.reviewed and image.reviewed
        self.images, self.whole = self.images + 1, max(self.whole, image.sequence_images)
        if self.verified_only and not self.reviewed:
            return
        self.start, self.end = min(self.start, image.captured_at), max(self.end, image.captured_at)
        counts: dict[tuple[CountGroup, str | None], int] = {}
        confirmed: set[CountGroup] = set()
        for one in observations:
            said = one.said
            if said is not None and (self.last is None or said.at > self.last.at):
                self.last = said
            if one.kind in (ObservationType.BLANK, ObservationType.UNCLASSIFIED):
                continue
            label = one.label if one.taxon is None else ""
            if said is None:
                group = CountGroup(one.kind, one.taxon, label)
                seen = self.modelled.setdefault(group, GroupCount())
                if one.named_by is not None and (seen.confidence or 0) <= (one.confidence or 0):
                    seen.model, seen.confidence, seen.at = (
                        one.named_by.model,
                        one.confidence,
                        one.named_by.at,
                    )
            else:
                group = CountGroup(
                    one.kind, one.taxon, label, said.sex, said.life_stage, said.behaviour
                )
                if said.of_image:
                    confirmed.add(group)
                seen = self.said.setdefault(group, GroupCount())
                if seen.said is None or said.at > seen.said.at:
                    seen.said = said
                seen.comment = seen.comment or said.comment
            if shown and len(seen.media) < MOST_MEDIA and image.id not in seen.media[-1:]:
                seen.media.append(image.id)
            # Two models that find the same animal do not count it twice. Identifications of an
            # image add up, and findings of models are not added to them.
            key = (
                group,
                None if said is not None else "" if one.found is None else one.found.analysis_id,
            )
            counts[key] = counts.get(key, 0) + (
                1 if said is None or said.count is None else said.count
            )
            seen.count = max(seen.count, counts[key])
        if image.said is not None and image.said.count and len(confirmed) == 1:
            # A person who confirms a whole image with a count may see more animals than the model's
            # boxes.
            seen = self.said[confirmed.pop()]
            seen.count = max(seen.count, image.said.count)


class SequenceEventBuilder:
    """Build the events of the images of an export, ordered by deployment and capture time.

    One event is open at a time. With `verified_only`, groups of unverified events are not counted,
    which saves a third of the time.
    """

    def __init__(self, *, verified_only: bool = False) -> None:
        self._open: SequenceEvent | None = None
        self._verified_only = verified_only

    def add(
        self, image: ObservedImage, observations: Sequence[Observation], *, shown: bool = True
    ) -> Sequence[SequenceEvent]:
        """Add an image, and return the events that are now complete."""
        if image.sequence_id is None:
            alone = self._begin(image)
            alone.add(image, observations, shown=shown)
            return (alone,)
        done: Sequence[SequenceEvent] = ()
        if self._open is None or self._open.id != image.sequence_id:
            done = self.finish()
            self._open = self._begin(image)
        self._open.add(image, observations, shown=shown)
        return done

    def finish(self) -> Sequence[SequenceEvent]:
        """Return the event that is still open."""
        return () if self._open is None else (self._open,)

    def _begin(self, image: ObservedImage) -> SequenceEvent:
        at = image.captured_at
        return SequenceEvent(
            image.event_id, image.deployment_id, at, at, image.time_zone, self._verified_only
        )
