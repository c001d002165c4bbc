"""Processing services and their workers: registration, and the state that users see."""

from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Id, Message, Name, Real, Slug, Time

Seconds = Annotated[float, Field(gt=0)]


class HelloRequest(Message):
    """Registration of a worker process.

    `service` is the name that its pipelines were registered under. `name` identifies the process on
    the host: a process with the service, host and name of an earlier one replaces it.
    """

    service: Name
    name: Name
    host: Name
    pid: Annotated[int, Field(ge=0, le=2**31 - 1)]
    version: Annotated[AnyText, Field(max_length=255)] = ""
    devices: Annotated[list[Name], Field(max_length=100)] = []
    pipelines: Annotated[list[Slug], Field(max_length=1000)] = []


class HelloResponse(Message):
    """Response to a worker's registration: its ID, for the header `X-Trapline-Worker`.

    Leases last `lease_s` after the last contact; a worker renews every `renew_s`. `max_batch` is
    the maximum number of tasks in one lease.
    """

    worker_id: UUID
    lease_s: Seconds
    renew_s: Seconds
    max_batch: Count


class WorkerReport(Message):
    """Values that a worker measures and sends with its renewals; null if they are unknown.

    `provider` runs its models, for example CUDAExecutionProvider. `model_load_s` is how long they
    took to load. `batch_size` is the maximum of the next batch, and `model_images_per_s` the speed
    of the model in the last batches, both of the pipeline that it leased last. Memory is in bytes.
    """

    provider: Annotated[AnyText, Field(max_length=255)] = ""
    model_load_s: Annotated[Real, Field(ge=0)] | None = None
    batch_size: Count | None = None
    model_images_per_s: Annotated[Real, Field(ge=0)] | None = None
    free_memory: Count | None = None
    free_device_memory: Count | None = None


class WorkerJob(Message):
    """Number of tasks of a job that a worker has leased."""

    job_id: Id
    project_id: Id
    leases: Count


class Worker(Message):
    """One process of a processing service, or a caller that never registered.

    Such a caller is identified by token, address and User-Agent; values of a registration
    (`service` to `pipelines`, `hello_at`) are null or empty for it. `online` is true if its last
    contact was within 60 s. `images_per_s` is measured while it has tasks; null before one second
    of work. `report` is null until the worker sends one. `ended_why` is `replaced`, `evicted` or
    `said goodbye` (it signed off).
    """

    id: UUID
    name: AnyText
    address: AnyText
    job_id: Id | None
    leases: Count
    completed: Count
    images_per_s: float | None
    last_contact_at: Time
    online: bool
    jobs: list[WorkerJob] = []
    service_id: Id | None = None
    service: AnyText | None = None
    host: AnyText | None = None
    pid: int | None = None
    version: AnyText | None = None
    devices: list[AnyText] = []
    pipelines: list[AnyText] = []
    report: WorkerReport | None = None
    hello_at: Time | None = None
    ended_at: Time | None = None
    ended_why: AnyText | None = None
    ended_by: AnyText | None = None


class EvictResult(Message):
    """A worker after its eviction, and the number of its tasks that are queued again."""

    worker: Worker
    revoked: Count


class ProcessingService(Message):
    """Named installation of worker software, online if its last contact was within 60 s."""

    id: Id
    name: AnyText
    projects: list[Id]
    pipelines: list[AnyText]
    online: bool
    last_seen_at: Time | None
    workers: list[Worker]
