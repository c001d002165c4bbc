"""Observations as one person sees them without the decisions of other people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.derivation import build_rows
from trapline.server.review.queries.independent_observations import list_analysis_models
from trapline.server.review.queries.observation_inputs import load_inputs
from trapline.server.review.queries.observation_rows import CURRENT, DETAILS
from trapline.server.review.queries.observation_sets import (
    ObservationSet,
    list_active_sets,
    list_ranks,
)
from trapline.server.review.rules.observation_inputs import DerivationSettings, ImageInput
from trapline.server.review.rules.review_set_agreement import derive_own, keep_own_decisions
from trapline.wire.observations import Observation, ObservationKind, ObservationSource


@dataclass(frozen=True, slots=True)
class ReviewImageContext:
    """The fields of an image that its observations contain."""

    id: UUID
    project_id: int
    sequence_id: UUID | None
    deployment_id: UUID
    captured_at: Any


async def load_current_inputs(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> tuple[list[ImageInput], DerivationSettings]:
    """Load what is known about images of a project, and its settings."""
    of = await _get_current_set(scope, tx, project_id)
    settings = of.build_settings(await list_ranks(scope, tx, of))
    return await load_inputs(scope, tx, of, settings, images) if images else [], settings


async def _get_current_set(scope: Scope, tx: Transaction, project_id: int) -> ObservationSet:
    [current] = [
        one for one in await list_active_sets(scope, tx, project_id) if one.state == CURRENT
    ]
    return current


async def _derive(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> list[dict[str, Any]]:
    inputs, settings = await load_current_inputs(scope, tx, project_id, images)
    return [
        row
        for one in inputs
        for row in build_rows(one.id, derive_own(keep_own_decisions(one, scope.person), settings))
    ]


async def list_own_confirmable(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """List observations as a confirmation records them, without decisions of other people.

    An image that shows nothing without these has an empty list.
    """
    found: dict[UUID, list[dict[str, Any]]] = {image: [] for image in images}
    for row in await _derive(scope, tx, project_id, images):
        subject, taxon = row["annotation_id"], row["taxon_id"]
        found[row["image_id"]].append(
            {
                "subject": str(subject) if subject is not None else None,
                "kind": str(row["kind"]),
                "label": row["label"],
                "taxon": str(taxon) if taxon is not None else None,
                **{name: row[name] for name in DETAILS},
            }
        )
    return found


async def list_own_observations(
    scope: Scope, tx: Transaction, project_id: int, images: Mapping[UUID, ReviewImageContext]
) -> list[Observation]:
    """List the observations of images without the decisions and boxes of other people."""
    rows = await _derive(scope, tx, project_id, images.keys())
    models = await list_analysis_models(scope, tx, {row["analysis_id"] for row in rows} - {None})
    names = await list_actor_names(scope, tx, {row["identified_by"] for row in rows})
    given = set(Observation.model_fields) & set(rows[0]) - {"kind"} if rows else set()
    return [
        Observation(
            **{name: row[name] for name in given - {"identified_by"}},
            kind=ObservationKind(row["kind"]),
            project_id=project_id,
            sequence_id=images[row["image_id"]].sequence_id,
            deployment_id=images[row["image_id"]].deployment_id,
            captured_at=images[row["image_id"]].captured_at,
            source=ObservationSource.HUMAN if row["human"] else ObservationSource.MODEL,
            identified_by=names.get(row["identified_by"]),
            person_id=parse_actor(row["identified_by"]) if row["identified_by"] else None,
            model_name=models.get(row["analysis_id"], (None, None))[0],
            model_version=models.get(row["analysis_id"], (None, None))[1],
        )
        for row in rows
    ]
