"""Tasks: what a worker asks for and gets.

Field names are those that workers in the field already speak.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, computed_field, model_validator

from trapline.wire.values import AnyText, Count, Id, LeaseToken, Message, Real, Slug


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


class LeaseRequest(Message):
    """Lease up to `limit` tasks of any job of these pipelines; wait up to `wait_s` seconds until there is one."""

    pipelines: Annotated[list[Slug], Field(min_length=1, max_length=1000)]
    limit: Annotated[int, Field(gt=0, le=1_000_000)]
    wait_s: Annotated[Real, Field(ge=0, le=30)] = 0


class LeasedTask(Task):
    """A task of whichever job. `config` are the job's parameters, `lease_s` how long the lease
    lasts without a sign of life. A task that goes `alone` may be what ended its worker before:
    nothing else should be in hand with it.
    """

    job_id: Id
    pipeline: AnyText
    config: dict[str, Any]
    lease_s: float
    alone: bool = False


class LeasedTasks(Message):
    """Tasks leased over several jobs, those of the best job first."""

    tasks: list[LeasedTask]


class LeaseTokenList(Message):
    """Leases by their lease tokens (`reply_subject`)."""

    leases: Annotated[list[LeaseToken], Field(max_length=100_000)]


class Renewal(LeaseTokenList):
    """Leases to renew; `begun` are those of them that the model works on or that have a result."""

    begun: Annotated[list[LeaseToken], Field(max_length=100_000)] = []


class ReleaseRequest(LeaseTokenList):
    """Leases to give back.

    With `final` the process ends: its worker id is over, and all else that it holds goes back
    too, but for the leases in `unsent`, whose results are still to come.
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

    `revoked` counts leases of this worker that it did not name and that are older than a lease:
    it never received them, and they are in the queue again.
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
    """How many tasks are back in the line."""

    released: Count
