"""Pull sources: external locations that are polled for images, their runs and files."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from trapline.wire.deployments import NewDeployment
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    FreeObject,
    Id,
    Message,
    Name,
    Real,
    Request,
    Text,
    Time,
)

Schedule = Annotated[Text, Field(max_length=200)]
Patterns = Annotated[list[Annotated[Text, Field(max_length=300)]], Field(max_length=100)]


class AuthType(StrEnum):
    """Authentication method of a pull source."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"


class FileOrder(StrEnum):
    """Order in which a run imports the files of a pull source.

    Files are ordered by the modified time in the listing, then by path.
    """

    OLDEST = "oldest"
    NEWEST = "newest"


class FileState(StrEnum):
    """State of a file of a pull source."""

    SEEN = "seen"
    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class FileKind(StrEnum):
    """Kind of an entry in the file history of a source; folders only if they cannot be listed."""

    FILE = "file"
    FOLDER = "folder"


class PullRunState(StrEnum):
    """State of a pull run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class GatewayDescription(Message):
    """A way to read the files of a pull source.

    `schemes` are those of its URLs; the first gateway of a scheme is the default one. With
    `accepts_events`, servers can announce files by pushed events. `options` is the JSON schema of
    the options of its sources; secret options are `writeOnly`.
    """

    name: AnyText
    title: AnyText
    description: AnyText
    schemes: list[AnyText]
    example: AnyText
    auth_types: list[AuthType]
    accepts_events: bool
    options: FreeObject


class SourceSettings(Request):
    """Settings of a pull source; an update keeps the values of omitted fields.

    `auth_header` is the whole Authorization value, or `Name: value`. `schedule` is a cron
    expression in the deployment's time zone. `filename_time_pattern` describes the capture time in
    file names, such as `Aufnahme_YYMMDD_HHMM_*`. `order` determines which waiting files are
    imported first, `oldest` by default. `min_age_s` leaves younger files for the next run.
    `concurrency` is the number of files downloaded at the same time, 4 by default. The default
    timeouts are 10 s to connect, 30 s for a listing and 60 s for a download without progress; null
    restores them. `options` are those of the gateway, which lists its options with their JSON
    schema. An update keeps omitted secret options; null deletes them.
    """

    name: Name | None = None
    base_url: Annotated[Text, Field(min_length=1, max_length=2000)] | None = None
    gateway: Text | None = None
    auth_type: AuthType | None = None
    auth_username: Text | None = None
    auth_password: Text | None = None
    auth_header: Text | None = None
    options: FreeObject | None = None
    schedule: Schedule | None = None
    max_files_per_run: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    order: FileOrder | None = None
    include: Patterns | None = None
    exclude: Patterns | None = None
    rate_limit_per_s: Annotated[Real, Field(ge=0.01, le=10_000)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=16)] | None = None
    min_age_s: Annotated[int, Field(ge=0, le=86_400)] | None = None
    filename_time_pattern: Text | None = None
    connect_timeout_s: Annotated[Real, Field(gt=0, le=600)] | None = None
    list_timeout_s: Annotated[Real, Field(gt=0, le=3600)] | None = None
    download_timeout_s: Annotated[Real, Field(gt=0, le=3600)] | None = None
    is_active: bool | None = None


class NewSource(SourceSettings):
    """Request to create a pull source.

    `location_id` is an alias of `deployment`; `user_id` is accepted if it is the caller's.
    """

    name: Name
    base_url: Annotated[Text, Field(min_length=1, max_length=2000)]
    project: Id | None = None
    deployment: UUID | None = None
    location_id: UUID | None = None
    user_id: UUID | None = None


class SourceCounts(Message):
    """Numbers of files of a pull source by state.

    It also has the number of images whose capture time is that of their file.
    """

    seen: Count = 0
    imported: Count = 0
    duplicate: Count = 0
    skipped: Count = 0
    failed: Count = 0
    quarantined: Count = 0
    without_camera_time: Count = 0


class PullRun(Message):
    """One poll of a pull source.

    `remaining` is the number of new files left for the next run. `left_out` counts, by reason,
    listed entries that are not in the ledger, such as excluded files, symbolic links and
    unrepresentable names; `skipped` includes it. `unlisted_folders` are in the ledger as failed.
    """

    id: UUID
    source_id: UUID
    state: PullRunState
    trigger: AnyText
    started_at: Time
    finished_at: Time | None
    listed: Count
    new: Count
    imported: Count
    duplicate: Count
    skipped: Count
    failed: Count
    remaining: Count
    left_out: dict[AnyText, Count] = {}
    unlisted_folders: Count = 0
    bytes: Count
    seconds: float
    error: AnyText | None


class SourceConnection(Message):
    """The connection of a source that pushes.

    `fills_gaps` is true if a listing contains the files of lost messages.
    """

    connected_since: Time | None
    last_message_at: Time | None
    messages: Count
    refused: Count
    detail: AnyText | None
    fills_gaps: bool


class Source(Message):
    """A pull source.

    Secrets are never returned: `secret_options` has the names of those that are set. A timeout of
    null is the default: 10 s to connect, 30 s to list, 60 s for a download without progress.
    `health` is `ok`, `new` (no run has ended), `paused`, `failing` (the source cannot be listed),
    `no_images` (the listing has nothing to import), `all_failing` (every file failed) or `behind`
    (files wait for further runs); display other values as text. `health_detail` is the reason.
    """

    id: UUID
    name: AnyText
    project_id: Id
    location_id: UUID
    deployment_name: AnyText
    gateway: AnyText
    base_url: AnyText
    auth_type: AuthType
    auth_username: AnyText | None
    has_password: bool
    has_auth_header: bool
    options: dict[str, Any]
    secret_options: list[AnyText]
    has_event_secret: bool
    connection: SourceConnection | None
    schedule: AnyText
    schedule_in_words: AnyText
    time_zone: AnyText
    max_files_per_run: int
    order: FileOrder
    include: list[AnyText]
    exclude: list[AnyText]
    rate_limit_per_s: float | None
    concurrency: int
    min_age_s: int
    filename_time_pattern: AnyText | None
    connect_timeout_s: float | None
    list_timeout_s: float | None
    download_timeout_s: float | None
    is_active: bool
    last_pull_timestamp: Time | None
    last_pulled_filename: AnyText | None
    last_run: PullRun | None
    next_run: Time | None
    counts: SourceCounts
    health: AnyText
    health_detail: AnyText | None
    created_at: Time
    updated_at: Time


class PulledFile(Message):
    """One file in the ledger of a pull source, or a folder that cannot be listed."""

    path: AnyText
    kind: FileKind = FileKind.FILE
    state: FileState
    size: int | None
    modified_at: Time | None
    attempts: int
    next_attempt_at: Time | None
    error: AnyText | None
    image_id: UUID | None
    first_seen_at: Time
    updated_at: Time


class PullRunAccepted(Message):
    """A started run; `check_status_at` is its URL."""

    run_id: UUID
    check_status_at: AnyText


class RetryFilesResult(Message):
    """Number of failed or quarantined files that the next run retries."""

    files: Count


class SourceTestFile(Message):
    """A file that a run would import; downloaded ones have their properties."""

    __test__ = False

    path: AnyText
    size: int | None
    modified_at: Time | None
    fetched: bool = False
    detail: AnyText | None = None
    width: int | None = None
    height: int | None = None
    captured_at: Time | None = None
    captured_at_source: AnyText | None = None


class SourceTestResult(Message):
    """Result of a source test, which stores nothing; `listed` counts all entries, `new` those
    that a run would import.

    `health` has the values of `Source.health`: `failing`, `no_images`, `all_failing`, `behind` or
    `ok`.
    """

    ok: bool
    health: AnyText
    detail: AnyText
    listed: Count
    new: Count
    files: list[SourceTestFile]
    left_out: dict[AnyText, Count] = {}
    unlisted_folders: Count = 0


class SourceTestRequest(Request):
    """Settings to test before a source is created."""

    source: NewSource
    create_deployment: NewDeployment | None = None
