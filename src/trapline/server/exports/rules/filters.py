"""Conditions of lists of exports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFilter:
    """Conditions of a list of exports; None matches all."""

    format: str | None = None
    state: str | None = None
