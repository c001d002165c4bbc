"""Pipelines and the processing services that register them, in terms of the worker protocol."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from trapline.wire.values import AnyText, Count, FreeObject, Id, Message, Name, Slug, Text, Time


def _list_for_empty_object(value: Any) -> Any:
    return [] if value == {} else value


class CategoryMap(Message):
    """An algorithm's ordered class list: `labels[i]` is the class of score i."""

    data: Annotated[list[FreeObject], BeforeValidator(_list_for_empty_object)] = []
    labels: list[Text] = []
    version: Text | None = None
    description: Text | None = None
    uri: Text | None = None


class Algorithm(Message):
    """One model, identified by its key and version.

    Another class list is another revision of it.
    """

    name: Name
    key: Name
    description: Text | None = None
    task_type: Text | None = None
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    version_name: Text | None = None
    uri: Text | None = None
    category_map: CategoryMap | None = None


class StageParam(Message):
    """A parameter of a stage, for display."""

    name: Text
    key: Text
    category: Text = "default"


class Stage(Message):
    """One step of a pipeline."""

    key: Text
    name: Text
    params: list[StageParam] = []
    description: Text | None = None


class PipelineDefinition(Message):
    """A pipeline as a worker registers it: a slug, a version, stages and algorithms."""

    name: Name
    slug: Slug
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    description: Text | None = None
    stages: list[Stage] = []
    algorithms: list[Algorithm] = []


class PipelineRegistration(Message):
    """Registration of the pipelines that a processing service offers to a project."""

    processing_service_name: Name
    pipelines: list[PipelineDefinition]


class RegistrationResult(Message):
    """Result of a registration: slugs of created and of changed pipelines."""

    pipelines_created: list[AnyText]
    pipelines_updated: list[AnyText]
    processing_service_id: Id


class RegisteredAlgorithm(Message):
    """A stored algorithm revision; `classes` is the length of its class list."""

    key: AnyText
    name: AnyText
    version: int
    task_type: AnyText | None
    uri: AnyText | None
    classes: Count
    registered: bool


class PipelineOrder(StrEnum):
    """Order of pipelines: by time of first registration."""

    OLDEST_FIRST = "created_at"
    NEWEST_FIRST = "-created_at"


class RegisteredPipeline(Message):
    """A pipeline of a project, with its algorithms.

    It is online if a worker that offers it is online.
    """

    id: Id
    project_id: Id
    slug: AnyText
    name: AnyText
    version: int
    description: AnyText | None
    stages: list[Stage]
    algorithms: list[RegisteredAlgorithm]
    services: list[AnyText]
    online: bool
    updated_at: Time
