"""Labels that are known to name animals; images with other names are not published.

An unknown word may name a person. `animal_labels.txt` has the animals of COCO, ImageNet,
MegaDetector, DeepFaune and the built-in pipelines, without words that also name people or things.
"""

from functools import cache
from pathlib import Path

CLASSES = (
    "mammalia|aves|reptilia|amphibia|squamata|testudines|crocodylia|actinopterygii|chondrichthyes|"
    "insecta|arachnida|malacostraca|gastropoda|bivalvia|cephalopoda|chilopoda|diplopoda|collembola|"
    "clitellata|anthozoa|asteroidea"
)
"""Classes of animals, as a part of a regular expression."""
APES = "primates|homo|hominini|hominina|homininae|hominidae|hominoidea"
"""Taxa that include people, as a part of a regular expression.

A family or tribe is included, because it may stand for people.
"""
TAXONOMIC = (
    rf"^[^;]*;({CLASSES});(?!primates;;)[^;]*;(?!hominidae;;)[^;]*;(?!homo;)[^;]*;[^;]*;[^;]*$|"
    r"^[^;]*;;;;;;animal$|"
    r"^[0-9]+_animalia_(?!.*_homo_)"
)
"""A pattern of labels with a taxonomy: class strings of SpeciesNet, labels of iNaturalist 2021."""


@cache
def list_animal_labels() -> tuple[str, ...]:
    """List the built-in labels that name animals, in lower case."""
    text = Path(__file__).with_name("animal_labels.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
