"""Pairs of answers to images: by two model versions, by a model and people, or by two people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.queries.annotations import to_jsonb
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Number, Row
from trapline.server.review.queries.observation_sets import ObservationSet
from trapline.server.review.rules.answers import AnswerPair


class ComparedPairRow(Row):
    """Two sources of answers in a project; `key` is the SHA-256 of both."""

    __tablename__ = "compared_pairs"
    __table_args__ = (
        CheckConstraint("kind in ('models', 'model_people', 'people')", name="kind"),
        UniqueConstraint("project_id", "key"),
    )

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    kind: Mapped[str]
    first: Mapped[str]
    second: Mapped[str]
    key: Mapped[bytes] = mapped_column(LargeBinary)


class AnswerPairRow(Row):
    """The answers of two sources to an image in a set, for images with several sources only.

    `is_open`: they differ, and no person decided since. Without the capture time, which would have
    to follow that of the image.
    """

    __tablename__ = "answer_pairs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        CheckConstraint("differs or not is_open", name="open"),
        Index(
            "ix_answer_pairs_answers",
            "set_id",
            "pair_id",
            "first_answer",
            "second_answer",
            "image_id",
            postgresql_include=["differs", "is_open"],
        ),
        Index(
            "ix_answer_pairs_open", "set_id", "kind", "image_id", postgresql_where=text("is_open")
        ),
        {
            "postgresql_with": {
                "autovacuum_vacuum_scale_factor": "0.01",
                "autovacuum_vacuum_insert_scale_factor": "0.01",
            }
        },
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(primary_key=True)
    set_id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    kind: Mapped[str]
    first_answer: Mapped[str]
    second_answer: Mapped[str]
    differs: Mapped[bool]
    is_open: Mapped[bool]


_STORE = """
    with fresh as materialized (
        select f.*, p.id as pair_id from jsonb_to_recordset(%(pairs)s::jsonb) as f (
            image_id uuid, key text, kind text, first_answer text, second_answer text,
            differs boolean, is_open boolean)
        join compared_pairs p on p.project_id = %(project)s and p.key = decode(f.key, 'hex')
    ), gone as (
        delete from answer_pairs o where o.image_id = any(%(images)b::uuid[])
            and o.set_id = %(set)s and not exists (
                select from fresh f where f.image_id = o.image_id and f.pair_id = o.pair_id)
    )
    insert into answer_pairs (image_id, pair_id, set_id, project_id, kind, first_answer,
        second_answer, differs, is_open)
    select image_id, pair_id, %(set)s, %(project)s, kind, first_answer, second_answer, differs,
        is_open from fresh order by image_id, pair_id
    on conflict (image_id, pair_id, set_id) do update set (first_answer, second_answer, differs,
        is_open) = (excluded.first_answer, excluded.second_answer, excluded.differs,
        excluded.is_open)
    where (answer_pairs.first_answer, answer_pairs.second_answer, answer_pairs.differs,
        answer_pairs.is_open) is distinct from (excluded.first_answer, excluded.second_answer,
        excluded.differs, excluded.is_open)
"""


async def store_answer_pairs(
    scope: Scope,
    tx: Transaction,
    of: ObservationSet,
    images: Collection[UUID],
    pairs: Mapping[UUID, Sequence[AnswerPair]],
) -> None:
    """Store the pairs of answers of locked images in a set; those of other images are deleted."""
    rows: list[dict[str, Any]] = []
    sources: dict[str, AnswerPair] = {}
    for image_id, found in pairs.items():
        for one in found:
            key = get_pair_key(one.first.source, one.second.source)
            sources[key] = one
            rows.append(
                {
                    "image_id": image_id,
                    "key": key,
                    "kind": one.kind.value,
                    "first_answer": one.first.text,
                    "second_answer": one.second.text,
                    "differs": one.differs,
                    "is_open": one.is_open,
                }
            )
    if not rows:
        await tx.execute(
            "delete from answer_pairs where image_id = any(%b::uuid[]) and set_id = %s",
            (list(images), of.id),
        )
        return
    await _add_compared_pairs(tx, of.project_id, sources)
    parameters = {"pairs": to_jsonb(rows), "project": of.project_id, "set": of.id}
    await tx.execute(_STORE, {**parameters, "images": list(images)})


def get_pair_key(first: str, second: str) -> str:
    """Return the key of a pair of sources in hexadecimal digits."""
    return sha256(f"{first}\n{second}".encode()).hexdigest()


async def _add_compared_pairs(
    tx: Transaction, project_id: int, sources: Mapping[str, AnswerPair]
) -> None:
    """Add pairs of sources that the project does not have yet, in the order of their keys."""
    if not sources:
        return
    cursor = await tx.execute(
        "select encode(key, 'hex') from compared_pairs where project_id = %s and key = any(%s)",
        (project_id, [bytes.fromhex(key) for key in sources]),
    )
    known = {key for (key,) in await cursor.fetchall()}
    for key in sorted(set(sources) - known):
        one = sources[key]
        await tx.execute(
            "insert into compared_pairs (project_id, kind, first, second, key) "
            "values (%s, %s, %s, %s, %s) on conflict do nothing",
            (project_id, one.kind.value, one.first.source, one.second.source, bytes.fromhex(key)),
        )


@dataclass(frozen=True)
class ComparedSources:
    """A pair of sources of a project."""

    id: int
    kind: str
    first: str
    second: str


async def find_compared_pair(
    scope: Scope, tx: Transaction, project_id: int, one: str, other: str
) -> tuple[ComparedSources, bool] | None:
    """Find the pair of two sources, and return whether it has them in the other order."""
    scope.check(project_id)
    keys = [bytes.fromhex(get_pair_key(*pair)) for pair in ((one, other), (other, one))]
    cursor = await tx.execute(
        "select id, kind, first, second from compared_pairs "
        "where project_id = %s and key = any(%s) order by id limit 1",
        (project_id, keys),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    found = ComparedSources(*row)
    return found, found.first != one


async def count_compared_pairs(
    scope: Scope, tx: Transaction, project_id: int, sets: Sequence[int]
) -> list[tuple[ComparedSources, int, int, int]]:
    """Count images, differences and open differences of each pair, those with most open first."""
    scope.check(project_id)
    # Deleted images are few and are subtracted. A join with each of a million images was slow.
    cursor = await tx.execute(
        """
        with deleted as materialized (
            select a.pair_id, count(*) as images, count(*) filter (where a.differs) as differ,
                count(*) filter (where a.is_open) as open
            from images i join answer_pairs a on a.image_id = i.id and a.set_id = any(%(sets)s)
            where i.project_id = %(project)s and i.deleted_at is not null group by 1
        ), counted as (
            select pair_id, count(*) as images, count(*) filter (where differs) as differ,
                count(*) filter (where is_open) as open
            from answer_pairs where set_id = any(%(sets)s) group by 1
        )
        select p.id, p.kind, p.first, p.second, c.images - coalesce(d.images, 0),
            c.differ - coalesce(d.differ, 0), c.open - coalesce(d.open, 0)
        from counted c join compared_pairs p on p.id = c.pair_id
        left join deleted d on d.pair_id = c.pair_id
        where c.images > coalesce(d.images, 0)
        order by 7 desc, 6 desc, 5 desc, p.first, p.second
        """,
        {"sets": list(sets), "project": project_id},
    )
    return [(ComparedSources(*row[:4]), row[4], row[5], row[6]) for row in await cursor.fetchall()]
