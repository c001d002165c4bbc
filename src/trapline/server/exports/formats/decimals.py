"""Decimal notation of numbers in text formats that allow no exponent."""

from decimal import Decimal


def format_decimal(number: float) -> str:
    """Format a number with all its digits and without an exponent: 1e-07 as 0.0000001."""
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text
