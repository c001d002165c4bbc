"""Parsing of the numbers and codes among a job's parameters."""

import math
from collections.abc import Mapping
from typing import Any


def parse_number(
    config: Mapping[str, Any], name: str, default: float, minimum: float, maximum: float
) -> float:
    """Parse a number from `minimum` to `maximum`; return `default` if the job does not set it.

    Raises:
        ValueError: the value is invalid; the message gives the allowed range.
    """
    given = config.get(name)
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError(
            f"the parameter {name} must be a number from {minimum:g} to {maximum:g}, not {given!r}"
        )
    if not minimum <= given <= maximum:
        raise ValueError(
            f"the parameter {name} must be from {minimum:g} to {maximum:g}, not {given:g}"
        )
    return float(given)


def parse_code(config: Mapping[str, Any], name: str, length: int) -> str | None:
    """Parse a code of `length` letters, such as a country code, in capitals; None if not set.

    Raises:
        ValueError: the value is not such a code.
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
