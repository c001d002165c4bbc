"""Filters of the lists of jobs, pipelines and presets; a field that is None does not filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class JobFilter:
    """Filter of jobs; `slugs` are the slugs of their pipelines."""

    status: str | None = None
    name: str | None = None
    slugs: Sequence[str] | None = None
    preset: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class PipelineFilter:
    """Filter of pipelines."""

    slug: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class PresetFilter:
    """Filter of presets; `slug` is the slug of their pipeline."""

    name: str | None = None
    slug: str | None = None
