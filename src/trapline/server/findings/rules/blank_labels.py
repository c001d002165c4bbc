"""Labels of models that state that an image, or a box, shows nothing."""

import re
from functools import lru_cache

BLANK_PATTERN = (
    r"^(([^;]*;){6})?\s*(blank|empty|nothing|none|no animal|background|misfire|false trigger)\s*$"
)
"""A case-insensitive pattern for PostgreSQL and Python.

Of a SpeciesNet class string (seven parts separated by semicolons) the last part is compared.
"""

_is_blank = re.compile(BLANK_PATTERN, re.IGNORECASE).search


@lru_cache(maxsize=4096)
def is_blank_label(label: str) -> bool:
    """Whether a label means that nothing is shown; such a label is not a finding."""
    return _is_blank(label) is not None
