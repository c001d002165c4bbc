"""Combine the observations of the images of a sequence into an event, for every format.

An event is complete once the last image of its sequence was read. The count of a group is the one
that a person stated for the sequence, otherwise the largest sum of the counts on one image.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from trapline.server.exports.formats.observed_images import (
    ExportedObservation,
    ObservationType,
    ObservedIdentification,
    ObservedImage,
    StatedSequence,
)


class CountGroup(NamedTuple):
    """The key of a count; the label is empty if a taxon is given, since several can mean it."""

    kind: ObservationType
    taxon: str | None
    label: str
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual: str | None = None
    """Set only if a person stated it for the whole sequence."""

    @property
    def name(self) -> tuple[ObservationType, str]:
        """The type and the taxon or label, without details such as sex."""
        return self.kind, self.taxon or self.label


@dataclass
class GroupCount:
    """The count of a group, its latest identification, and its best model."""

    count: int = 0
    said: ObservedIdentification | None = None
    comment: str | None = None
    model: str = ""
    confidence: float | None = None
    at: str | None = None
    media: list[str] = field(default_factory=list)
    external_id: str = ""
    """The observationID in the imported package."""


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
    stated: list[StatedSequence] = field(default_factory=list)
    """The latest identifications of whole sequences that its images have."""

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

    @property
    def external_id(self) -> str:
        """The observationID, in an imported package, of a statement without groups."""
        return next((one.external_id for one in self.stated if one.external_id), "")

    def key_of(self, group: CountGroup | None) -> str:
        """Return an ID of a group that does not depend on the other groups; None means blank."""
        about = group[:-1] if group is not None and group.individual is None else group
        return str(uuid5(UUID(self.id), msgspec.json.encode(about).decode()))

    def add(
        self,
        image: ObservedImage,
        observations: Sequence[ExportedObservation],
        *,
        shown: bool = True,
    ) -> None:
        """Add an image with its observations; a hidden image is not listed in `media`."""
        self.reviewed = self.reviewed and image.reviewed
        self.images, self.whole = self.images + 1, max(self.whole, image.sequence_images)
        if self.verified_only and not self.reviewed:
            return
        self.start, self.end = min(self.start, image.captured_at), max(self.end, image.captured_at)
        if image.stated is not None and image.stated not in self.stated:
            self.stated.append(image.stated)
        counts: dict[CountGroup, int] = {}
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
                seen = self.said.setdefault(group, GroupCount())
                if seen.said is None or said.at > seen.said.at:
                    seen.said = said
                seen.comment = seen.comment or said.comment
            if shown and len(seen.media) < MOST_MEDIA and image.id not in seen.media[-1:]:
                seen.media.append(image.id)
            counts[group] = counts.get(group, 0) + (
                1 if said is None or said.count is None else said.count
            )
            seen.count = max(seen.count, counts[group])

    def complete(self) -> "SequenceEvent":
        """Apply what people stated for the whole sequence.

        In an imported event they replace the groups of the same taxa on single images of the
        package, whose details may differ. A sequence may contain several imported events, and the
        sequences that it was merged from, each with its own statement.
        """
        latest = max(self.stated, key=lambda one: one.at, default=None)
        is_imported = latest is not None and bool(latest.event_id)
        stated: dict[CountGroup, GroupCount] = {}
        for one in self.stated:
            is_merged = latest is not None and one.sequence_id != latest.sequence_id
            if one is not latest and not is_merged and not (is_imported and one.event_id):
                continue
            for group, count in _count_stated(one, {seen.name for seen in self.said}).items():
                known = stated.get(group)
                if known is None or known.count < count.count:
                    stated[group] = count
        names = {group.name for group in stated} if is_imported else set()
        replaced = {group._replace(individual=None) for group in stated}
        on_images = self.said
        self.said = {
            group: seen
            for group, seen in on_images.items()
            if group not in replaced
            and (group.name not in names or seen.said is None or seen.said.external is None)
        }
        for group, count in stated.items():
            seen = on_images.get(group._replace(individual=None))
            if seen is not None:
                given = count.count or seen.count
                count = replace(seen, count=given, external_id=count.external_id)
            else:
                alike = [one.media for other, one in on_images.items() if other.name == group.name]
                count.media = sorted(set().union(*alike))[:MOST_MEDIA]
            count.count = count.count or 1
            self.said[group] = count
        for group, seen in self.said.items():
            if group.kind is ObservationType.UNKNOWN and not stated:
                seen.external_id = seen.external_id or self.external_id
        return self


def _count_stated(
    stated: StatedSequence, seen: Collection[tuple[ObservationType, str]]
) -> dict[CountGroup, GroupCount]:
    """Return the groups of a statement with their counts; 0 if a count is unknown.

    Groups that only images of other sequences show are left out; `seen` are those of this one.
    """
    counts: dict[CountGroup, GroupCount] = {}
    for one in stated.groups:
        group = CountGroup(
            one.kind, one.taxon, one.label if one.taxon is None else "",
            one.sex, one.life_stage, one.behaviour, one.individual_id,
        )  # fmt: skip
        if one.is_located and group.name not in seen:
            continue
        said = ObservedIdentification(
            "correct", stated.by, stated.at, one.taxon, one.label,
            sex=one.sex, life_stage=one.life_stage, behaviour=one.behaviour,
        )  # fmt: skip
        count = counts.setdefault(
            group, GroupCount(said=said, comment=stated.comment, external_id=one.external_id)
        )
        count.count += one.count or 0
    return counts


class SequenceEventBuilder:
    """Build the events of the images of an export, ordered by deployment and capture time.

    One event is open at a time. With `verified_only`, groups of unverified events are not counted,
    which saves a third of the time.
    """

    def __init__(self, *, verified_only: bool = False) -> None:
        self._open: SequenceEvent | None = None
        self._verified_only = verified_only

    def add(
        self,
        image: ObservedImage,
        observations: Sequence[ExportedObservation],
        *,
        shown: bool = True,
    ) -> Sequence[SequenceEvent]:
        """Add an image, and return the events that are now complete."""
        if image.sequence_id is None:
            alone = self._begin(image)
            alone.add(image, observations, shown=shown)
            return (alone.complete(),)
        done: Sequence[SequenceEvent] = ()
        if self._open is None or self._open.id != image.sequence_id:
            done = self.finish()
            self._open = self._begin(image)
        self._open.add(image, observations, shown=shown)
        return done

    def finish(self) -> Sequence[SequenceEvent]:
        """Return the event that is still open."""
        return () if self._open is None else (self._open.complete(),)

    def _begin(self, image: ObservedImage) -> SequenceEvent:
        at = image.captured_at
        return SequenceEvent(
            image.event_id, image.deployment_id, at, at, image.time_zone, self._verified_only
        )
