"""Sequences as events, whatever the format: what their images show together, as soon as the last of them was read.

Of several images of the same animals the one with the most says how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from trapline.server.exchange.observations import Kind, Observation, Said, SeenImage


class Group(NamedTuple):
    """What is counted together."""

    kind: Kind
    taxon: str | None
    label: str
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None


@dataclass
class Seen:
    """How many of a group there are at most on one image, the last who said so, and a model and its confidence."""

    count: int = 0
    said: Said | None = None
    comment: str | None = None
    model: str = ""
    confidence: float | None = None
    at: str | None = None
    media: list[str] = field(default_factory=list)


MOST_MEDIA = 50
"""How many images of a group are named; a sequence may have thousands."""


@dataclass
class Event:
    """A sequence, or an image that is in none; it is verified once a person said something of each image of it."""

    id: str
    deployment_id: str
    start: datetime
    end: datetime
    time_zone: str
    verified_only: bool = False
    verified: bool = True
    last: Said | None = None
    """What was said of it last."""
    said: dict[Group, Seen] = field(default_factory=dict)
    modelled: dict[Group, Seen] = field(default_factory=dict)

    @property
    def groups(self) -> dict[Group, Seen]:
        """What is seen: by people where they looked at all of it, else by models too."""
        return self.said if self.verified else {**self.modelled, **self.said}

    def add(self, image: SeenImage, observations: Sequence[Observation], *, shown: bool = True) -> None:
        """Add an image with what it shows; one that may not be shown is not named."""
        self.verified = self.verified and image.reviewed
        if self.verified_only and not self.verified:
            return
        self.start, self.end = min(self.start, image.captured_at), max(self.end, image.captured_at)
        counts: dict[tuple[Group, str], int] = {}
        for one in observations:
            said = one.said
            if said is not None and (self.last is None or said.at > self.last.at):
                self.last = said
            if one.kind in (Kind.BLANK, Kind.UNCLASSIFIED):
                continue
            if said is None:
                group = Group(one.kind, one.taxon, one.label)
                seen = self.modelled.setdefault(group, Seen())
                if one.found is not None and (seen.confidence or 0) <= (one.confidence or 0):
                    seen.model, seen.confidence, seen.at = one.found.model, one.confidence, one.found.at
            else:
                group = Group(one.kind, one.taxon, one.label, said.sex, said.life_stage, said.behaviour)
                seen = self.said.setdefault(group, Seen())
                if seen.said is None or said.at > seen.said.at:
                    seen.said = said
                seen.comment = seen.comment or said.comment
            if shown and len(seen.media) < MOST_MEDIA and image.id not in seen.media[-1:]:
                seen.media.append(image.id)
            # Two models that see the same animal do not make it two.
            key = group, "" if one.found is None else one.found.analysis_id
            counts[key] = counts.get(key, 0) + (said.count if said is not None and said.count else 1)
            seen.count = max(seen.count, counts[key])


class Events:
    """Makes events of the images of an export, which come by deployment and capture time; one is open at a time.

    For who wants `verified_only` ones nothing is counted in the others, which takes a third of the time.
    """

    def __init__(self, *, verified_only: bool = False) -> None:
        self._open: Event | None = None
        self._verified_only = verified_only

    def add(self, image: SeenImage, observations: Sequence[Observation], *, shown: bool = True) -> Sequence[Event]:
        """Add an image, and give the events that are complete now."""
        if image.sequence_id is None:
            alone = self._begin(image)
            alone.add(image, observations, shown=shown)
            return (alone,)
        done: Sequence[Event] = ()
        if self._open is None or self._open.id != image.sequence_id:
            done = self.finish()
            self._open = self._begin(image)
        self._open.add(image, observations, shown=shown)
        return done

    def finish(self) -> Sequence[Event]:
        """Give the event that is still open."""
        return () if self._open is None else (self._open,)

    def _begin(self, image: SeenImage) -> Event:
        at = image.captured_at
        return Event(image.event_id, image.deployment_id, at, at, image.time_zone, self._verified_only)
