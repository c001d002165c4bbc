"""Annotations of analyses and the score vectors of classifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import (
    REAL,
    CheckConstraint,
    ColumnElement,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    cast,
    func,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.rules.packed_data import pack_data, unpack_data
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.binary_copy import (
    NULL,
    as_float8,
    copy_rows,
    encode_bytes,
    encode_float4,
    encode_int4,
    encode_int8,
    encode_jsonb,
    encode_text,
)
from trapline.server.platform.db.row import Key, Now, Row
from trapline.wire.annotations import AnnotationType

CONFIDENCE = "coalesce(n.confidence_exact, n.confidence::text::float8)"
"""The confidence of an annotation `n` as it was sent; single precision holds about seven digits."""


class AnnotationRow(Row):
    """An annotation; the unique `fingerprint` prevents a second row for a repeated request.

    `parent_id` (the box of a classification) is of the same analysis. It has no foreign key,
    because the check would reduce the rate of results by a third, and one statement writes both
    rows.
    """

    __tablename__ = "annotations"
    __table_args__ = (
        UniqueConstraint("analysis_id", "fingerprint"),
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        Index("ix_annotations_analysis_order", "analysis_id", "ordering", "id"),
        # A partial index, so that results of the common types cost nothing here.
        Index(
            "ix_annotations_rare_type",
            "annotation_type",
            "project_id",
            postgresql_where="annotation_type not in ('bounding_box', 'classification')",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    analysis_id: Mapped[UUID]
    image_id: Mapped[UUID]
    annotation_type: Mapped[str]
    class_name: Mapped[str | None]
    single_confidence: Mapped[float | None] = mapped_column("confidence", REAL)
    """Single precision, for versions without `exact_confidence`; callers use `confidence`."""
    exact_confidence: Mapped[float | None] = mapped_column("confidence_exact", Double)
    """None in rows of versions that stored only single precision."""
    stored_data: Mapped[dict[str, Any]] = mapped_column("data")
    """`data` as stored: packed in rows of workers."""
    storage_path: Mapped[str | None]
    artifact_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    ordering: Mapped[int | None] = mapped_column(Integer)
    algorithm_id: Mapped[int | None]
    fingerprint: Mapped[UUID]
    created_at: Mapped[Now]

    @property
    def data(self) -> dict[str, Any]:
        """The unpacked data."""
        return unpack_data(self.stored_data, self.class_name, self.algorithm_id)

    @hybrid_property
    def confidence(self) -> float | None:
        """The confidence exactly as it was sent."""
        return self.single_confidence if self.exact_confidence is None else self.exact_confidence

    @confidence.inplace.setter
    def _set_confidence(self, value: float | None) -> None:
        self.single_confidence = self.exact_confidence = value

    @confidence.inplace.expression
    @classmethod
    def _select_confidence(cls) -> ColumnElement[float | None]:
        return func.coalesce(cls.exact_confidence, cast(cast(cls.single_confidence, Text), Double))


class ScoreVectorRow(Row):
    """The compressed scores and logits of a classification, exact to single precision."""

    __tablename__ = "score_vectors"

    annotation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(index=True)
    project_id: Mapped[int]
    encoding: Mapped[str]
    classes: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
    )


class NewAnnotation(NamedTuple):
    """An annotation to write; it has an ID already, so that others can refer to it.

    IDs are the 16 bytes of a UUID.
    """

    id: bytes
    project_id: int
    analysis_id: bytes
    image_id: bytes
    annotation_type: str
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]
    parent_id: bytes | None
    ordering: int
    algorithm_id: int
    fingerprint: bytes


class NewScores(NamedTuple):
    """The encoded scores of a classification to write."""

    annotation_id: bytes
    analysis_id: UUID
    project_id: int
    encoding: str
    classes: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ImageClass:
    """A class found on an image, with its highest confidence."""

    image_id: UUID
    class_name: str
    confidence: float


async def create_annotations(
    scope: Scope, tx: Transaction, annotations: Sequence[NewAnnotation]
) -> None:
    """Create annotations in bulk."""
    if annotations:
        await copy_rows(
            tx,
            "annotations (id, project_id, analysis_id, image_id, annotation_type, class_name, "
            "confidence, data, parent_id, ordering, algorithm_id, fingerprint, confidence_exact)",
            13,
            map(_encode_annotation, annotations),
        )


_IDS = Struct(">i16siqi16si16s").pack
_ID = Struct(">i16s").pack
_PLACE = Struct(">iiiqi16s").pack
_TYPES = {kind.value: encode_text(kind.value) for kind in AnnotationType}


def _encode_annotation(row: NewAnnotation) -> bytes:
    """Encode a row with few calls, because results have about ten rows per image."""
    (
        key,
        project_id,
        analysis_id,
        image_id,
        kind,
        name,
        confidence,
        data,
        parent_id,
        ordering,
        algorithm_id,
        print_,
    ) = row
    return b"".join(
        (
            _IDS(16, key, 8, project_id, 16, analysis_id, 16, image_id),
            _TYPES[kind],
            encode_text(name),
            encode_float4(confidence),
            encode_jsonb(pack_data(data, name)),
            NULL if parent_id is None else _ID(16, parent_id),
            _PLACE(4, ordering, 8, algorithm_id, 16, print_),
            as_float8(confidence),
        )
    )


async def create_scores(scope: Scope, tx: Transaction, vectors: Sequence[NewScores]) -> None:
    """Create score vectors in bulk."""
    if vectors:
        await copy_rows(
            tx,
            "score_vectors (annotation_id, analysis_id, project_id, encoding, classes, content)",
            6,
            (
                _ID(16, row.annotation_id)
                + _ID(16, row.analysis_id.bytes)
                + encode_int8(row.project_id)
                + encode_text(row.encoding)
                + encode_int4(row.classes)
                + encode_bytes(row.content)
                for row in vectors
            ),
        )


async def create_reports(
    scope: Scope, tx: Transaction, project_id: int, reports: Sequence[tuple[UUID, dict[str, Any]]]
) -> None:
    """Store the reports of workers, pairs of analysis ID and report."""
    # One JSON text for all reports: an array of texts is escaped character by character.
    content = msgspec.json.encode({str(analysis_id): report for analysis_id, report in reports})
    await tx.execute(
        """
        insert into analysis_reports (analysis_id, project_id, report)
        select r.key::uuid, %s, r.value from jsonb_each(%s::jsonb) r
        """,
        (project_id, content.decode()),
    )


async def update_image_classes(scope: Scope, tx: Transaction, found: Sequence[ImageClass]) -> None:
    """Store the classes that the first result of images found.

    Images are locked before their classes, in the order of their IDs.
    """
    if found:
        ordered = sorted(found, key=lambda one: (one.image_id, one.class_name))
        await tx.execute(
            """
            insert into image_classes (image_id, class_name, project_id, captured_at, confidence)
            select f.image_id, f.class_name, i.project_id, i.captured_at, f.confidence
            from unnest(%b::uuid[], %b::text[], %b::float8[]) with ordinality
                as f(image_id, class_name, confidence, position)
            join images i on i.id = f.image_id order by f.position
            on conflict (image_id, class_name) do update
                set confidence = greatest(image_classes.confidence, excluded.confidence)
            """,
            (
                [one.image_id for one in ordered],
                [one.class_name for one in ordered],
                [one.confidence for one in ordered],
            ),
        )


def to_jsonb(value: Any) -> Jsonb:
    """Wrap a value for a jsonb column with a fast JSON encoder."""
    return Jsonb(value, dumps=msgspec.json.encode)
