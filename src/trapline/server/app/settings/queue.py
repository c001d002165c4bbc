"""Settings of the queue: leases, retries and limits of workers."""

from pydantic import Field

from trapline.server.app.settings.field_types import SettingsGroup


class QueueSettings(SettingsGroup):
    """Durations of leases, and limits after which a task is abandoned."""

    lease_s: float = Field(
        300, gt=0, le=86_400, description="Duration of a lease without contact from the worker."
    )
    lease_max_s: float = Field(
        3600,
        gt=0,
        le=604_800,
        description="Maximum extension of a lease by contact from the worker.",
    )
    reaper_s: float = Field(
        5, gt=0, le=3600, description="Interval at which expired leases return to the queue."
    )
    task_errors: int = Field(
        3, ge=1, le=1000, description="Number of errors after which a task is abandoned."
    )
    task_losses: int = Field(
        5, ge=1, le=1000, description="Number of lost leases after which a task is abandoned."
    )
    held_at_most: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Number of tasks that one caller can hold before it gets single tasks.",
    )
    worker_additions: bool = Field(
        True,
        description="Enable the additional calls for registered workers. If false, these calls "
        "return 404.",
    )
