"""Tasks that workers lease.

The field names are those of the worker protocol.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, computed_field, model_validator

from trapline.wire.values import AnyText, Count, Id, LeaseToken, Message, Real, Slug
from trapline.wire.workers import WorkerReport


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
    """The leased tasks; empty if the job has no task to lease."""

    tasks: list[Task]


class ClaimableJob(Message):
    """A job with tasks to lease."""

    id: Id
    pipeline_slug: AnyText


class ClaimableJobs(Message):
    """Jobs with tasks to lease, best first.

    `count` is their number in this response; other servers of the worker protocol leave it out.
    """

    count: Count | None = None
    results: list[ClaimableJob]


class LeaseRequest(Message):
    """Request to lease up to `limit` tasks of any job of these pipelines.

    The server waits up to `wait_s` seconds for a task.
    """

    pipelines: Annotated[list[Slug], Field(min_length=1, max_length=1000)]
    limit: Annotated[int, Field(gt=0, le=1_000_000)]
    wait_s: Annotated[Real, Field(ge=0, le=30)] = 0


class LeasedTask(Task):
    """A leased task of any job.

    `config` has the parameters of the job. `lease_s` is the duration of the lease without contact
    from the worker. A task with `alone` may have crashed its previous worker: process it without
    other tasks.
    """

    job_id: Id
    pipeline: AnyText
    config: dict[str, Any]
    lease_s: float
    alone: bool = False


class LeasedTasks(Message):
    """Leased tasks of several jobs, those of the best job first."""

    tasks: list[LeasedTask]


class LeaseTokenList(Message):
    """Leases by their lease tokens (`reply_subject`)."""

    leases: Annotated[list[LeaseToken], Field(max_length=100_000)]


class Renewal(LeaseTokenList):
    """Leases to renew; `begun` are those of them that the model works on or that have a result.

    Idle workers take over the other leases, unless `begun` is missing. `report` has values about
    the worker that users see.
    """

    begun: Annotated[list[LeaseToken], Field(max_length=100_000)] | None = None
    report: WorkerReport | None = None


class ReleaseRequest(LeaseTokenList):
    """Leases to release.

    With `final` the process ends: its worker ID becomes invalid, and all its other leases are
    released too, except those in `unsent`, whose results follow.
    """

    final: bool = False
    unsent: Annotated[list[LeaseToken], Field(max_length=100_000)] = []

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_name(cls, given: Any) -> Any:
        """Read `goodbye`, the name that workers of the previous version send."""
        if isinstance(given, dict) and not given.get("final") and "goodbye" in given:
            return {**given, "final": given["goodbye"]}
        return given

    @computed_field(json_schema_extra={"deprecated": True})  # type: ignore[prop-decorator]
    @property
    def goodbye(self) -> bool:
        """The same value as `final`, for servers of the previous version."""
        return self.final


class LeaseState(StrEnum):
    """State of a lease: held, lost to another worker or a user, or of a canceled job."""

    HELD = "held"
    LOST = "lost"
    CANCELED = "canceled"


class RenewedLease(Message):
    """State of one lease."""

    reply_subject: AnyText
    status: LeaseState


class RenewResult(Message):
    """State of each lease in the request.

    `revoked` is the number of older leases of this worker that the request did not name: the worker
    never received them, and their tasks are queued again.
    """

    leases: list[RenewedLease]
    revoked: Count

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and "revoked" not in given and "taken_back" in given:
            return {**given, "revoked": given["taken_back"]}
        return given

    @computed_field(json_schema_extra={"deprecated": True})  # type: ignore[prop-decorator]
    @property
    def taken_back(self) -> int:
        """The same number as `revoked`, for workers of the previous version."""
        return self.revoked


class ReleaseResult(Message):
    """Number of tasks that are queued again."""

    released: Count
