"""Labels of models that state that an image, or a box, shows nothing."""

import re
from functools import lru_cache

BLANK_PATTERN = (
    r"^(([^;]*;){6})?\s*(blank|empty|nothing|none|no animal|background|misfire|false trigger)\s*$"
)
"""A pattern for PostgreSQL and Python, in any case; of a class string of SpeciesNet the last of seven parts counts."""

_is_blank = re.compile(BLANK_PATTERN, re.IGNORECASE).search


@lru_cache(maxsize=4096)
def is_blank_label(label: str) -> bool:
    """Whether a label states that nothing is there; such a label is not a finding."""
    return _is_blank(label) is not None
