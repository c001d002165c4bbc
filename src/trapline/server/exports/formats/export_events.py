"""Sequences as events, whatever the format: what their images show together, as soon as the last of
them was read.

Of several images of the same animals the one with the most says how many there are.
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
    """What is counted together; a taxon is the same whatever label meant it, so there the label is empty."""

    kind: ObservationType
    taxon: str | None
    label: str
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None

    @property
    def name(self) -> tuple[ObservationType, str]:
        """What it is, whatever else was said of it."""
        return self.kind, self.taxon or self.label


@dataclass
class GroupCount:
    """How many of a group there are at most on one image, the last who said so, and a model and its confidence."""

    count: int = 0
    said: ObservedIdentification | None = None
    comment: str | None = None
    model: str = ""
    confidence: float | None = None
    at: str | None = None
    media: list[str] = field(default_factory=list)


MOST_MEDIA = 50
"""How many images of a group are named; a sequence may have thousands."""


@dataclass
class SequenceEvent:
    """A sequence, or an image that is in none.

    It is verified once a person said something of each image of it; the export must hold them all
    to tell.
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
    """How many images it has, of which an export may hold a few."""
    last: ObservedIdentification | None = None
    """What was said of it last."""
    said: dict[CountGroup, GroupCount] = field(default_factory=dict)
    modelled: dict[CountGroup, GroupCount] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Whether people looked at all of it."""
        return self.reviewed and self.images >= self.whole

    @property
    def groups(self) -> dict[CountGroup, GroupCount]:
        """What is seen: by people where they looked at all of it and named something, else by
        models too.

        Who says of one box that nothing is in it says nothing of the others.
        """
        if self.verified and self.said:
            return self.said
        named = {group.name for group in self.said}
        return {
            group: seen for group, seen in self.modelled.items() if group.name not in named
        } | self.said

    def key_of(self, group: CountGroup | None) -> str:
        """Give what is seen an id that stays, whatever else is seen beside it next time; None stands for nothing."""
        return str(uuid5(UUID(self.id), msgspec.json.encode(group).decode()))

    def add(
        self, image: ObservedImage, observations: Sequence[Observation], *, shown: bool = True
    ) -> None:
        """Add an image with what it shows; one that may not be shown is not named."""
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
            # Two models that see the same animal do not make it two. What people state of an image
            # adds up, and what models alone name adds nothing to it.
            key = (
                group,
                None if said is not None else "" if one.found is None else one.found.analysis_id,
            )
            counts[key] = counts.get(key, 0) + (
                1 if said is None or said.count is None else said.count
            )
            seen.count = max(seen.count, counts[key])
        if image.said is not None and image.said.count and len(confirmed) == 1:
            # Who confirms a whole image and says how many there are may see more than the model's
            # boxes.
            seen = self.said[confirmed.pop()]
            seen.count = max(seen.count, image.said.count)


class SequenceEventBuilder:
    """Makes events of the images of an export, which come by deployment and capture time; one is
    open at a time.

    For who wants `verified_only` ones nothing is counted in the others, which takes a third of the
    time.
    """

    def __init__(self, *, verified_only: bool = False) -> None:
        self._open: SequenceEvent | None = None
        self._verified_only = verified_only

    def add(
        self, image: ObservedImage, observations: Sequence[Observation], *, shown: bool = True
    ) -> Sequence[SequenceEvent]:
        """Add an image, and give the events that are complete now."""
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
        """Give the event that is still open."""
        return () if self._open is None else (self._open,)

    def _begin(self, image: ObservedImage) -> SequenceEvent:
        at = image.captured_at
        return SequenceEvent(
            image.event_id, image.deployment_id, at, at, image.time_zone, self._verified_only
        )
