"""Labels that are known to name animals, so that images on which nothing else is named may be
public.

Everything else is withheld: an unknown word may name a person. `animal_labels.txt` has the animals
of COCO, ImageNet, MegaDetector, DeepFaune and the pipelines that Trapline brings along; words that
name people or things too are left out.
"""

from functools import cache
from pathlib import Path

CLASSES = (
    "mammalia|aves|reptilia|amphibia|squamata|testudines|crocodylia|actinopterygii|chondrichthyes|insecta|arachnida|"
    "malacostraca|gastropoda|bivalvia|cephalopoda|chilopoda|diplopoda|collembola|clitellata|anthozoa|asteroidea"
)
"""Classes of animals, as a part of a pattern."""
APES = "primates|homo|hominini|hominina|homininae|hominidae|hominoidea"
"""Taxa of which people are, as a part of a pattern: of a family or a tribe too it is not known who is meant."""
TAXONOMIC = (
    rf"^[^;]*;({CLASSES});(?!primates;;)[^;]*;(?!hominidae;;)[^;]*;(?!homo;)[^;]*;[^;]*;[^;]*$|^[^;]*;;;;;;animal$|"
    r"^[0-9]+_animalia_(?!.*_homo_)"
)
"""A pattern for labels that state a taxonomy: class strings of SpeciesNet, and labels of iNaturalist 2021."""


@cache
def list_animal_labels() -> tuple[str, ...]:
    """List the built-in labels that name animals, in lower case."""
    text = Path(__file__).with_name("animal_labels.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
