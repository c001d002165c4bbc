"""Which species the keys of the review assign: the pinned ones, then the most frequent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from trapline.server.review.rules.taxon_names import name_key
from trapline.wire.palettes import PALETTE_KEYS

NOT_ASSIGNED = frozenset(
    {"", "animal", "blank", "empty", "unknown", "unclassified", "vertebrate", "no cv result"}
)
"""Observed names that are not species: they are not proposed for a key."""


@dataclass(frozen=True)
class NamedSpecies:
    """A species by its accepted scientific name, or by its label if no taxon is known."""

    name: str
    taxon_id: UUID | None


def fill_palette(
    pinned: Mapping[int, NamedSpecies], frequent: Iterable[NamedSpecies]
) -> dict[int, NamedSpecies]:
    """Return the species of each key; a species has one key, free keys are left out."""
    keys = dict(pinned)
    known = {name_key(one.name) for one in keys.values()}
    free = iter([key for key in range(1, PALETTE_KEYS + 1) if key not in keys])
    for one in frequent:
        if name_key(one.name) in known or one.name.lower() in NOT_ASSIGNED:
            continue
        key = next(free, None)
        if key is None:
            break
        keys[key] = one
        known.add(name_key(one.name))
    return dict(sorted(keys.items()))
