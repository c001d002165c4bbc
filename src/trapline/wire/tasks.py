"""Tasks: what a worker asks for and gets. Field names are those that workers in the field already speak."""

from typing import Annotated

from pydantic import Field

from trapline.wire.values import AnyText, Id, Message


class TaskRequest(Message):
    """Lease up to `batch_size` tasks of a job."""

    batch_size: Annotated[int, Field(gt=0, le=1_000_000)]


class Task(Message):
    """One image to work on. `reply_subject` is the lease token that the result must carry."""

    id: AnyText
    image_id: AnyText
    image_url: AnyText
    reply_subject: AnyText


class Tasks(Message):
    """The tasks leased; none where the job has nothing to lease."""

    tasks: list[Task]


class ClaimableJob(Message):
    """A job that has something to lease now."""

    id: Id
    pipeline_slug: AnyText


class ClaimableJobs(Message):
    """Jobs that have something to lease now, best first."""

    results: list[ClaimableJob]
