"""Tables of observations, of the settings that they are derived with, and of the class index."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.db.row import Now, Number, Row

BUILDING, CURRENT, RETIRED = "building", "current", "retired"
DETAILS = ("count", "sex", "life_stage", "behaviour", "individual_id")
"""The columns of what people state besides a name."""
SEVERAL_SOURCES = "several"
"""In `observed_classes.identified_by`: several people, or people and models, each decided about an
observation of the image."""


class ObservationSetRow(Row):
    """One complete derivation of a project's observations, with the settings that it was made with.

    `projects.observation_set_id` names the one that readers use. While another is built, both are
    kept up to date.
    """

    __tablename__ = "observation_sets"
    __table_args__ = (
        CheckConstraint("state in ('building', 'current', 'retired')", name="state"),
        Index(
            "uq_observation_sets_state",
            "project_id",
            "state",
            unique=True,
            postgresql_where=text("state <> 'retired'"),
        ),
        Index("ix_observation_sets_unfinished", "id", postgresql_where=text("state <> 'current'")),
    )

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    state: Mapped[str]
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[Now]
    finished_at: Mapped[datetime | None]
    images: Mapped[int] = mapped_column(server_default="0")
    derived: Mapped[int] = mapped_column(server_default="0")
    last_image_id: Mapped[UUID | None]


class NameMeaningRow(Row):
    """The meaning of a label, or of a taxon (`taxon:` and its ID), in a set."""

    __tablename__ = "name_meanings"
    __table_args__ = (Index("ix_name_meanings_name", "set_id", "name"),)

    set_id: Mapped[int] = mapped_column(
        ForeignKey("observation_sets.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    taxon_id: Mapped[UUID | None]
    lineage: Mapped[list[str]] = mapped_column(ARRAY(Text))
    specificity: Mapped[int] = mapped_column(SmallInteger)
    detection_threshold: Mapped[float | None] = mapped_column(Double)


class ObservationPipelineRow(Row):
    """Whether the analyses of a pipeline count in a set, and its priority; 0 is the first."""

    __tablename__ = "observation_pipelines"

    set_id: Mapped[int] = mapped_column(
        ForeignKey("observation_sets.id", ondelete="CASCADE"), primary_key=True
    )
    model_name: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(Integer)
    counts: Mapped[bool]


class PipelineDeclarationRow(Row):
    """The newest declaration of an external pipeline: the kinds it looks for (`SoughtKind`)."""

    __tablename__ = "pipeline_declarations"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    model_name: Mapped[str] = mapped_column(primary_key=True)
    looks_for: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ObservationRow(Row):
    """One observation; `annotation_id` is null where it is of the whole image.

    Without foreign keys, which took 9 % of the time to write it: the deletion of an image deletes
    its observations.
    """

    __tablename__ = "observations"
    __table_args__ = (
        Index(
            "ix_observations_individual",
            "set_id",
            "individual_id",
            "image_id",
            postgresql_where=text("individual_id is not null"),
        ),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    set_id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    annotation_id: Mapped[UUID | None]
    kind: Mapped[str]
    name: Mapped[str]
    label: Mapped[str | None]
    taxon_id: Mapped[UUID | None]
    count: Mapped[int | None] = mapped_column(Integer)
    sex: Mapped[str | None]
    life_stage: Mapped[str | None]
    behaviour: Mapped[str | None]
    individual_id: Mapped[str | None]
    human: Mapped[bool]
    confidence: Mapped[float | None] = mapped_column(Double)
    analysis_id: Mapped[UUID | None]
    identification_id: Mapped[UUID | None]
    identified_by: Mapped[str | None]
    identified_at: Mapped[datetime | None]
    needs_review: Mapped[bool]


class ObservedClassRow(Row):
    """A name that an image shows in a set: what makes lists of a million images quick to filter.

    `class_name` is the accepted scientific name, else the label; `blank` for a blank image, and
    empty for something without a name. `count` is the number of individuals. `identified_by` is
    SEVERAL_SOURCES if the observations are of several people, or of a person and models.
    """

    __tablename__ = "observed_classes"
    __table_args__ = (
        Index(
            "ix_observed_classes_name",
            "set_id",
            "class_name",
            "captured_at",
            "image_id",
            postgresql_include=["deployment_id", "count", "needs_review", "human"],
        ),
        Index(
            "ix_observed_classes_deployment",
            "deployment_id",
            "class_name",
            "captured_at",
            "image_id",
        ),
        Index("ix_observed_classes_kind", "set_id", "kind", "captured_at", "image_id"),
        Index(
            "ix_observed_classes_needs_review",
            "set_id",
            "captured_at",
            "image_id",
            postgresql_include=["deployment_id", "class_name", "human"],
            postgresql_where=text("needs_review"),
        ),
        Index(
            "ix_observed_classes_deployment_review",
            "deployment_id",
            "captured_at",
            "image_id",
            postgresql_where=text("needs_review"),
        ),
        Index(
            "ix_observed_classes_human",
            "set_id",
            "captured_at",
            "image_id",
            postgresql_include=["deployment_id", "class_name"],
            postgresql_where=text("human"),
        ),
        Index(
            "ix_observed_classes_identified_by",
            "set_id",
            "identified_by",
            "captured_at",
            "image_id",
            postgresql_where=text("human"),
        ),
        Index(
            "ix_observed_classes_human_name",
            "set_id",
            "class_name",
            "captured_at",
            "image_id",
            postgresql_where=text("human"),
        ),
        Index(
            "ix_observed_classes_person_name",
            "set_id",
            "identified_by",
            "class_name",
            "captured_at",
            "image_id",
            postgresql_where=text("human"),
        ),
        Index(
            "ix_observed_classes_count",
            "set_id",
            "captured_at",
            "image_id",
            postgresql_include=["count", "class_name"],
            postgresql_where=text("count > 1"),
        ),
        Index(
            "ix_observed_classes_confidence",
            "set_id",
            "confidence",
            "image_id",
            postgresql_where=text("not human and confidence > 0"),
        ),
        {
            "postgresql_with": {
                "autovacuum_vacuum_scale_factor": "0.01",
                "autovacuum_vacuum_insert_scale_factor": "0.01",
            }
        },
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    class_name: Mapped[str] = mapped_column(primary_key=True)
    set_id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    captured_at: Mapped[datetime]
    kind: Mapped[str]
    count: Mapped[int] = mapped_column(Integer)
    confidence: Mapped[float] = mapped_column(Double)
    human: Mapped[bool]
    needs_review: Mapped[bool]
    identified_by: Mapped[str | None]
