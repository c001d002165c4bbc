"""Which of the observed names are species: the number of species counts no others."""

from collections.abc import Mapping

from trapline.server.review.rules.name_meanings import SPECIES, NamingRules, resolve_label

WORDS_OF_A_SPECIES = 2


def get_species(name: str, specificities: Mapping[str, int]) -> str | None:
    """Return the species that a name states; None for "animal", a genus, or a higher rank.

    Subspecies count as their species. A label without a taxon is a species unless it is one of the
    words that detectors use for groups. `specificities` has the ranks of names as numbers.

    >>> get_species("Cervus elaphus hippelaphus", {"Cervus elaphus hippelaphus": 8})
    'Cervus elaphus'
    >>> get_species("Canidae", {"Canidae": 5}), get_species("bird", {}), get_species("fox", {})
    (None, None, 'fox')
    """
    specificity = specificities.get(name)
    if specificity is None:
        specificity = resolve_label(name, NamingRules()).specificity
    if specificity < SPECIES:
        return None
    if specificity == SPECIES:
        return name
    return " ".join(name.split()[:WORDS_OF_A_SPECIES])
