"""Presets: named pipelines with parameters, so that users run them by name."""

from enum import StrEnum
from typing import Any

from trapline.wire.jobs import JobPriority
from trapline.wire.values import AnyText, FreeObject, Id, Message, Request, Slug, Text, Time


class NewPreset(Request):
    """Request to create a preset: a name for a pipeline with parameters and a priority."""

    project: Id
    name: Slug
    pipeline: Slug
    description: Text = ""
    parameters: FreeObject = {}
    priority: JobPriority = JobPriority.NORMAL


class PresetUpdate(Request):
    """Request to update a preset; omitted fields keep their values.

    Runs that were already requested do not change.
    """

    name: Slug | None = None
    pipeline: Slug | None = None
    description: Text | None = None
    parameters: FreeObject | None = None
    priority: JobPriority | None = None


class PresetOrder(StrEnum):
    """Order of presets: by name."""

    BY_NAME = "name"
    BY_NAME_BACKWARDS = "-name"


class Preset(Message):
    """A pipeline with its parameters under a name."""

    id: Id
    project_id: Id
    name: AnyText
    pipeline: AnyText
    description: AnyText
    parameters: dict[str, Any]
    priority: JobPriority
    created_at: Time
    updated_at: Time
