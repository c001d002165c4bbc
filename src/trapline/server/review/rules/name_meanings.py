"""The meaning of the labels and taxa of a project: a name, a kind, and a specificity."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from trapline.server.findings.formats.label_words import NOT_KNOWN, THINGS
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.findings.rules.people_words import PEOPLE, VEHICLES
from trapline.server.review.rules.observation_inputs import Meaning
from trapline.wire.observations import ObservationKind as Kind

CLASS_PARTS = 7
"""Parts of a class string of SpeciesNet: id, class, order, family, genus, species, common name."""
RANKS: Mapping[str, int] = {
    "kingdom": 1,
    "phylum": 2,
    "class": 3,
    "order": 4,
    "family": 5,
    "genus": 6,
    "species": 7,
    "subspecies": 8,
    "variety": 8,
    "form": 8,
}
"""The specificity of the ranks."""
SPECIES, SUBSPECIES = RANKS["species"], RANKS["subspecies"]
GENERIC = frozenset(
    {"animal", "animals", "wildlife", "fauna", "animalia", "object", "detection", "moving object"}
)
"""Labels that name no particular animal."""
CLASS_WORDS: Mapping[str, str] = {
    "aves": "bird",
    "mammalia": "mammal",
    "reptilia": "reptile",
    "amphibia": "amphibian",
    "insecta": "insect",
    "arachnida": "arachnid",
    "actinopterygii": "fish",
}
"""Classes of animals, with the words that detectors use for them."""


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of PostgreSQL."""
    return re.compile(
        pattern.replace("[^[:alpha:]]", r"[\W\d_]").replace("[[:alpha:]]", r"[^\W\d_]"),
        re.IGNORECASE,
    )


_IS_PERSON, _IS_VEHICLE = _compile(PEOPLE), _compile(VEHICLES)


@dataclass(frozen=True)
class AcceptedTaxon:
    """An accepted taxon, as far as observations need it."""

    id: UUID
    scientific_name: str
    rank: str = ""
    higher_ranks: Mapping[str, str] = field(default_factory=dict)
    common_names: Sequence[str] = ()


@dataclass(frozen=True)
class NamingRules:
    """The settings of a project that define the meaning of labels.

    Attributes:
        taxa: The accepted taxa of the labels that are mapped to one.
        blank_labels: Further labels that state that nothing is there, in lower case.
        thresholds: The least scores of detections, by their label or name.
    """

    taxa: Mapping[str, AcceptedTaxon] = field(default_factory=dict)
    blank_labels: frozenset[str] = frozenset()
    thresholds: Mapping[str, float] = field(default_factory=dict)


def resolve_label(label: str, rules: NamingRules) -> Meaning:
    """Find the meaning of a label.

    >>> resolve_label("person", NamingRules()).kind
    <ObservationKind.HUMAN: 'human'>
    >>> resolve_label("animal", NamingRules()).is_generic
    True
    """
    taxon = rules.taxa.get(label)
    if taxon is not None:
        return resolve_taxon(taxon, rules, label)
    word = get_last_word(label)
    lineage, specificity = _read_lineage(label, word)
    kind = Kind.ANIMAL
    if is_blank_label(label) or word in rules.blank_labels:
        kind = Kind.BLANK
    elif not word or word in NOT_KNOWN or word in THINGS:
        kind, specificity = Kind.UNKNOWN, 0
    elif _IS_PERSON.search(label):
        kind, specificity = Kind.HUMAN, SPECIES
    elif _IS_VEHICLE.search(label):
        kind, specificity = Kind.VEHICLE, SPECIES
    threshold = _find_threshold((label, word), rules)
    return Meaning(label, kind, None, lineage, specificity, threshold)


def resolve_taxon(taxon: AcceptedTaxon, rules: NamingRules, label: str = "") -> Meaning:
    """Find the meaning of an accepted taxon, or of a label that is mapped to it."""
    name = taxon.scientific_name
    ranks = {value.lower() for value in taxon.higher_ranks.values() if value}
    is_human = name.split(" ")[0] == "Homo"
    words = {CLASS_WORDS[rank] for rank in ranks if rank in CLASS_WORDS}
    lineage = {name.lower(), *ranks, *words, *(one.lower() for one in taxon.common_names)}
    return Meaning(
        name,
        Kind.HUMAN if is_human else Kind.ANIMAL,
        taxon.id,
        frozenset(lineage),
        RANKS.get(taxon.rank.lower()) or _guess_rank(name),
        _find_threshold((label, name), rules),
    )


def get_last_word(label: str) -> str:
    """Return the part of a label that names what it is: of a class string its common name."""
    parts = label.split(";")
    return (parts[-1] if len(parts) == CLASS_PARTS else label).strip().lower()


def _read_lineage(label: str, word: str) -> tuple[frozenset[str], int]:
    parts = [part.strip().lower() for part in label.split(";")]
    if len(parts) != CLASS_PARTS:
        specificity = 0 if word in GENERIC else SPECIES
        if word in CLASS_WORDS.values() or word in CLASS_WORDS:
            specificity = RANKS["class"]
        return frozenset({word, label.lower()}), specificity
    _, *ranks, common = parts
    named = [place for place, rank in enumerate(ranks) if rank]
    lineage = {label.lower(), common, *(rank for rank in ranks[:4] if rank)}
    lineage |= {CLASS_WORDS[rank] for rank in ranks[:1] if rank in CLASS_WORDS}
    if ranks[3] and ranks[4]:
        lineage.add(f"{ranks[3]} {ranks[4]}")
    return frozenset(lineage - {""}), named[-1] + RANKS["class"] if named else 0


def _guess_rank(name: str) -> int:
    words = len(name.split())
    return RANKS["genus"] if words == 1 else SPECIES if words == 2 else SUBSPECIES


def _find_threshold(names: Iterable[str], rules: NamingRules) -> float | None:
    found = (rules.thresholds.get(name) for name in names if name)
    return next((one for one in found if one is not None), None)
