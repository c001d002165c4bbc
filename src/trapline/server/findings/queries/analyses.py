"""Analyses with their details, transitions, attempts and reports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.db.row import Key, Now, Number, Row

STATES = "('queued', 'processing', 'completed', 'failed', 'canceled')"


class AnalysisRow(Row):
    """One run of a model on one image, with its state.

    A lease token is valid for `fence` < attempt <= `attempt`; `won` is the attempt whose result was
    stored. Rows are rewritten at every transition, so they are small and pages have room for the
    next version. The results of a `simulated` analysis are synthetic and never current.
    """

    __tablename__ = "analyses"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("job_id", "image_id"),
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["project_id", "job_id"], ["jobs.project_id", "jobs.id"], ondelete="CASCADE"
        ),
        CheckConstraint(f"state in {STATES}", name="state"),
        CheckConstraint("fence <= attempt", name="fence"),
        Index(
            "ix_analyses_queued", "job_id", "id", postgresql_where="state = 'queued' and lost = 0"
        ),
        Index(
            "ix_analyses_suspect", "job_id", "id", postgresql_where="state = 'queued' and lost > 0"
        ),
        Index("ix_analyses_processing", "deadline", postgresql_where="state = 'processing'"),
        Index("ix_analyses_held", "job_id", "holder_id", postgresql_where="state = 'processing'"),
        Index("ix_analyses_failed", "job_id", "id", postgresql_where="state = 'failed'"),
        Index("ix_analyses_image", "image_id", "created_at"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    image_id: Mapped[UUID]
    job_id: Mapped[int | None]
    model_name: Mapped[str]
    model_version: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(Integer, default=0)
    won: Mapped[int | None] = mapped_column(Integer)
    errors: Mapped[int] = mapped_column(SmallInteger, default=0)
    lost: Mapped[int] = mapped_column(SmallInteger, default=0)
    not_before: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    leased_at: Mapped[datetime | None]
    holder_id: Mapped[int | None]
    created_at: Mapped[Now]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    updated_at: Mapped[Now]
    simulated: Mapped[bool] = mapped_column(default=False, server_default="false")


class AnalysisDetailRow(Row):
    """Rarely read fields of an analysis, separate because its row is rewritten often.

    `reason` is the part of the error message that errors of the same kind have in common.
    """

    __tablename__ = "analysis_details"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
        Index(
            "uq_analysis_details_external_job_id",
            "project_id",
            "external_job_id",
            unique=True,
            postgresql_where="external_job_id is not null",
        ),
    )

    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error_message: Mapped[str | None]
    reason: Mapped[str | None]
    external_job_id: Mapped[str | None]
    requested_by: Mapped[str | None]
    priority: Mapped[str] = mapped_column(default="normal", server_default="normal")


class AnalysisMoveRow(Row):
    """A transition of a stand-alone analysis, the first from `new`; jobs record attempts."""

    __tablename__ = "analysis_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["from_state", "to_state"], ["allowed_moves.from_state", "allowed_moves.to_state"]
        ),
        # Only an analysis of a job can be queued again.
        CheckConstraint("to_state <> 'queued' or from_state = 'new'", name="once_queued"),
    )

    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    from_state: Mapped[str]
    to_state: Mapped[str]
    at: Mapped[Now]
    actor: Mapped[str]
    reason: Mapped[str | None]


class AttemptRow(Row):
    """A lease of a task that ended without storing a result, created when it ends.

    The database sets `job_id` from the analysis.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
        Index(None, "analysis_id", "attempt"),
        Index("ix_attempts_job", "job_id", "ended_at", "id"),
    )

    id: Mapped[Number]
    analysis_id: Mapped[UUID]
    project_id: Mapped[int]
    attempt: Mapped[int] = mapped_column(Integer)
    holder_id: Mapped[int | None]
    leased_at: Mapped[datetime | None]
    ended_at: Mapped[Now]
    outcome: Mapped[str]
    error: Mapped[str | None]
    job_id: Mapped[int | None]


class AnalysisReportRow(Row):
    """The report of a worker on its run over an image: pipeline, algorithms, times and config."""

    __tablename__ = "analysis_reports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
    )

    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    report: Mapped[dict[str, Any]]
