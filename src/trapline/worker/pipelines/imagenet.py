"""The 1,000 classes of ImageNet, and groups of animals to which they are summed.

An ImageNet classifier knows few of the species that a camera trap records, but it usually
distinguishes a bird from a carnivore. Its scores are therefore summed over groups, and the finest
group with more than half of the score is named.
"""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

# Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, 2015, in the usual order of
# its 1,000 classes. The names are those of the label file of the Coral test data (Apache-2.0),
# without its class "background".
_LABELS = "imagenet_labels.txt"

# Ranges of class indices, both ends included.
_RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "bird": ((7, 24), (80, 100), (127, 146)),
    "carnivore": ((151, 299), (356, 362), (387, 388)),
    "ungulate": ((339, 355),),
    "rodent": ((333, 338),),
    "rabbit or hare": ((330, 332),),
    "primate": ((365, 384),),
    "elephant": ((101, 101), (385, 386)),
    "other mammal": ((102, 106), (147, 150), (363, 364)),
    "reptile": ((33, 68),),
    "amphibian": ((25, 32),),
    "fish": ((0, 6), (389, 397)),
    "insect": ((300, 326),),
    "arachnid": ((70, 78),),
    "other invertebrate": ((69, 69), (79, 79), (107, 126), (327, 329)),
}

# The orders of insects among the classes. Moths, the most frequent visitors of light traps, are not
# among the classes.
_ORDERS: dict[str, tuple[tuple[int, int], ...]] = {
    "beetle": ((300, 307),),
    "fly": ((308, 308),),
    "bee, wasp or ant": ((309, 310),),
    "grasshopper or cricket": ((311, 312),),
    "stick insect": ((313, 313),),
    "cockroach": ((314, 314),),
    "mantis": ((315, 315),),
    "true bug": ((316, 317),),
    "lacewing": ((318, 318),),
    "dragonfly or damselfly": ((319, 320),),
    "butterfly or moth": ((321, 326),),
    "arachnid": _RANGES["arachnid"],
}

_MAMMALS = (
    "carnivore",
    "ungulate",
    "rodent",
    "rabbit or hare",
    "primate",
    "elephant",
    "other mammal",
)

ANIMAL, MAMMAL = "animal", "mammal"
FINEST = tuple(_RANGES)
GROUPS = (ANIMAL, MAMMAL, *FINEST)
"""The classes of the grouped scores: the coarsest first, then groups that do not overlap."""

INSECT = "insect"
ORDERS = tuple(_ORDERS)
SHEET_GROUPS = (INSECT, *ORDERS)
"""The classes of the scores over orders: the total of all insects, then the share of each order."""

MIN_GROUP_SHARE = 0.5
"""A group is named if at least this fraction of the score for animals belongs to it."""

MIN_ANIMAL_SCORE = 0.1
"""The label is "animal" below this total score, as the image is unlike the training data."""


@cache
def load_labels() -> tuple[str, ...]:
    """Return the first name of each class, in the order of the scores."""
    text = (files(__package__) / _LABELS).read_text(encoding="utf-8")
    return tuple(line.split(",")[0] for line in text.splitlines())


@cache
def _build_membership() -> NDArray[np.float64]:
    """Build the matrix of 1,000 classes x groups: which class belongs to which group."""
    belongs = np.zeros((1000, len(GROUPS)))
    for group, ranges in _RANGES.items():
        for first, last in ranges:
            belongs[first : last + 1, GROUPS.index(group)] = 1
            belongs[first : last + 1, GROUPS.index(ANIMAL)] = 1
            if group in _MAMMALS:
                belongs[first : last + 1, GROUPS.index(MAMMAL)] = 1
    return belongs


def find_group(scores: NDArray[np.floating]) -> tuple[str, NDArray[np.float64]]:
    """Return the group that 1,000 scores (with sum 1) belong to, and the scores of GROUPS.

    The score of "animal" is the total of all animals; the other scores are fractions of that total.
    """
    grouped = np.asarray(scores, dtype=np.float64) @ _build_membership()
    animals = float(grouped[0])
    if animals > 0:
        grouped[1:] /= animals
    grouped = np.clip(grouped, 0, 1)
    if animals < MIN_ANIMAL_SCORE:
        return ANIMAL, grouped
    finest = int(np.argmax(grouped[2:])) + 2
    if grouped[finest] >= MIN_GROUP_SHARE:
        return GROUPS[finest], grouped
    return (MAMMAL if grouped[1] >= MIN_GROUP_SHARE else ANIMAL), grouped


def find_order(scores: NDArray[np.floating]) -> tuple[str, NDArray[np.float64]]:
    """Return the order of insects or arachnids of 1,000 scores, and the scores of SHEET_GROUPS.

    Scores of other classes are ignored, because the object lies on a sheet that attracts insects.
    """
    given = np.asarray(scores, dtype=np.float64)
    parts = np.array(
        [sum(given[first : last + 1].sum() for first, last in _ORDERS[order]) for order in ORDERS]
    )
    whole = float(parts.sum())
    grouped = np.clip(np.concatenate([[whole], parts / whole if whole > 0 else parts]), 0, 1)
    finest = int(np.argmax(parts))
    is_clear = whole >= MIN_ANIMAL_SCORE and grouped[finest + 1] >= MIN_GROUP_SHARE
    return (ORDERS[finest] if is_clear else INSECT), grouped
