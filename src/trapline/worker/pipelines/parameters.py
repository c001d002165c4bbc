"""What a job asks of a pipeline beside its pictures: numbers and words among its parameters."""

import math
from collections.abc import Mapping
from typing import Any


def parse_number(
    config: Mapping[str, Any], name: str, otherwise: float, least: float, most: float
) -> float:
    """A number from `least` to `most`; `otherwise` where the job says nothing.

    ValueError says what it may be.
    """
    given = config.get(name)
    if given is None:
        return otherwise
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError(
            f"the parameter {name} must be a number from {least:g} to {most:g}, not {given!r}"
        )
    if not least <= given <= most:
        raise ValueError(f"the parameter {name} must be from {least:g} to {most:g}, not {given:g}")
    return float(given)


def parse_code(config: Mapping[str, Any], name: str, length: int) -> str | None:
    """A code of so many letters, such as a country's, in capitals; None where the job says nothing.

    ValueError.
    """
    given = config.get(name)
    if given is None or given == "":
        return None
    if (
        not isinstance(given, str)
        or len(given) != length
        or not (given.isascii() and given.isalpha())
    ):
        raise ValueError(f"the parameter {name} must be a code of {length} letters, not {given!r}")
    return given.upper()
