"""The visible part of public projects; all queries use the one selection of images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, func, select, tuple_

from trapline.server.catalogue.queries.image_filters import filter_images
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.rules.people_words import KEPT_BACK
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow, ImageTagRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.public.queries.public_names import (
    select_unknown_classes,
    shows_known_animals,
)
from trapline.server.review.queries.observation_rows import ObservedClassRow
from trapline.wire.auth import Role
from trapline.wire.observations import ObservationKind

MOST_CLASSES = 100
MOST_S = 2
"""Maximum duration of a statement for a visitor."""


@dataclass(frozen=True)
class PublicProjectCounts:
    """Counts of the newest visible images of a public project.

    `deployments` has the number of images and the last capture time by deployment.
    """

    images: int
    is_estimate: bool
    first_at: datetime | None
    last_at: datetime | None
    classes: Sequence[tuple[str, int]]
    deployments: dict[UUID, tuple[int, datetime]]


async def get_public_project_row(
    scope: Scope, tx: Transaction, project_id: int
) -> tuple[Scope, ProjectRow]:
    """Return a public project, with a scope that can view it.

    Statements of the transaction are limited to MOST_S from then on: they also read hidden images,
    and visitors are anonymous.

    Raises:
        NotFound: the project is not public.
    """
    await tx.execute(f"set local statement_timeout = '{MOST_S}s'")
    row = await tx.session.get(ProjectRow, project_id)
    if row is None or not row.public or row.deleted_at is not None:
        raise NotFound
    return replace(scope, roles={project_id: Role.VIEWER}), row


def select_public_images(scope: Scope, project_id: int, wanted: ImageFilter) -> Select[ImageRow]:
    """Select the visible images: with a thumbnail, analysed, and with known animals or nothing."""
    scope.check(project_id)
    statement = select(ImageRow).where(
        ImageRow.project_id == project_id,
        ImageRow.deleted_at.is_(None),
        ImageRow.thumbnails_at.is_not(None),
    )
    tags = select(ImageTagRow.image_id).where(
        ImageTagRow.image_id == ImageRow.id, ImageTagRow.tag.regexp_match(KEPT_BACK, flags="i")
    )
    # An image that is queued again keeps its earlier analysis.
    analysed = exists().where(
        AnalysisRow.image_id == ImageRow.id,
        AnalysisRow.state == "completed",
        ~AnalysisRow.simulated,
    )
    # Looked at image by image (offset 0): joined, all tags of a million images would be read for
    # one page.
    kept_back = ~tags.correlate(ImageRow).offset(0).exists()
    return filter_images(statement, wanted).where(
        analysed, kept_back, shows_known_animals(project_id)
    )


async def get_public_image_row(
    scope: Scope, tx: Transaction, project_id: int, image_id: UUID
) -> ImageRow:
    """Get an image that is shown. Raises NotFound."""
    statement = select_public_images(scope, project_id, ImageFilter()).where(
        ImageRow.id == image_id
    )
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    return row


async def list_adjacent_public_images(
    scope: Scope, tx: Transaction, image: ImageRow
) -> tuple[UUID | None, UUID | None]:
    """Find the visible images that were captured before and after this one."""
    key, here = tuple_(ImageRow.captured_at, ImageRow.id), tuple_(image.captured_at, image.id)
    shown = (
        select_public_images(scope, image.project_id, ImageFilter())
        .with_only_columns(ImageRow.id)
        .limit(1)
    )
    before = shown.where(key < here).order_by(ImageRow.captured_at.desc(), ImageRow.id.desc())
    after = shown.where(key > here).order_by(ImageRow.captured_at, ImageRow.id)
    return (
        (await tx.session.execute(before)).scalar_one_or_none(),
        (await tx.session.execute(after)).scalar_one_or_none(),
    )


async def number_deployments(scope: Scope, tx: Transaction, project_id: int) -> dict[UUID, int]:
    """Number the deployments of a project in the order of creation, from 1."""
    scope.check(project_id)
    statement = (
        select(DeploymentRow.id)
        .where(DeploymentRow.project_id == project_id)
        .order_by(DeploymentRow.id)
    )
    return {
        key: number
        for number, key in enumerate((await tx.session.scalars(statement)).all(), start=1)
    }


async def get_public_counts(scope: Scope, tx: Transaction, project_id: int) -> PublicProjectCounts:
    """Count the newest visible images of a public project."""
    newest = (
        select_public_images(scope, project_id, ImageFilter())
        .with_only_columns(ImageRow.id, ImageRow.deployment_id, ImageRow.captured_at)
        .order_by(ImageRow.captured_at.desc(), ImageRow.id.desc())
        .limit(EXACT_UP_TO + 1)
        .cte("newest")
        .prefix_with("materialized", dialect="postgresql")
    )
    by_deployment = select(
        newest.c.deployment_id,
        func.count(),
        func.min(newest.c.captured_at),
        func.max(newest.c.captured_at),
    ).group_by(newest.c.deployment_id)
    found = (await tx.session.execute(by_deployment)).all()
    by_class = (
        select(ObservedClassRow.class_name, func.count())
        .join(newest, newest.c.id == ObservedClassRow.image_id)
        .join(ProjectRow, ProjectRow.observation_set_id == ObservedClassRow.set_id)
        .where(ObservedClassRow.kind != ObservationKind.BLANK, ObservedClassRow.class_name != "")
        .group_by(ObservedClassRow.class_name)
    )
    counts = {name: images for name, images in (await tx.session.execute(by_class)).all()}
    classes = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_CLASSES]
    total = sum(images for _, images, _, _ in found)
    return PublicProjectCounts(
        images=min(total, EXACT_UP_TO),
        is_estimate=total > EXACT_UP_TO,
        first_at=min((first for _, _, first, _ in found), default=None),
        last_at=max((last for _, _, _, last in found), default=None),
        classes=classes,
        deployments={deployment: (images, last) for deployment, images, _, last in found},
    )


async def find_preview(
    scope: Scope, tx: Transaction, project_id: int
) -> tuple[int, int, Sequence[tuple[str, int]]]:
    """Count the newest images of a project, the visible ones of them, and their unknown classes.

    At most EXACT_UP_TO images are read, and MOST_CLASSES classes returned, the most frequent first.
    """
    scope.check(project_id)
    newest = (
        select(ImageRow.id)
        .where(ImageRow.project_id == project_id, ImageRow.deleted_at.is_(None))
        .order_by(ImageRow.captured_at.desc(), ImageRow.id.desc())
        .limit(EXACT_UP_TO + 1)
        .cte("newest")
        .prefix_with("materialized", dialect="postgresql")
    )
    images = (await tx.session.execute(select(func.count()).select_from(newest))).scalar_one()
    shown = select_public_images(scope, project_id, ImageFilter()).where(
        ImageRow.id.in_(select(newest.c.id))
    )
    counted = select(func.count()).select_from(shown.with_only_columns(ImageRow.id).subquery())
    count = func.count()
    unknown_classes = select_unknown_classes(project_id, select(newest.c.id)).subquery()
    classes = (
        select(unknown_classes.c.class_name, count)
        .group_by(unknown_classes.c.class_name)
        .order_by(count.desc(), unknown_classes.c.class_name)
        .limit(MOST_CLASSES)
    )
    unknown = [(name, number) for name, number in (await tx.session.execute(classes)).all()]
    return images, (await tx.session.execute(counted)).scalar_one(), unknown
