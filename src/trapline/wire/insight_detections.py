"""Detection histories and the record table, for occupancy models in R."""

from datetime import date

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, SpeciesName
from trapline.wire.values import UUID, AnyText, Count, Message, Real, Time

LONGEST_OCCASION_DAYS = 365
MOST_RECORDS = 10_000
"""Maximum number of records in a JSON response; the CSV has all."""


class DetectionSite(Message):
    """A row of a detection history: 1, 0, or null for an occasion without effort."""

    deployment_id: UUID
    name: AnyText
    detections: list[int | None]
    effort: list[Real] = Field(description="Camera-days of each occasion.")


class DetectionHistory(Message):
    """Sites by occasions of one species, with the effort matrix.

    Occasions are counted from the first day of the survey, so that all sites share them. R reads
    the CSV tables `detection-history` and `detection-effort` as matrices.
    """

    filter: AppliedFilter
    name: SpeciesName
    occasion_days: int
    occasions: list[date] = Field(description="The first day of each occasion.")
    sites: list[DetectionSite]
    detected_sites: Count
    notes: list[InsightNote]


class InsightRecord(Message):
    """An independent event as camtrapR's `recordTable` lists it.

    The CSV has the column names of camtrapR: Station, Species, DateTimeOriginal, Date, Time,
    delta.time.secs, delta.time.mins, delta.time.hours, delta.time.days and n_images, and in
    addition group_size.
    """

    deployment_id: UUID
    station: AnyText
    name: SpeciesName
    started_at: Time
    ended_at: Time
    local_time: AnyText = Field(description="YYYY-MM-DD hh:mm:ss in the deployment's zone.")
    since_previous_s: int | None = Field(
        description="Seconds since the end of the previous event of this species there."
    )
    images: Count
    group_size: Count


class RecordTable(Message):
    """Independent events in the order of station, species and time."""

    filter: AppliedFilter
    records: list[InsightRecord]
    records_left_out: Count
    notes: list[InsightNote]
