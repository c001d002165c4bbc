"""Queries of an export's contents: the images as of its start, and their annotations.

The times, tags, stars and observations of an image, and whether it matches the filter, are those of
the moment when its page is gathered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, select, tuple_

from trapline.server.catalogue.queries.image_filters import filter_images, resolve_filter
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.exports.queries.exported_observations import CurrentObservation
from trapline.server.exports.queries.exports import ExportImageRow
from trapline.server.findings.queries.annotations import CONFIDENCE
from trapline.server.findings.queries.current_findings import render_has_findings
from trapline.server.findings.rules.packed_data import PACKED, UNPACKED_BYTES, unpack_data
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.public.queries.public_projects import select_public_images

Place = tuple[datetime, UUID]
"""The capture time and ID of the image after which a page begins."""


@dataclass(frozen=True)
class ExportScope:
    """The selection of an export: images of a project that existed at its start."""

    project_id: int
    as_of: datetime
    filter: ImageFilter
    images: tuple[UUID, ...] | None = None


class ExportedAnnotation(NamedTuple):
    """An annotation of a completed analysis; an analysis without annotations has one empty entry.

    `made_by` is the pipeline of its analysis, and `model_name` the model within it. `is_newest`:
    no later analysis of this pipeline is completed. `is_latest`: it is the latest analysis with
    findings, which the page shows for this image.
    """

    image_id: UUID
    analysis_id: UUID
    model_name: str
    model_version: str
    completed_at: datetime | None
    id: UUID | None
    type: str
    class_name: str | None
    confidence: float | None
    data: str
    parent_id: UUID | None
    made_by: str = ""
    is_newest: bool = True
    is_latest: bool = True
    package: str | None = None
    """The import of a Camtrap DP that stored it, if several analyses of the image came from it.

    These analyses count as one.
    """


async def _select(scope: Scope, tx: Transaction, wanted: ExportScope) -> Select[ImageRow]:
    # Looked up for each page: the observations of a project can be derived again meanwhile.
    resolved = await resolve_filter(scope, tx, wanted.project_id, wanted.filter)
    statement = filter_images(select_images(scope, wanted.project_id), resolved)
    if wanted.images is not None:
        statement = statement.where(ImageRow.id.in_(wanted.images))
    return statement.where(ImageRow.created_at <= wanted.as_of)


async def count_selected(scope: Scope, tx: Transaction, wanted: ExportScope) -> int:
    """Count the images that an export selects, if none of them changes meanwhile."""
    selected = await _select(scope, tx, wanted)
    counted = select(func.count()).select_from(selected.with_only_columns(ImageRow.id).subquery())
    return int((await tx.session.execute(counted)).scalar_one())


async def has_remaining_images(
    scope: Scope,
    tx: Transaction,
    wanted: ExportScope,
    export_id: UUID,
    deployment_id: UUID | None = None,
) -> bool:
    """Return whether an image, of one deployment or of all, is selected but not in the export.

    This happens if its capture time changed while the export was gathered.
    """
    held = select(ExportImageRow.image_id).where(
        ExportImageRow.export_id == export_id, ExportImageRow.image_id == ImageRow.id
    )
    selected = await _select(scope, tx, wanted)
    if deployment_id is not None:
        selected = selected.where(ImageRow.deployment_id == deployment_id)
    left = selected.with_only_columns(ImageRow.id).where(~held.exists()).limit(1)
    return (await tx.session.execute(left)).first() is not None


async def list_deployments(
    scope: Scope, tx: Transaction, wanted: ExportScope
) -> list[DeploymentRow]:
    """List the deployments that an export can contain, in the export's order."""
    statement = (
        select(DeploymentRow)
        .where(DeploymentRow.project_id == wanted.project_id)
        .order_by(DeploymentRow.id)
    )
    if wanted.filter.deployment_ids:
        statement = statement.where(DeploymentRow.id.in_(wanted.filter.deployment_ids))
    return list((await tx.session.scalars(statement)).all())


async def list_images(
    scope: Scope,
    tx: Transaction,
    wanted: ExportScope,
    deployment_id: UUID,
    after: Place | None,
    limit: int,
) -> Sequence[Any]:
    """List a page of the images of a deployment, by capture time and ID, with their EXIF."""
    place = (ImageRow.captured_at, ImageRow.id)
    selected = await _select(scope, tx, wanted)
    statement = selected.where(ImageRow.deployment_id == deployment_id)
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(*after))
    columns = [getattr(ImageRow, name) for name in IMAGE_COLUMNS]
    chosen = statement.with_only_columns(*columns).order_by(*place).limit(limit)
    return (await tx.session.execute(chosen)).all()


IMAGE_COLUMNS = (
    "id", "deployment_id", "filename", "source_path", "media_type", "width", "height",
    "captured_at", "captured_at_source", "time_zone", "sha256", "size_bytes", "storage_key",
    "upright_key", "sequence_id", "starred", "flags", "exif", "source_id", "read_at",
)  # fmt: skip


async def list_annotations(
    scope: Scope,
    tx: Transaction,
    images: Sequence[UUID],
    as_of: datetime,
    observed: Sequence[CurrentObservation] = (),
) -> list[ExportedAnnotation]:
    """List the annotations of each model's newest completed analysis of these images, in order.

    Other analyses that observations refer to follow: a person identified a box of an older one, or
    they are newer.
    """
    analyses = {one.analysis_id for one in observed if one.analysis_id is not None}
    subjects = {one.annotation_id for one in observed if one.annotation_id is not None}
    cursor = await tx.execute(
        f"""
        with newest as materialized (
            select distinct on (image_id, model_name)
                id, image_id, model_name, model_version, completed_at, created_at
            from analyses where image_id = any(%b) and state = 'completed' and not simulated
                and coalesce(completed_at, updated_at) <= %s
            order by image_id, model_name, created_at desc, id desc
        ), weighed as materialized (
            select z.*, case when count(*) over (partition by image_id) > 1
                then coalesce({render_has_findings("z.id")}, false) end as has_findings
            from newest z
        ), referred_to as materialized (
            select unnest(%b::uuid[]) as id
            union select n.analysis_id from annotations n where n.id = any(%b)
        ), packaged as materialized (
            select w.*, case when count(*) over (partition by image_id) > 1 then (
                select d.provenance->>'import_id' from analysis_details d
                where d.analysis_id = w.id and d.provenance->>'format' = 'camtrap-dp'
            ) end as package from weighed w
        ), chosen as materialized (
            select id, image_id, model_name, model_version, completed_at, true as is_newest,
                row_number() over latest_first = 1
                    or (package is not null and first_value(package) over latest_first is not null)
                    as is_latest,
                package
            from packaged
            window latest_first as (
                partition by image_id order by has_findings desc, created_at desc, id desc
            )
            union all
            select a.id, a.image_id, a.model_name, a.model_version, a.completed_at,
                false, false, null
            from referred_to s join analyses a on a.id = s.id
            where a.state = 'completed' and not a.simulated
                and not exists (select from newest w where w.id = a.id)
        )
        select z.image_id, z.id, coalesce(g.key, z.model_name),
            coalesce(g.version_name, g.version::text, z.model_version), z.completed_at, n.id,
            coalesce(n.annotation_type, ''), n.class_name, {CONFIDENCE},
            coalesce(n.data::text, '{{}}'), n.parent_id,
            z.model_name, z.is_newest, z.is_latest, z.package, n.algorithm_id
        from chosen z left join annotations n on n.analysis_id = z.id
        left join algorithms g on g.id = n.algorithm_id
        order by z.image_id, z.is_newest desc, z.model_name, z.id, n.ordering, n.id
        """,  # noqa: S608 - made of constants
        (list(images), as_of, list(analyses), list(subjects)),
    )
    return [_build_annotation(*row) for row in await cursor.fetchall()]


def _build_annotation(*row: Any) -> ExportedAnnotation:
    *columns, algorithm_id = row
    found = ExportedAnnotation(*columns)
    if algorithm_id is None or f'"{PACKED}"' not in found.data:
        return found
    data = unpack_data(msgspec.json.decode(found.data), found.class_name, algorithm_id)
    return found._replace(data=msgspec.json.encode(data).decode())


async def list_public_images(
    scope: Scope, tx: Transaction, project_id: int, images: Sequence[UUID]
) -> set[UUID]:
    """Return those of these images that visitors could see if their project is public."""
    shown = select_public_images(scope, project_id, ImageFilter()).with_only_columns(ImageRow.id)
    return set((await tx.session.scalars(shown.where(ImageRow.id.in_(images)))).all())


async def count_sequences(
    scope: Scope, tx: Transaction, sequences: Collection[UUID], as_of: datetime
) -> Mapping[UUID, int]:
    """Count all images that each of these sequences had at that time."""
    cursor = await tx.execute(
        "select sequence_id, count(*) from images"
        " where sequence_id = any(%b) and deleted_at is null and created_at <= %s group by 1",
        (list(sequences), as_of),
    )
    return dict(await cursor.fetchall())


async def list_reviewer_names(scope: Scope, tx: Transaction, project_id: int) -> Mapping[str, str]:
    """Return a publishable name of each person who has identified something or drawn a box.

    An email address is never used. People without a name are numbered in the order of their first
    identification.
    """
    cursor = await tx.execute(
        """
        select d.made_by, u.name from (
            select made_by, min(at) as began from (
                select made_by, created_at as at from identifications where project_id = %(project)s
                union all
                select made_by, created_at from human_boxes where project_id = %(project)s
                union all
                select updated_by, updated_at from human_boxes where project_id = %(project)s
                union all
                select stated_by, stated_at from human_boxes
                where project_id = %(project)s and stated_by is not null
            ) stated group by 1
        ) d left join users u on 'user:' || u.id = d.made_by order by d.began, d.made_by
        """,
        {"project": project_id},
    )
    names = {}
    for number, (made_by, name) in enumerate(await cursor.fetchall(), 1):
        given = (name or "").strip()
        names[made_by] = given if given and "@" not in given else f"reviewer {number}"
    return names


async def list_taxa(scope: Scope, tx: Transaction, project_id: int) -> list[dict[str, Any]]:
    """List the accepted taxa of labels, of identifications and of observations."""
    names = (
        "id",
        "scientific_name",
        "authorship",
        "rank",
        "higher_ranks",
        "common_names",
        "gbif_key",
        "external_id",
    )
    cursor = await tx.execute(
        f"""
        select {", ".join(names)} from taxa where project_id = %(project)s and id in (
            select coalesce(t.accepted_id, t.id) from taxa t where t.project_id = %(project)s and (
                exists (
                    select from taxon_labels l
                    where l.project_id = t.project_id and l.taxon_id = t.id
                )
                or exists (
                    select from identifications d
                    where d.project_id = t.project_id and d.taxon_id = t.id
                )
                or exists (
                    select from name_meanings m join observation_sets s on s.id = m.set_id
                    where s.project_id = t.project_id and s.state = 'current' and m.taxon_id = t.id
                )
            )
        ) order by id
        """,  # noqa: S608 - made of constants
        {"project": project_id},
    )
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def list_annotation_sizes(
    scope: Scope, tx: Transaction, images: Sequence[UUID], extra_bytes: int
) -> Mapping[UUID, int]:
    """Return the maximum size in bytes of each image's annotation data.

    It includes `extra_bytes` per annotation. Uncompressed values are measured without reading them.
    """
    cursor = await tx.execute(
        """
        select a.image_id, sum(w.bytes)::bigint from analyses a cross join lateral (
            select sum(
                %s + case when pg_column_compression(n.data) is null then pg_column_size(n.data)
                    else octet_length(n.data::text) end
                + case when n.data ? %s then %s + coalesce(octet_length(n.class_name), 0) else 0 end
            ) as bytes
            from annotations n where n.analysis_id = a.id
        ) w
        where a.image_id = any(%b) and a.state = 'completed' and not a.simulated
            and w.bytes is not null
        group by 1
        """,
        (extra_bytes, PACKED, UNPACKED_BYTES, list(images)),
    )
    return {image: int(weight) for image, weight in await cursor.fetchall()}
