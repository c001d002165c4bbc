"""IDs that an imported Camtrap DP gives deployments, images and observations, for its exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row

BLANK = "blank"
"""The key of an image's observation by a model that found nothing, which has no annotation ID."""
UNCLASSIFIED = "unclassified"
"""The key of the observation of an image that neither a model nor a person classified."""
BY = "By "
"""The beginning of the person's name in the comment of an imported identification."""


class ImportedObservation(NamedTuple):
    """The IDs of an observation in its package, and the texts that no row here has.

    `classified_by`, `classified_at` and `label` are those of the package: the person need not have
    an account, the model ran before the import, and the label means a taxon.
    """

    observation_id: str = ""
    event_id: str = ""
    individual_id: str = ""
    classified_by: str = ""
    classified_at: str = ""
    label: str = ""


def read_observation(stored: Sequence[str] | None) -> ImportedObservation:
    """Return what a package says of an observation; earlier versions stored only its IDs."""
    return ImportedObservation(*(stored or ()))


def remove_person(comment: str | None, people: Sequence[str]) -> str | None:
    """Return the comment of an imported identification without the name that the import added.

    >>> remove_person("sharp. By Ada; By Max", ["Ada", "Max"])
    'sharp'
    """
    if not comment:
        return comment
    added = tuple(f"{BY}{name}" for name in people if name)
    parts = []
    for part in comment.split("; "):
        end = next((one for one in added if part == one or part.endswith(f". {one}")), "")
        parts.append(part.removesuffix(end).removesuffix(". ") if end else part)
    return "; ".join(dict.fromkeys(part for part in parts if part)) or None


def build_member_key(identification_id: UUID, place: int) -> str:
    """Return the key of one of the observations that an identification of a sequence combines."""
    return f"{identification_id}:{place}"


class ImportedImageRow(Row):
    """An image's `mediaID`, and the observationID, eventID and individualID of its observations.

    `observations` is keyed by the IDs of annotations and identifications; see also BLANK and
    `build_member_key`. `media_id` is null if
    another image of the project has it.
    """

    __tablename__ = "imported_images"
    __table_args__ = (
        UniqueConstraint("project_id", "media_id"),
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    media_id: Mapped[str | None]
    observations: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ImportedDeploymentRow(Row):
    """A deployment's `deploymentID` and `locationID`."""

    __tablename__ = "imported_deployments"
    __table_args__ = (
        UniqueConstraint("project_id", "external_id"),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
    )

    deployment_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    external_id: Mapped[str]
    location_id: Mapped[str] = mapped_column(default="")


class DeploymentIds(NamedTuple):
    """The IDs that a package gives a deployment."""

    external_id: str
    location_id: str = ""


@dataclass
class PackageImageIds:
    """The IDs that a package gives an image and its observations.

    `observations` is keyed by the IDs of annotations and identifications, as text.
    """

    media_id: str | None = None
    observations: dict[str, list[str]] = field(default_factory=dict)


async def write_image_ids(
    scope: Scope, tx: Transaction, project_id: int, images: Mapping[UUID, PackageImageIds]
) -> None:
    """Store the IDs of existing images; an image keeps the mediaID that it has."""
    scope.check(project_id)
    listed = sorted(images.items())
    await tx.execute(
        """
        insert into imported_images (image_id, project_id, media_id, observations)
        select g.image_id, %(project)s, case when not exists (
            select from imported_images o
            where o.project_id = %(project)s and o.media_id = g.media_id
                and o.image_id <> g.image_id
        ) then g.media_id end, g.observations::jsonb
        from unnest(%(images)s::uuid[], %(media)s::text[], %(observations)s::text[])
            as g(image_id, media_id, observations)
        on conflict (image_id) do update set
            media_id = coalesce(imported_images.media_id, excluded.media_id),
            observations = imported_images.observations || excluded.observations
        """,
        {
            "project": project_id,
            "images": [key for key, _ in listed],
            "media": [one.media_id for _, one in listed],
            "observations": [msgspec.json.encode(one.observations).decode() for _, one in listed],
        },
    )


async def list_image_ids(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> dict[UUID, PackageImageIds]:
    """List the IDs that packages gave these images."""
    cursor = await tx.execute(
        "select image_id, media_id, observations from imported_images where image_id = any(%b)",
        (list(images),),
    )
    return {
        key: PackageImageIds(media_id, observations)
        for key, media_id, observations in await cursor.fetchall()
    }


async def write_deployment_ids(
    scope: Scope, tx: Transaction, project_id: int, deployments: Mapping[UUID, DeploymentIds]
) -> None:
    """Store the IDs of deployments, except if a deployment has one or another has that ID."""
    scope.check(project_id)
    await tx.execute(
        """
        insert into imported_deployments (deployment_id, project_id, external_id, location_id)
        select g.deployment_id, %s, g.external_id, g.location_id
        from unnest(%s::uuid[], %s::text[], %s::text[])
            as g(deployment_id, external_id, location_id)
        on conflict do nothing
        """,
        (
            project_id,
            list(deployments),
            [one.external_id for one in deployments.values()],
            [one.location_id for one in deployments.values()],
        ),
    )


async def list_deployment_ids(
    scope: Scope, tx: Transaction, project_id: int
) -> dict[UUID, DeploymentIds]:
    """List the IDs that packages gave the deployments of a project."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select deployment_id, external_id, location_id from imported_deployments"
        " where project_id = %s",
        (project_id,),
    )
    return {key: DeploymentIds(*ids) for key, *ids in await cursor.fetchall()}
